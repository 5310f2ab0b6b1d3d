#include "formats/difference.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

#include "formats/codec.h"
#include "formats/number_text.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

constexpr int kAllCodesWidth = 16;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool same_number(const Number& a, const Number& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == Number::Kind::nan) return true;
  if (a.negative != b.negative) return false;
  if (a.kind != Number::Kind::finite) return true;
  const int shift_a = std::countr_zero(a.significand);
  const int shift_b = std::countr_zero(b.significand);
  return a.sticky == b.sticky && a.significand >> shift_a == b.significand >> shift_b &&
         a.exponent + shift_a == b.exponent + shift_b;
}

/// Every code, or for wide formats 2^16 that cover every leading pattern: the 14 top bits run
/// through all their values, and the bits below are 0...0, 0...01, 10...0 or 1...1.
std::vector<Code> codes_to_look_at(const Format& format) {
  const int bits = width(format);
  std::vector<Code> codes;
  if (bits <= kAllCodesWidth) {
    for (Code code = 0; code < Code{1} << bits; ++code) codes.push_back(code);
    return codes;
  }
  const int tail = bits - 14;
  const std::array<Code, 4> tails = {0, 1, Code{1} << (tail - 1), low_code_bits(tail)};
  for (Code top = 0; top < Code{1} << 14; ++top) {
    for (const Code low : tails) codes.push_back(top << tail | low);
  }
  return codes;
}

