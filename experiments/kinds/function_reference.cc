#include "experiments/kinds/function_reference.h"

#include <algorithm>
#include <cmath>

#include "sim/elementary.h"

namespace halfulp {

namespace {

std::vector<double> softmax(std::vector<double> x) {
  const double largest = *std::max_element(x.begin(), x.end());
  double sum = 0.0;
  for (double& v : x) {
    v = pinned_exp(v - largest);
    sum += v;
  }
  for (double& v : x) v /= sum;
  return x;
}

std::vector<double> norm(std::vector<double> x, bool centred) {
  const auto n = static_cast<double>(x.size());
  double mean = 0.0, squares = 0.0;
  if (centred) {
    for (const double v : x) mean += v;
    mean /= n;
  }
  for (double& v : x) {
    v -= mean;
    squares += v * v;
  }
  const double scale = 1.0 / std::sqrt(squares / n + 1e-5);
  for (double& v : x) v *= scale;
  return x;
}

double sigmoid(double x) { return 1.0 / (1.0 + pinned_exp(-x)); }

}  // namespace

std::vector<double> function_reference(std::string_view function, const std::vector<double>& x) {
  if (function == "softmax" || function == "two_pass_softmax") return softmax(x);
  if (function == "rms_norm" || function == "layer_norm") return norm(x, function == "layer_norm");
  constexpr double kSqrtTwoOverPi = 0.79788456080286535588;
  std::vector<double> y;
  for (const double v : x) {
    // (1 + tanh z) / 2 = sigmoid(2 z).
    const double z = function == "gelu" ? 2.0 * kSqrtTwoOverPi * (v + 0.044715 * v * v * v) : v;
    y.push_back(v * sigmoid(z));
  }
  return y;
}

}  // namespace halfulp
