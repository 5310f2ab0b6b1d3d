#include "sim/quantile_fit.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "formats/families/codebook.h"

namespace halfulp {

CodebookFormat fitted_quantiles(ConstMatrix x, std::size_t count) {
  std::vector<double> sorted;
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t c = 0; c < x.cols; ++c) {
      sorted.push_back(static_cast<double>(x.data[r * x.stride + c]));
    }
  }
  std::sort(sorted.begin(), sorted.end());
  if (sorted.empty() || count < 2 || count > ordered::kLongestCodebook) {
    throw std::invalid_argument("quantiles of numbers, 2 to 65536 of them");
  }
  std::vector<double> values;
  const auto last = static_cast<double>(sorted.size() - 1);
  for (std::size_t i = 0; i < count; ++i) {
    const double place = last * static_cast<double>(2 * i + 1) / (2.0 * static_cast<double>(count));
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    const double share = place - static_cast<double>(below);
    values.push_back(sorted[below] + share * (sorted[above] - sorted[below]));
  }
  const double largest = std::max(std::fabs(values.front()), std::fabs(values.back()));
  if (!(largest > 0.0) || !std::isfinite(largest)) {
    throw std::invalid_argument("quantiles of numbers that are finite and not all 0");
  }
  for (double& value : values) value = static_cast<double>(static_cast<float>(value / largest));
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return ordered::make_codebook("", std::move(values));
}

}  // namespace halfulp