/// Finite numbers of the codes, ascending and distinct, that binary64 holds.
std::vector<double> values_of(const Format& format) {
  std::vector<double> values;
  for (const Code code : codes_to_look_at(format)) {
    const Number x = decode(format, code);
    const double value = to_double(x);
    if (std::isfinite(value)) values.push_back(value == 0 ? 0.0 : value);
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

bool has_value(const Format& format, double value) {
  Flags flags;
  const Number x = from_double(value);
  try {
    const Number rounded =
        round_to(format, {Rounding::toward_zero, Overflow::saturate}, x, 0, flags);
    return same_number(rounded, x);
  } catch (const SpecError&) {
    return false;
  }
}

/// The smallest binary64 number in (low, high] that does not round to what `low` rounds to.
double decision_point(const Caster& caster, double low, double high) {
  const double floor = round(caster.format, {}, low);
  while (true) {
    const double middle = std::midpoint(low, high);
    if (middle <= low || middle >= high) return high;
    (round(caster.format, {}, middle) == floor ? low : high) = middle;
  }
}

void add_with_neighbours(std::vector<double>& operands, double x) {
  operands.push_back(x);
  operands.push_back(std::nextafter(x, -kInfinity));
  operands.push_back(std::nextafter(x, kInfinity));
}

/// Operands at which a mistake of either side would show.
void add_operands(const Caster& caster, const std::vector<double>& values, bool sampled,
                  std::vector<double>& operands) {
  for (const double value : values) add_with_neighbours(operands, value);
  if (!sampled) {
    for (std::size_t i = 0; i + 1 < values.size(); ++i) {
      add_with_neighbours(operands, decision_point(caster, values[i], values[i + 1]));
    }
  }
  if (values.empty()) return;
  // Beyond the ends: the next number of the grid if it went on, its midpoint, and far away.
  const double top = values.back();
  const double step = values.size() > 1 ? top - values[values.size() - 2] : top;
  for (const double beyond : {top + step / 2, top + step, 2 * top, 4 * top}) {
    if (!std::isfinite(beyond)) continue;
    add_with_neighbours(operands, beyond);
    add_with_neighbours(operands, -beyond);
  }
}

struct Result {
  std::string text;
  Number number;
};

Result cast(const Caster& caster, double x, std::uint64_t random) {
  Flags ignored;
  try {
    const Number number = round_to(caster.format, caster.spec, from_double(x), random, ignored);
    return {to_text(number), number};
  } catch (const OverflowError&) {
    return {"error", {Number::Kind::nan, true}};
  }
}

void compare_codes(const Caster& a, const Caster& b, Difference& difference) {
  if (width(a.format) != width(b.format)) return;
  for (const Code code : codes_to_look_at(a.format)) {
    ++difference.codes;
    const Number x = decode(a.format, code);
    const Number y = decode(b.format, code);
    if (same_number(x, y)) continue;
    if (difference.different_codes++ == 0) difference.first_code = {code, x, y};
  }
}

/// Counts the values that `other` lacks; returns the one of smallest magnitude.
std::uint64_t count_missing(const std::vector<double>& values, const Format& other,
                            std::optional<double>& first) {
  std::uint64_t count = 0;
  for (const double value : values) {
    if (has_value(other, value)) continue;
    ++count;
    if (!first || std::fabs(value) < std::fabs(*first) ||
        (std::fabs(value) == std::fabs(*first) && value > 0)) {
      first = value;
    }
  }
  return count;
}

void compare_casts(const Caster& a, const Caster& b, std::vector<double> operands,
                   Difference& difference) {
  std::sort(operands.begin(), operands.end(), [](double x, double y) {
    return std::fabs(x) != std::fabs(y) ? std::fabs(x) < std::fabs(y) : x > y;
  });
  operands.erase(std::unique(operands.begin(), operands.end()), operands.end());
  operands.insert(operands.end(), {-0.0, kInfinity, -kInfinity, std::nan("")});
  for (const double x : operands) {
    ++difference.operands;
    for (const std::uint64_t random : {std::uint64_t{0}, ~std::uint64_t{0}}) {
      const Result from_a = cast(a, x, random);
      const Result from_b = cast(b, x, random);
      if (from_a.text == "error"
              ? from_b.text == "error"
              : from_b.text != "error" && same_number(from_a.number, from_b.number)) {
        continue;
      }
      if (difference.different_operands++ == 0) {
        difference.first_operand = {x, from_a.text, from_b.text};
      }
      break;
    }
  }
}

void add_reason(std::string_view what, const std::string& a, const std::string& b,
                std::vector<std::string>& reasons) {
  if (a != b) reasons.push_back(std::string(what) + ": " + a + ", " + b);
}

std::string yes_or_no(bool value) { return value ? "yes" : "no"; }

std::vector<std::string> reasons(const Caster& a, const Caster& b) {
  std::vector<std::string> list;
  const auto add = [&](std::string_view what, auto fact) {
    add_reason(what, fact(a), fact(b), list);
  };
  add("bits", [](const Caster& c) { return std::to_string(width(c.format)); });
  add("precision", [](const Caster& c) { return std::to_string(precision(c.format)); });
  add("largest finite number", [](const Caster& c) { return to_text(max_finite(c.format)); });
  add("lowest finite number", [](const Caster& c) { return to_text(lowest_finite(c.format)); });
  add("smallest normal number", [](const Caster& c) { return to_text(min_normal(c.format)); });
  add("smallest positive number", [](const Caster& c) { return to_text(min_positive(c.format)); });
  add("infinity", [](const Caster& c) { return yes_or_no(has_infinity(c.format)); });
  add("NaN", [](const Caster& c) { return yes_or_no(has_nan(c.format)); });
  add("minus zero", [](const Caster& c) { return yes_or_no(has_negative_zero(c.format)); });
  add("rounding", [](const Caster& c) { return rounding_to_string(c.spec); });
  add("overflow", [](const Caster& c) { return std::string(to_string(c.spec.overflow)); });
  if (const auto* f = std::get_if<FloatFormat>(&a.format)) {
    const auto* g = std::get_if<FloatFormat>(&b.format);
    if (g != nullptr) add_reason("bias", std::to_string(f->bias), std::to_string(g->bias), list);
  }
  return list;
}

}  // namespace

Difference compare(const Caster& a, const Caster& b) {
  Difference difference;
  difference.sampled = width(a.format) > kAllCodesWidth || width(b.format) > kAllCodesWidth;
  compare_codes(a, b, difference);
  const std::vector<double> values_a = values_of(a.format);
  const std::vector<double> values_b = values_of(b.format);
  difference.values_a = values_a.size();
  difference.values_b = values_b.size();
  difference.only_a = count_missing(values_a, b.format, difference.first_only_a);
  difference.only_b = count_missing(values_b, a.format, difference.first_only_b);
  std::vector<double> operands;
  add_operands(a, values_a, difference.sampled, operands);
  add_operands(b, values_b, difference.sampled, operands);
  compare_casts(a, b, std::move(operands), difference);
  difference.reasons = reasons(a, b);
  return difference;
}

}  // namespace halfulp
