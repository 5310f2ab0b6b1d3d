#include "sim/nn/format_loss.h"

#include <algorithm>

#include "sim/elementary.h"

namespace halfulp::nn {
namespace {

enum Step : std::uint32_t {
  shift,
  exponential,
  sum,
  logarithm,
  normalized,
  power,
  difference,
  scaled
};

}  // namespace

FormatLoss::FormatLoss(const Destination& to) : rounder_(to.format, to.rounding) {
  [[maybe_unused]] const Rounder fits_binary32(to.format, to.rounding);
}

void FormatLoss::cross_entropy(float* logits, const unsigned char* targets, float* losses,
                               std::size_t rows, std::size_t cols, bool gradient,
                               double gradient_scale, const RandomStream& stream) const {
  std::vector<double> shifted(cols), work(cols);
  const auto round = [&](Step step, double* x, std::size_t n, std::size_t first) {
    RandomStream own = stream;
    own.tensor += step;
    rounder_.round(x, x, n, own, first);
  };
  double scale = gradient_scale;
  if (gradient) round(scaled, &scale, 1, rows * cols);
  for (std::size_t r = 0; r < rows; ++r) {
    float* x = logits + r * cols;
    const auto largest = static_cast<double>(*std::max_element(x, x + cols));
    const std::size_t at = r * cols;
    for (std::size_t i = 0; i < cols; ++i) shifted[i] = static_cast<double>(x[i]) - largest;
    round(shift, shifted.data(), cols, at);
    std::transform(shifted.begin(), shifted.end(), work.begin(), pinned_exp);
    round(exponential, work.data(), cols, at);
    double total = work[0];
    for (std::size_t i = 1; i < cols; ++i) {
      total += work[i];
      round(sum, &total, 1, at + i);
    }
    double log_total = pinned_log(total);
    round(logarithm, &log_total, 1, at);
    for (double& a : shifted) a -= log_total;
    round(normalized, shifted.data(), cols, at);
    losses[r] = static_cast<float>(-shifted[targets[r]]);
    if (!gradient) continue;
    std::transform(shifted.begin(), shifted.end(), work.begin(), pinned_exp);
    round(power, work.data(), cols, at);
    work[targets[r]] -= 1.0;
    round(difference, work.data(), cols, at);
    for (double& d : work) d *= scale;
    round(scaled, work.data(), cols, at);
    std::transform(work.begin(), work.end(), x, [](double d) { return static_cast<float>(d); });
  }
}

}  // namespace halfulp::nn
