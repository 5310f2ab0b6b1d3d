#include "sim/nn/emulated_product.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "formats/properties.h"

namespace halfulp::nn {
namespace {

constexpr std::uint32_t kInterval = 1U << 16;  ///< between the streams of two promotions
constexpr std::uint32_t kOuter = 1U << 15;     ///< from an inner sum's stream to its promotion's
constexpr std::size_t kMostIntervals = 1U << 15;

bool has_binary32_scales(const QuantizerSpec& spec) {
  return !spec.block && spec.scale == ScaleRule::scale_binary32;
}

Destination binary32_addition() { return std::get<RoundedSum>(binary32_accumulator().method).sum; }

/// The sum from zero up to a promotion, rounded to binary32 where it is in a wider format.
AccumulatorSpec inner_sum(AccumulatorSpec spec) {
  spec.promotion.reset();
  spec.result.reset();
  const Format format =
      std::visit([](const auto& method) { return method.sum.format; }, spec.method);
  if (!fits_binary32(format)) spec.result = binary32_addition();
  return spec;
}

/// x + y rounded to odd in binary64: rounding that once more, to a format inside binary32 with up
/// to 26 bits below its last for stochastic rounding, is rounding the exact sum (Boldo and
/// Melquiond 2008).
double add_to_odd(double x, double y) {
  const double sum = x + y;
  if (!std::isfinite(sum)) return sum;
  const double part = sum - x;
  const double error = (x - (sum - part)) + (y - part);
  const auto bits = std::bit_cast<std::uint64_t>(sum);
  if (error == 0.0 || (bits & 1) != 0) return sum;
  // An even neighbour was chosen: the exact sum lies between it and the odd number next to it.
  return std::bit_cast<double>((error > 0) == (sum > 0) ? bits + 1 : bits - 1);
}

/// The scale of each index that is not summed over, for the terms from `k` on.
void read_scales(const ScaledOperand& operand, const QuantizerSpec& spec, bool reduces_rows,
                 std::size_t k, std::size_t n, std::vector<float>& out) {
  const ConstMatrix& scales = operand.scales;
  const bool has_groups =
      spec.granularity == Granularity::group || spec.granularity == Granularity::tile;
  const std::size_t group = has_groups ? k / static_cast<std::size_t>(spec.group_size) : 0;
  const auto lines = static_cast<std::size_t>(spec.tile_lines);
  out.resize(n);
  if (scales.rows * scales.cols == 1) {
    std::fill(out.begin(), out.end(), *scales.data);
  } else if (reduces_rows) {
    for (std::size_t i = 0; i < n; ++i) out[i] = scales.data[group * scales.stride + i / lines];
  } else {
    for (std::size_t i = 0; i < n; ++i) out[i] = scales.data[i / lines * scales.stride + group];
  }
}

/// The scales of one operand of a product, or nothing where they are in the operand.
class Factors {
 public:
  Factors(const ScaledOperand& operand, const QuantizerSpec& spec, ScaleUse use, bool reduces_rows)
      : operand_(operand),
        spec_(spec),
        is_used_(use != ScaleUse::in_operand),
        reduces_rows_(reduces_rows) {}

  /// For the terms from k on.
  void read(std::size_t k) {
    const std::size_t n = reduces_rows_ ? operand_.grid.cols : operand_.grid.rows;
    if (is_used_) read_scales(operand_, spec_, reduces_rows_, k, n, factors_);
  }

  bool is_used() const { return is_used_; }

  const std::vector<float>& operator()() const { return factors_; }

