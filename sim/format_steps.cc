#include "sim/format_steps.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <variant>
#include <vector>

#include "formats/arithmetic.h"
#include "formats/properties.h"
#include "formats/spec.h"
#include "sim/elementary.h"
#include "sim/exact_kernels.h"

namespace halfulp {

namespace {

/// Relative error of the functions below, with room: pinned_exp is within 2 ulp.
constexpr double kError = 0x1p-50;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void check(const Destination& to) {
  const Format& format = to.format;
  const RoundSpec& rounding = to.rounding;
  const auto refuse = [&](const char* why) {
    throw SpecError("functions on arrays cannot be evaluated in " + to_spec(format) + ": " + why,
                    1);
  };
  const auto* takum = std::get_if<TakumFormat>(&format);
  if (std::holds_alternative<CodebookFormat>(format) ||
      std::holds_alternative<LogarithmicFormat>(format) || (takum && takum->logarithmic)) {
    refuse("they take floats, integers, posits and linear takums");
  }
  if (!fits_binary32(format)) refuse("it does not fit binary32");
  if (rounding.overflow == Overflow::wrap) refuse("nothing may wrap");
  if (rounding.rounding == Rounding::stochastic && precision(format) + rounding.random_bits > 50) {
    refuse("too many random bits");
  }
}

bool is_stochastic(const std::optional<Destination>& to) {
  return to && to->rounding.rounding == Rounding::stochastic;
}

bool draws(const AccumulatorSpec& sum) {
  if (const auto* aligned = std::get_if<AlignedSum>(&sum.method)) {
    if (is_stochastic(aligned->addition)) return true;
  }
  const bool outer = sum.promotion && is_stochastic(sum.promotion->outer);
  return outer || is_stochastic(sum.product) || is_stochastic(sum.result) ||
         std::visit([](const auto& method) { return is_stochastic(method.sum); }, sum.method);
}

const FunctionArithmetic& checked(const FunctionArithmetic& arithmetic) {
  check(arithmetic.operation);
  if (draws(arithmetic.sum)) throw SpecError("sums of functions have no stochastic rounding", 1);
  return arithmetic;
}

/// Where the additions of a plain chain go; none for other sums.
const Destination* chain_of(const AccumulatorSpec& sum) {
  const auto* rounded = std::get_if<RoundedSum>(&sum.method);
  const bool is_plain = rounded && rounded->every == 1 && rounded->order == SumOrder{} &&
                        !rounded->flush && !sum.product && !sum.promotion && !sum.result;
  return is_plain ? &rounded->sum : nullptr;
}

/// Exact: steps have results inside binary32.
AlignedVector<float> narrowed(const FormatSteps::Values& x) {
  AlignedVector<float> out(x.size());
  std::transform(x.begin(), x.end(), out.begin(), [](double v) { return static_cast<float>(v); });
  return out;
}

/// tanh within a few ulp.
double pinned_tanh(double x) {
  const double z = std::abs(x);
  if (z > 20.0) return std::copysign(1.0, x);
  if (z >= 0.25) {
    const double e = pinned_exp(-2.0 * z);
    return std::copysign((1.0 - e) / (1.0 + e), x);
  }
  // x / (1 + x^2 / (3 + x^2 / (5 + ...))), Lambert's continued fraction.
  const double square = x * x;
  double tail = 17.0;
  for (int term = 15; term > 0; term -= 2) tail = term + square / tail;
  return x / tail;
}

/// An interval around f(x) that lies on one side of what f never reaches.
std::array<double, 2> bounds(Operation operation, double x) {
  if (operation == Operation::exp) {
    // Beyond, every format inside binary32 is overflown or rounds a tiny number.
    const double y = pinned_exp(std::clamp(x, -700.0, 700.0));
    return {y * (1.0 - kError), y * (1.0 + kError)};
  }
  const double y = pinned_tanh(x);
  const double most = std::min(std::abs(y) * (1.0 + kError), 1.0 - 0x1p-53);
  return {y * (1.0 - kError), std::copysign(most, y)};
}

}  // namespace

StepRounding::StepRounding(const FunctionArithmetic& an_arithmetic)
    : arithmetic(checked(an_arithmetic)),
      rounder(arithmetic.operation.format, arithmetic.operation.rounding),
      constants(arithmetic.operation.format,
                {Rounding::nearest_even, arithmetic.operation.rounding.overflow}),
      is_stochastic(arithmetic.operation.rounding.rounding == Rounding::stochastic),
      down(arithmetic.operation.rounding.rounding == Rounding::toward_negative),
      one_zero(!has_negative_zero(arithmetic.operation.format)) {
  const Destination* to = chain_of(arithmetic.sum);
  if (to == nullptr) {
    sums.emplace(arithmetic.sum);
    return;
  }
  check(*to);
  chain.emplace(to->format, to->rounding);
  chain_down = to->rounding.rounding == Rounding::toward_negative;
}

void FormatSteps::round(Values& x) const {
  if (!is_per_row(x) || !rounding_.is_stochastic) {
    rounding_.rounder.round(x.data(), x.data(), x.size(), stream_, index());
    return;
  }
  for (std::size_t r = 0; r < rows_; ++r) {
    rounding_.rounder.round(&x[r], &x[r], 1, stream_, index() + r * cols_);
  }
}

FormatSteps::Values FormatSteps::input(const float* x) {
  Values out(x, x + rows_ * cols_);
  round(out);
  ++step_;
  return out;
}

const double* FormatSteps::spread(const Values& x, Values& scratch) const {
  if (!is_per_row(x)) return x.data();
  scratch.resize(rows_ * cols_);
  for (std::size_t r = 0; r < rows_; ++r) std::fill_n(&scratch[r * cols_], cols_, x[r]);
  return scratch.data();
}

FormatSteps::Values FormatSteps::apply(Operation operation, const Values& a, const Values& b) {
  const std::size_t n = std::max(a.size(), b.size());
  Values left, right, out(n);
  const double* x = a.size() < n ? spread(a, left) : a.data();
  const double* y = b.size() < n && !b.empty() ? spread(b, right) : b.data();
  if (operation == Operation::div && rounding_.one_zero) {
    if (x != left.data()) left.assign(x, x + n);
    for (std::size_t i = 0; i < n; ++i) {
      if (y[i] == 0.0 && !std::isinf(left[i])) left[i] = kNan;
    }
    x = left.data();
  }
  evaluate_to_odd(operation, x, y, nullptr, out.data(), n, rounding_.down);
  round(out);
  ++step_;
  return out;
}

double FormatSteps::decide(Operation operation, double x, std::size_t element) const {
  const Destination& to = rounding_.arithmetic.operation;
  const std::array<Number, 1> operand = {from_double(x)};
  const std::uint64_t random =
      rounding_.is_stochastic ? random_bits(stream_, index() + element, to.rounding.random_bits)
                              : 0;
  Flags flags;
  return to_double(evaluate(operation, operand, to.format, to.rounding, random, flags));
}

FormatSteps::Values FormatSteps::elementary(Operation operation, const Values& x) {
  Values low(x.size()), high(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::array<double, 2> ends =
        std::isfinite(x[i]) ? bounds(operation, x[i]) : std::array<double, 2>{1.0, 1.0};
    low[i] = ends[0];
    high[i] = ends[1];
  }
  round(low);
  round(high);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool agree =
        std::bit_cast<std::uint64_t>(low[i]) == std::bit_cast<std::uint64_t>(high[i]);
    if (!agree || !std::isfinite(x[i])) low[i] = decide(operation, x[i], i);
  }
  ++step_;
  return low;
}

