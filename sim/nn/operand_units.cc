#include "sim/nn/operand_units.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "formats/round.h"
#include "sim/aligned_vector.h"
#include "sim/nn/kernels.h"
#include "sim/round_kernels.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kShortUnit = 256;

/// Eight partial sums in binary64, element i into sum i mod 8, added ascending.
double short_squares(const float* x, std::size_t n) {
  double sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) {
      const auto value = static_cast<double>(x[i + j]);
      sums[j] += value * value;
    }
  }
  for (; i < n; ++i) sums[i % 8] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return total;
}

void check_overflow(const OverflowReport& report, std::size_t row) {
  if (report.index == kNoOverflow) return;
  throw OverflowError(fmt::format("element {} of row {}, {} after scaling, is {} the range",
                                  report.index, row, report.operand,
                                  report.operand < 0 ? "below" : "above"));
}

}  // namespace

UnitMap unit_map(const QuantizerSpec& spec, std::size_t rows, std::size_t cols) {
  UnitMap units = {rows, cols, std::max<std::size_t>(rows, 1), std::max<std::size_t>(cols, 1)};
  if (spec.scale == ScaleRule::unscaled) return units;
  const auto group = static_cast<std::size_t>(spec.group_size);
  const auto lines = static_cast<std::size_t>(spec.tile_lines);
  switch (spec.granularity) {
    case Granularity::tensor:
      break;
    case Granularity::row:
      units.unit_rows = 1;
      break;
    case Granularity::column:
      units.unit_cols = 1;
      break;
    case Granularity::group:
    case Granularity::tile:
      units.unit_rows = spec.along_columns ? group : lines;
      units.unit_cols = spec.along_columns ? lines : group;
      break;
  }
  return units;
}

void unit_maxima(ConstMatrix in, const UnitMap& units, std::uint32_t* maxima) {
  const std::size_t across = units.across();
  std::fill_n(maxima, units.count(), 0U);
  if (units.count() == 1 && in.stride == in.cols) {
    *maxima = largest_magnitude(in.data, in.rows * in.cols);
    return;
  }
  std::vector<std::uint32_t> own(across);
  for (std::size_t r = 0; r < in.rows; ++r) {
    const float* row = in.data + r * in.stride;
    std::uint32_t* to = maxima + r / units.unit_rows * across;
    if (units.unit_cols == 1) {
      update_magnitudes(row, to, in.cols);
    } else if (across == 1) {
      *to = std::max(*to, largest_magnitude(row, in.cols));
    } else {
      group_magnitudes(row, in.cols, units.unit_cols, own.data());
      for (std::size_t u = 0; u < across; ++u) to[u] = std::max(to[u], own[u]);
    }
  }
}

void unit_squares(ConstMatrix in, const UnitMap& units, double* sums) {
  const std::size_t across = units.across();
  std::fill_n(sums, units.count(), 0.0);
  for (std::size_t r = 0; r < in.rows; ++r) {
    const float* row = in.data + r * in.stride;
    double* to = sums + r / units.unit_rows * across;
    if (units.unit_cols == 1) {
      for (std::size_t c = 0; c < in.cols; ++c) {
        const auto x = static_cast<double>(row[c]);
        to[c] += x * x;
      }
      continue;
    }
    for (std::size_t u = 0; u < across; ++u) {
      const std::size_t begin = u * units.unit_cols;
      const std::size_t n = std::min(units.unit_cols, in.cols - begin);
      to[u] += n <= kShortUnit ? short_squares(row + begin, n)
                               : kernels<float>().sum_of_squares(row + begin, n);
    }
  }
}

void for_each_unit(ConstMatrix in, const UnitMap& units,
                   const std::function<void(std::size_t, const float*, std::size_t)>& use) {
  AlignedVector<float> elements(std::min(units.unit_rows, in.rows) *
                                std::min(units.unit_cols, in.cols));
  std::size_t unit = 0;
  for (std::size_t r = 0; r < in.rows; r += units.unit_rows) {
    const std::size_t rows = std::min(units.unit_rows, in.rows - r);
    for (std::size_t c = 0; c < in.cols; c += units.unit_cols, ++unit) {
      const std::size_t cols = std::min(units.unit_cols, in.cols - c);
      for (std::size_t i = 0; i < rows; ++i) {
        std::copy_n(in.data + (r + i) * in.stride + c, cols, elements.data() + i * cols);
      }
      use(unit, elements.data(), rows * cols);
    }
  }
}

void spread_factors(const UnitMap& units, std::size_t r, const float* factors, float* out) {
  const std::size_t across = units.across();
  const float* own = factors + r / units.unit_rows * across;
  if (units.unit_cols == 1) {
    std::copy_n(own, units.cols, out);
    return;
  }
  for (std::size_t u = 0; u < across; ++u) {
    const std::size_t begin = u * units.unit_cols;
    std::fill_n(out + begin, std::min(units.unit_cols, units.cols - begin), own[u]);
  }
}

void round_units(const RoundPlan& plan, ConstMatrix in, Matrix out, const UnitMap& units,
                 const float* multipliers, const float* scales, const RandomStream& stream) {
  using Kind = Scaling::Kind;
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::size_t across = units.across();
  const bool is_whole = units.count() == 1 && in.stride == in.cols && out.stride == in.cols;
  const std::size_t rows = is_whole ? 1 : in.rows, cols = is_whole ? in.rows * in.cols : in.cols;
  AlignedVector<float> each(across > 1 ? 2 * cols : 0);
  for (std::size_t r = 0; r < rows; ++r) {
    const float* from = in.data + r * in.stride;
    float* to = out.data + r * out.stride;
    const std::size_t first = r / units.unit_rows * across;
    if (across == 1) {
      const halfulp::Scaling scaling = {Kind::uniform, multipliers + first, scales + first};
      check_overflow(round_array(plan, from, to, cols, scaling, stream, r * in.cols), r);
    } else {
      if (r % units.unit_rows == 0) {
        spread_factors(units, r, multipliers, each.data());
        spread_factors(units, r, scales, each.data() + cols);
      }
      const halfulp::Scaling scaling = {Kind::each, each.data(), each.data() + cols};
      check_overflow(round_array(plan, from, to, cols, scaling, stream, r * in.cols), r);
    }
    for (std::size_t u = 0; u < across; ++u) {
      if (multipliers[first + u] != 0.0F) continue;
      const std::size_t begin = u * units.unit_cols;
      std::fill_n(to + begin, is_whole ? cols : std::min(units.unit_cols, cols - begin), kNan);
    }
  }
}

}  // namespace halfulp::nn
