#include "formats/operand.h"

#include <stdexcept>

#include "formats/codec.h"
#include "formats/exact_sum.h"
#include "formats/families/symmetric.h"
#include "formats/ordered_format.h"

namespace halfulp {

namespace {

constexpr int kFractionBits = 64;

ordered::Power power_at_code(const Format& format, Code code, bool& negative) {
  const auto word = static_cast<std::uint64_t>(code);
  if (const auto* takum = std::get_if<TakumFormat>(&format)) {
    return ordered::power_at(*takum, ordered::position_of(*takum, word, negative));
  }
  const auto& lns = std::get<LogarithmicFormat>(format);
  return ordered::power_at(lns, ordered::position_of(lns, word, negative));
}

Operand with_power(const Format& format, Code code, const Number& number) {
  bool negative = false;
  const ordered::Power power = power_at_code(format, code, negative);
  const int128 logarithm = int128{power.numerator} * (int128{1} << (kFractionBits - power.scale));
  Operand operand =
      power.base == ordered::PowerBase::two ? power_of_two(logarithm) : power_of_e(logarithm / 2);
  operand.number = number;
  operand.factor.negative = negative;
  return operand;
}

}  // namespace

Operand operand_of(const Format& format, Code code) {
  const Number number = decode_operand(format, code);
  return number.sticky ? with_power(format, code, number) : exact_operand(number);
}

Operand operand_of(const Format& format, const Number& x) {
  return x.sticky ? with_power(format, encode(format, x), x) : exact_operand(x);
}

Operand exact_operand(const Number& x) {
  if (x.sticky) throw std::invalid_argument(kIrrational);
  return {x, x, {}};
}

Operand power_of_two(int128 log2) {
  Operand result;
  const auto exponent = static_cast<std::int32_t>(log2 >> kFractionBits);
  result.factor = {Number::Kind::finite, false, false, exponent, 1};
  result.root.log2 = static_cast<std::uint64_t>(log2);
  return result;
}

Operand power_of_e(int128 log) {
  Operand result;
  result.factor = {Number::Kind::finite, false, false, 0, 1};
  result.root.log = log;
  return result;
}

Root multiply(const Root& x, const Root& y, int& exponent) {
  const Root product{x.log2 + y.log2, x.log + y.log};
  exponent = product.log2 < x.log2 ? 1 : 0;
  return product;
}

Root invert(const Root& x, int& exponent) {
  exponent = x.log2 == 0 ? 0 : -1;
  return {~x.log2 + 1, -x.log};
}

}  // namespace halfulp
