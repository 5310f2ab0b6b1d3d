#include "experiments/kinds/divergence.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace halfulp {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double number(std::size_t n) { return static_cast<double>(n); }

std::span<const std::uint8_t> output_of(const DecodedText& text, std::size_t prompt,
                                        std::size_t tokens) {
  return std::span(text.bytes).subspan(prompt * tokens, tokens);
}

/// Divisor n; two passes, so that equal values have deviation 0.
double deviation(const std::vector<double>& values) {
  double sum = 0.0, squares = 0.0;
  for (const double v : values) sum += v - values[0];
  const double mean = values[0] + sum / number(values.size());
  for (const double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / number(values.size()));
}

double length(std::span<const std::uint8_t> text, int end_byte) {
  const auto end = std::find(text.begin(), text.end(), static_cast<std::uint8_t>(end_byte));
  return number(static_cast<std::size_t>(end - text.begin()) + (end == text.end() ? 0 : 1));
}

double pair_share(std::span<const DecodedText> outputs, std::size_t prompts, std::size_t tokens) {
  std::size_t pairs = 0, different = 0;
  for (std::size_t a = 0; a < outputs.size(); ++a) {
    for (std::size_t b = a + 1; b < outputs.size(); ++b) {
      for (std::size_t p = 0; p < prompts; ++p, ++pairs) {
        const auto one = output_of(outputs[a], p, tokens), other = output_of(outputs[b], p, tokens);
        if (first_difference(one, other) < tokens) ++different;
      }
    }
  }
  return number(different) / number(pairs);
}

}  // namespace

std::size_t first_difference(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin()).first - a.begin());
}

DivergenceStatistics divergence_statistics(std::span<const DecodedText> outputs, std::size_t tokens,
                                           int end_byte) {
  const std::size_t prompts = outputs[0].bytes.size() / tokens;
  DivergenceStatistics result;
  std::size_t diverged = 0, at_risk = 0, agreed = 0;
  double deviations = 0.0, lengths = 0.0;
  std::vector<double> values(outputs.size());
  for (std::size_t p = 0; p < prompts; ++p) {
    const auto reference = output_of(outputs[0], p, tokens);
    std::size_t first = tokens;
    for (std::size_t c = 0; c < outputs.size(); ++c) {
      const auto own = output_of(outputs[c], p, tokens);
      first = std::min(first, first_difference(reference, own));
      values[c] = length(own, end_byte);
    }
    lengths += deviation(values);
    result.first_difference.push_back(first);
    diverged += first < tokens ? 1 : 0;
    at_risk += std::min(first + 1, tokens);
    agreed += first;
    for (std::size_t t = 0; t < first; ++t) {
      for (std::size_t c = 0; c < outputs.size(); ++c) {
        values[c] = outputs[c].probability[p * tokens + t];
      }
      deviations += deviation(values);
    }
  }
  result.diverged_share = number(diverged) / number(prompts);
  result.pair_share = pair_share(outputs, prompts, tokens);
  result.rate = number(diverged) / number(at_risk);
  result.probability_std = agreed > 0 ? deviations / number(agreed) : kNan;
  result.length_std = end_byte < 0 ? kNan : lengths / number(prompts);
  return result;
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return kNan;
  std::sort(values.begin(), values.end());
  const double place = q * number(values.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(place));
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - number(below)) * (values[above] - values[below]);
}

}  // namespace halfulp
