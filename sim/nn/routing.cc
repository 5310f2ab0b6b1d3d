#include "sim/nn/routing.h"

#include <algorithm>

#include "sim/elementary.h"

namespace halfulp::nn {
namespace {

template <class T>
void softmax(const T* logits, std::size_t n, double* p) {
  const double largest = static_cast<double>(*std::max_element(logits, logits + n));
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    p[i] = pinned_exp(static_cast<double>(logits[i]) - largest);
    sum += p[i];
  }
  for (std::size_t i = 0; i < n; ++i) p[i] /= sum;
}

/// The largest of p but `skipped`, the first of equal ones.
std::uint32_t best_of(const double* p, std::size_t n, std::uint32_t skipped) {
  std::uint32_t best = skipped == 0 ? 1 : 0;
  for (std::uint32_t i = best + 1; i < n; ++i) {
    if (i != skipped && p[i] > p[best]) best = i;
  }
  return best;
}

void sort_by_expert(Routing& routing) {
  routing.starts.assign(routing.experts + 1, 0);
  for (const std::uint32_t expert : routing.chosen) ++routing.starts[expert + 1];
  for (std::size_t i = 0; i < routing.experts; ++i) routing.starts[i + 1] += routing.starts[i];
  routing.order.resize(routing.chosen.size());
  std::vector<std::uint32_t> next(routing.starts.begin(), routing.starts.end() - 1);
  for (std::uint32_t i = 0; i < routing.chosen.size(); ++i) {
    routing.order[next[routing.chosen[i]]++] = i;
  }
}

}  // namespace

double Routing::imbalance() const {
  double total = 0.0;
  for (std::size_t e = 0; e < experts; ++e) {
    double mean = 0.0;
    for (std::size_t r = 0; r < rows; ++r) mean += probabilities[r * experts + e];
    total += static_cast<double>(count(e)) / static_cast<double>(rows * per_token) * mean /
             static_cast<double>(rows);
  }
  return static_cast<double>(experts) * total;
}

template <class T>
Routing route(const T* logits, std::size_t rows, std::size_t experts, std::size_t per_token) {
  Routing routing;
  routing.rows = rows;
  routing.experts = experts;
  routing.per_token = per_token;
  routing.probabilities.resize(rows * experts);
  const auto none = static_cast<std::uint32_t>(experts);
  for (std::size_t r = 0; r < rows; ++r) {
    double* p = routing.probabilities.data() + r * experts;
    softmax(logits + r * experts, experts, p);
    const std::uint32_t first = best_of(p, experts, none);
    routing.chosen.push_back(first);
    if (per_token == 1) {
      routing.gates.push_back(p[first]);
      continue;
    }
    const std::uint32_t second = best_of(p, experts, first);
    const double sum = p[first] + p[second];
    routing.chosen.push_back(second);
    routing.gates.push_back(p[first] / sum);
    routing.gates.push_back(p[second] / sum);
  }
  sort_by_expert(routing);
  return routing;
}

template <class T>
void route_backward(const Routing& routing, const std::vector<double>& dgates, double balance,
                    T* dlogits) {
  const std::size_t experts = routing.experts, k = routing.per_token;
  std::vector<double> dp(experts);
  for (std::size_t r = 0; r < routing.rows; ++r) {
    const double* p = routing.probabilities.data() + r * experts;
    for (std::size_t e = 0; e < experts; ++e) {
      dp[e] = balance * static_cast<double>(experts) * static_cast<double>(routing.count(e)) /
              static_cast<double>(routing.rows * k) / static_cast<double>(routing.rows);
    }
    const std::uint32_t* chosen = routing.chosen.data() + r * k;
    const double* dg = dgates.data() + r * k;
    if (k == 1) {
      dp[chosen[0]] += dg[0];
    } else {
      const double* gate = routing.gates.data() + r * k;
      const double sum = p[chosen[0]] + p[chosen[1]];
      const double mean = dg[0] * gate[0] + dg[1] * gate[1];
      for (std::size_t i = 0; i < 2; ++i) dp[chosen[i]] += (dg[i] - mean) / sum;
    }
    double inner = 0.0;
    for (std::size_t e = 0; e < experts; ++e) inner += p[e] * dp[e];
    for (std::size_t e = 0; e < experts; ++e) {
      dlogits[r * experts + e] = static_cast<T>(p[e] * (dp[e] - inner));
    }
  }
}

template Routing route<float>(const float*, std::size_t, std::size_t, std::size_t);
template Routing route<double>(const double*, std::size_t, std::size_t, std::size_t);
template void route_backward<float>(const Routing&, const std::vector<double>&, double, float*);
template void route_backward<double>(const Routing&, const std::vector<double>&, double, double*);

}  // namespace halfulp::nn
