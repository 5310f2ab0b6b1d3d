#include "experiments/claims/statistics.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "experiments/laws/parallel.h"
#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp::claims {

namespace {

constexpr double kTail = 0.025;
constexpr std::uint32_t kDraw = 5;  // after those of experiments/laws/fit.cc

std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> result(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
    const double rank = 0.5 * static_cast<double>(first + last);
    for (std::size_t i = first; i <= last; ++i) result[order[i]] = rank;
    first = last + 1;
  }
  return result;
}

}  // namespace

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

laws::Interval mean_interval(std::span<const double> values) {
  const double n = static_cast<double>(values.size());
  const double centre = mean(values);
  const double spread = laws::standard_deviation({values.begin(), values.end()});
  const boost::math::students_t distribution(n - 1.0);
  const double half =
      boost::math::quantile(boost::math::complement(distribution, kTail)) * spread / std::sqrt(n);
  return {centre - half, centre + half};
}

laws::Interval share_interval(std::size_t successes, std::size_t trials) {
  using Binomial = boost::math::binomial_distribution<double>;
  const double n = static_cast<double>(trials), k = static_cast<double>(successes);
  return {successes == 0 ? 0.0 : Binomial::find_lower_bound_on_p(n, k, kTail),
          successes == trials ? 1.0 : Binomial::find_upper_bound_on_p(n, k, kTail)};
}

double rank_correlation(std::span<const double> x, std::span<const double> y) {
  const std::vector<double> a = ranks(x), b = ranks(y);
  const double centre = 0.5 * (static_cast<double>(a.size()) - 1.0);
  double aa = 0.0, bb = 0.0, ab = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    aa += (a[i] - centre) * (a[i] - centre);
    bb += (b[i] - centre) * (b[i] - centre);
    ab += (a[i] - centre) * (b[i] - centre);
  }
  if (aa == 0.0 || bb == 0.0) return std::numeric_limits<double>::quiet_NaN();
  return ab / std::sqrt(aa * bb);
}

laws::Interval bootstrap_interval(std::size_t groups, std::size_t replicates, std::uint64_t seed,
                                  int jobs,
                                  const std::function<double(std::span<const double>)>& statistic) {
  std::vector<double> values(replicates);
  laws::parallel_for(replicates, jobs, [&](std::size_t replicate) {
    const RandomStream stream = {seed, static_cast<std::uint32_t>(RandomPurpose::samples), kDraw,
                                 static_cast<std::uint32_t>(replicate)};
    std::vector<double> count(groups, 0.0);
    for (std::size_t i = 0; i < groups; ++i) count[random_below(stream, i, groups)] += 1.0;
    values[replicate] = statistic(count);
  });
  return laws::quantile_interval(std::move(values), 0.95);
}

}  // namespace halfulp::claims