FormatSteps::Values FormatSteps::sum(const Values& x) {
  Values sums(rows_, 0.0);
  if (rounding_.chain) {
    Values column(rows_);
    rounding_.chain->round(sums.data(), sums.data(), rows_);
    for (std::size_t i = 0; i < cols_; ++i) {
      for (std::size_t r = 0; r < rows_; ++r) column[r] = x[r * cols_ + i];
      evaluate_to_odd(Operation::add, sums.data(), column.data(), nullptr, sums.data(), rows_,
                      rounding_.chain_down);
      rounding_.chain->round(sums.data(), sums.data(), rows_);
    }
  } else {
    const AlignedVector<float> terms = narrowed(x), ones(cols_, 1.0F);
    AlignedVector<float> results(rows_);
    rounding_.sums->nt({terms.data(), rows_, cols_, cols_}, {ones.data(), 1, cols_, cols_},
                       {results.data(), rows_, 1, 1});
    std::copy(results.begin(), results.end(), sums.begin());
  }
  round(sums);
  ++step_;
  return sums;
}

FormatSteps::Values FormatSteps::largest(const Values& x) const {
  Values out(rows_, -kInfinity);
  for (std::size_t r = 0; r < rows_; ++r) {
    for (std::size_t i = 0; i < cols_; ++i) {
      const double value = x[r * cols_ + i];
      if (value > out[r] || std::isnan(value)) out[r] = value;
    }
  }
  return out;
}

FormatSteps::Values FormatSteps::constant(double x) const {
  rounding_.constants.round(&x, &x, 1);
  return exact(x);
}

FormatSteps::Values FormatSteps::constants(const float* row) const {
  Values out(rows_ * cols_);
  for (std::size_t i = 0; i < cols_; ++i) out[i] = static_cast<double>(row[i]);
  rounding_.constants.round(out.data(), out.data(), cols_);
  for (std::size_t r = 1; r < rows_; ++r) std::copy_n(out.data(), cols_, &out[r * cols_]);
  return out;
}

}  // namespace halfulp
