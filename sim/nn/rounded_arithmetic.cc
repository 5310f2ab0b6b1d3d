#include "sim/nn/rounded_arithmetic.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <variant>

#include "formats/properties.h"
#include "formats/spec.h"

namespace halfulp::nn {
namespace {

RoundSpec rounding_of(const QuantizerSpec& spec) {
  const bool is_plain = !spec.block && spec.scale == ScaleRule::unscaled &&
                        std::holds_alternative<FloatFormat>(spec.format) &&
                        spec.rounding.rounding == Rounding::nearest_even;
  if (!is_plain) {
    throw SpecError("'" + to_spec(spec) +
                        "' cannot be computed in; give an unscaled float rounded to nearest_even",
                    0);
  }
  RoundSpec rounding = spec.rounding;
  if (has_infinity(spec.format)) rounding.overflow = Overflow::infinity;
  return rounding;
}

template <class Function>
Values map(const Values& a, const Function& function) {
  Values out(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) out[i] = function(i);
  return out;
}

}  // namespace

RoundedArithmetic::RoundedArithmetic(const QuantizerSpec& spec)
    : rounder_(spec.format, rounding_of(spec)) {
  // What does not fit binary32 is refused here.
  const Rounder fits(spec.format, rounding_of(spec));
}

Values RoundedArithmetic::rounded(Values x) const {
  rounder_.round(x.data(), x.data(), x.size());
  return x;
}

double RoundedArithmetic::constant(double x) const {
  rounder_.round(&x, &x, 1);
  return x;
}

Values RoundedArithmetic::round(std::span<const float> x) const { return rounded(load(x)); }

Values RoundedArithmetic::add(const Values& a, const Values& b) const {
  return rounded(map(a, [&](std::size_t i) { return a[i] + b[i]; }));
}

Values RoundedArithmetic::add(const Values& a, double b) const {
  return rounded(map(a, [&](std::size_t i) { return a[i] + b; }));
}

Values RoundedArithmetic::sub(const Values& a, const Values& b) const {
  return rounded(map(a, [&](std::size_t i) { return a[i] - b[i]; }));
}

Values RoundedArithmetic::mul(const Values& a, const Values& b) const {
  return rounded(map(a, [&](std::size_t i) { return a[i] * b[i]; }));
}

Values RoundedArithmetic::mul(const Values& a, double b) const {
  return rounded(map(a, [&](std::size_t i) { return a[i] * b; }));
}

Values RoundedArithmetic::div(const Values& a, const Values& b) const {
  return rounded(map(a, [&](std::size_t i) { return a[i] / b[i]; }));
}

Values RoundedArithmetic::sqrt(const Values& a) const {
  return rounded(map(a, [&](std::size_t i) { return std::sqrt(a[i]); }));
}

ValuePairs RoundedArithmetic::fast_two_sum(const Values& a, const Values& b) const {
  Values high = add(a, b);
  Values low = sub(b, sub(high, a));
  return {std::move(high), std::move(low)};
}

ValuePairs RoundedArithmetic::grow(const ValuePairs& x, const Values& v) const {
  const ValuePairs sum = fast_two_sum(x.high, v);
  return fast_two_sum(sum.high, add(x.low, sum.low));
}

ValuePairs RoundedArithmetic::scale(const ValuePairs& x, double b_high, double b_low) const {
  const Values product = mul(x.high, b_high);
  // Exact in binary64: the product of two numbers of up to 24 bits has 48.
  const Values error =
      rounded(map(product, [&](std::size_t i) { return x.high[i] * b_high - product[i]; }));
  return fast_two_sum(product, add(error, add(mul(x.high, b_low), mul(x.low, b_high))));
}

void store(const Values& values, std::span<float> out) {
  std::transform(values.begin(), values.end(), out.begin(),
                 [](double value) { return static_cast<float>(value); });
}

Values load(std::span<const float> values) { return {values.begin(), values.end()}; }

}  // namespace halfulp::nn