 private:
  const ScaledOperand& operand_;
  const QuantizerSpec& spec_;
  bool is_used_, reduces_rows_;
  std::vector<float> factors_;
};

/// c[m, n] = (c[m, n] a[m]) b[n].
void scale_result(Matrix c, const Factors& a, const Factors& b) {
  for (std::size_t m = 0; m < c.rows; ++m) {
    float* row = c.data + m * c.stride;
    if (a.is_used()) {
      const float factor = a()[m];
      for (std::size_t n = 0; n < c.cols; ++n) row[n] *= factor;
    }
    if (b.is_used()) {
      const float* factors = b().data();
      for (std::size_t n = 0; n < c.cols; ++n) row[n] *= factors[n];
    }
  }
}

/// Terms k .. k + count - 1 of an operand.
ConstMatrix terms(ConstMatrix operand, bool reduces_rows, std::size_t k, std::size_t count) {
  if (reduces_rows) return {operand.data + k * operand.stride, count, operand.cols, operand.stride};
  return {operand.data + k, operand.rows, count, operand.stride};
}

}  // namespace

std::string_view to_string(ScaleUse use) {
  switch (use) {
    case ScaleUse::in_operand:
      return "in_operand";
    case ScaleUse::after_sum:
      return "after_sum";
    case ScaleUse::at_promotion:
      break;
  }
  return "at_promotion";
}

ScaleUse scale_use(const AccumulatorSpec& accumulator, const QuantizerSpec& as_written,
                   bool reduces_rows) {
  const QuantizerSpec operand = with_reduction(as_written, reduces_rows);
  if (!has_binary32_scales(operand) || accumulator == binary32_accumulator()) {
    return ScaleUse::in_operand;
  }
  switch (operand.granularity) {
    case Granularity::tensor:
      return ScaleUse::after_sum;
    case Granularity::row:
      return reduces_rows ? ScaleUse::in_operand : ScaleUse::after_sum;
    case Granularity::column:
      return reduces_rows ? ScaleUse::after_sum : ScaleUse::in_operand;
    case Granularity::group:
    case Granularity::tile:
      break;
  }
  // A square tile has no direction.
  const bool is_square =
      operand.granularity == Granularity::tile && operand.tile_lines == operand.group_size;
  const bool is_along_sum = is_square || operand.along_columns == reduces_rows;
  const bool divides =
      accumulator.promotion && operand.group_size % accumulator.promotion->interval == 0;
  return is_along_sum && divides ? ScaleUse::at_promotion : ScaleUse::in_operand;
}

EmulatedProduct::EmulatedProduct(Form form, const AccumulatorSpec& accumulator,
                                 const QuantizerSpec& a, const QuantizerSpec& b)
    : form_(form),
      spec_(accumulator),
      a_(a),
      b_(b),
      a_use_(scale_use(accumulator, a, form == Form::tn)),
      b_use_(scale_use(accumulator, b, form != Form::nt)),
      gemm_(accumulator) {
  if (a_use_ != ScaleUse::at_promotion && b_use_ != ScaleUse::at_promotion) return;
  gemm_ = AccumulatedGemm(inner_sum(accumulator));
  const Destination& outer = accumulator.promotion->outer;
  if (!(outer == binary32_addition())) outer_.emplace(outer.format, outer.rounding);
  if (spec_.result) result_.emplace(spec_.result->format, spec_.result->rounding);
}

void EmulatedProduct::multiply(const AccumulatedGemm& gemm, ConstMatrix a, ConstMatrix b, Matrix c,
                               const RandomStream& stream) const {
  switch (form_) {
    case Form::nn:
      return gemm.nn(a, b, c, {}, stream);
    case Form::nt:
      return gemm.nt(a, b, c, {}, stream);
    case Form::tn:
      return gemm.tn(a, b, c, {}, stream);
  }
}

void EmulatedProduct::run(const ScaledOperand& a, const ScaledOperand& b, Matrix c,
                          const RandomStream& stream) const {
  if (a_use_ == ScaleUse::at_promotion || b_use_ == ScaleUse::at_promotion) {
    return run_promoted(a, b, c, stream);
  }
  multiply(gemm_, a.grid, b.grid, c, stream);
  Factors a_scales(a, a_, a_use_, form_ == Form::tn), b_scales(b, b_, b_use_, form_ != Form::nt);
  a_scales.read(0);
  b_scales.read(0);
  scale_result(c, a_scales, b_scales);
}

void EmulatedProduct::run_promoted(const ScaledOperand& a, const ScaledOperand& b, Matrix c,
                                   const RandomStream& stream) const {
  const bool a_rows = form_ == Form::tn, b_rows = form_ != Form::nt;
  const std::size_t depth = a_rows ? a.grid.rows : a.grid.cols;
  const auto interval = static_cast<std::size_t>(spec_.promotion->interval);
  if ((depth + interval - 1) / interval > kMostIntervals) {
    throw std::length_error("too many promotions in one product for distinct random streams");
  }
  Factors a_scales(a, a_, a_use_, a_rows), b_scales(b, b_, b_use_, b_rows);
  AlignedVector<float> inner(c.rows * c.cols);
  const Matrix sums = {inner.data(), c.rows, c.cols, c.cols};
  for (std::size_t m = 0; m < c.rows; ++m) std::fill_n(c.data + m * c.stride, c.cols, 0.0F);
  RandomStream own = stream;
  for (std::size_t k = 0; k < depth; k += interval, own.tensor += kInterval) {
    const std::size_t count = std::min(interval, depth - k);
    multiply(gemm_, terms(a.grid, a_rows, k, count), terms(b.grid, b_rows, k, count), sums, own);
    a_scales.read(k);
    b_scales.read(k);
    scale_result(sums, a_scales, b_scales);
    RandomStream promotion = own;
    promotion.tensor += kOuter;
    add_to_outer(inner.data(), c, promotion);
  }
  if (!result_) return;
  own.tensor += kOuter;
  for (std::size_t m = 0; m < c.rows; ++m) {
    float* row = c.data + m * c.stride;
    result_->round(row, row, c.cols, own, m * c.cols);
  }
}

void EmulatedProduct::add_to_outer(const float* inner, Matrix c, const RandomStream& stream) const {
  std::vector<double> wide(outer_ ? c.cols : 0);
  for (std::size_t m = 0; m < c.rows; ++m, inner += c.cols) {
    float* row = c.data + m * c.stride;
    if (!outer_) {
      for (std::size_t n = 0; n < c.cols; ++n) row[n] += inner[n];
      continue;
    }
    for (std::size_t n = 0; n < c.cols; ++n) {
      wide[n] = add_to_odd(static_cast<double>(row[n]), static_cast<double>(inner[n]));
    }
    outer_->round(wide.data(), wide.data(), c.cols, stream, m * c.cols);
    for (std::size_t n = 0; n < c.cols; ++n) row[n] = static_cast<float>(wide[n]);
  }
}

}  // namespace halfulp::nn
