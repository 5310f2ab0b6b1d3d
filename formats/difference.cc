#include "formats/difference.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "formats/arithmetic.h"
#include "formats/codec.h"
#include "formats/difference_operands.h"
#include "formats/difference_points.h"
#include "formats/number_text.h"
#include "formats/operand.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

/// Whether two numbers, each with a code of its format, are the same, irrational ones included.
bool same_value(const Format& a, const CodedNumber& x, const Format& b, const CodedNumber& y) {
  if (!same_number(x.number, y.number)) return false;
  if (x.number.kind != Number::Kind::finite || !x.number.sticky) return true;
  const Operand of_x = operand_of(a, x.code);
  const Operand of_y = operand_of(b, y.code);
  return of_x.root == of_y.root && same_number(of_x.factor, of_y.factor);
}

bool has_value(const Format& format, const Format& from, const CodedNumber& x) {
  try {
    const Code code = encode(format, x.number);
    return same_value(from, x, format, {code, decode(format, code)});
  } catch (const std::invalid_argument&) {
    return false;
  }
}

struct Result {
  bool error = false;
  Number number;
};

Result cast(const Caster& caster, const WideNumber& x, std::uint64_t random) {
  Flags ignored;
  try {
    return {false, round_to(caster.format, caster.spec, x, random, ignored)};
  } catch (const OverflowError&) {
    return {true, {}};
  }
}

bool same_result(const Result& a, const Result& b) {
  return a.error == b.error && (a.error || same_number(a.number, b.number));
}

std::pair<std::string, std::string> texts_of(const Result& a, const Result& b) {
  if (!a.error && !b.error) return distinct_texts(a.number, b.number);
  const auto text = [](const Result& x) { return x.error ? "error" : to_text(x.number); };
  return {text(a), text(b)};
}

void compare_codes(const Caster& a, const Caster& b, const std::vector<Code>& codes,
                   Difference& difference) {
  if (width(a.format) != width(b.format)) return;
  for (const Code code : codes) {
    ++difference.codes;
    const Number x = decode(a.format, code);
    const Number y = decode(b.format, code);
    if (same_value(a.format, {code, x}, b.format, {code, y})) continue;
    if (difference.different_codes++ == 0) difference.first_code = {code, x, y};
  }
}

/// Counts the values that `other` lacks; returns the one of smallest magnitude.
std::uint64_t count_missing(const Format& format, const std::vector<CodedNumber>& values,
                            const Format& other, std::optional<Number>& first) {
  std::uint64_t count = 0;
  const auto magnitude = [](Number x) {
    x.negative = false;
    return x;
  };
  for (const CodedNumber& value : values) {
    if (has_value(other, format, value)) continue;
    ++count;
    // The values ascend: of two of one magnitude the second is positive.
    if (!first || compare(magnitude(value.number), magnitude(*first)) <= 0) first = value.number;
  }
  return count;
}

void compare_casts(const Caster& a, const Caster& b, std::vector<TestOperand> operands,
                   Difference& difference) {
  sort_operands(operands);
  for (const auto& [kind, negative] :
       {std::pair{Number::Kind::zero, true}, std::pair{Number::Kind::infinity, false},
        std::pair{Number::Kind::infinity, true}, std::pair{Number::Kind::nan, false}}) {
    operands.push_back({{kind, negative}});
  }
  const std::vector<std::uint64_t> words = random_words(a.spec, b.spec);
  for (const TestOperand& operand : operands) {
    ++difference.operands;
    const std::size_t count =
        operand.at_threshold ? words.size() : std::min<std::size_t>(2, words.size());
    for (std::size_t i = 0; i < count; ++i) {
      const Result from_a = cast(a, operand.x, words[i]);
      const Result from_b = cast(b, operand.x, words[i]);
      if (same_result(from_a, from_b)) continue;
      if (difference.different_operands++ == 0) {
        auto texts = texts_of(from_a, from_b);
        difference.first_operand = {operand.x, words[i], std::move(texts.first),
                                    std::move(texts.second)};
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

std::string subnormals_text(const FloatFormat& f) {
  if (f.subnormals == Subnormals::on) return "on";
  return f.subnormals == Subnormals::off ? "off" : "flush_input";
}

/// The first value in which two lists differ.
void add_value_reason(const Format& a, const Format& b, std::vector<std::string>& reasons) {
  const auto* f = std::get_if<CodebookFormat>(&a);
  const auto* g = std::get_if<CodebookFormat>(&b);
  if (f == nullptr || g == nullptr) return;
  const std::vector<double>& x = f->book->values;
  const std::vector<double>& y = g->book->values;
  for (std::size_t code = 0; code < std::min(x.size(), y.size()); ++code) {
    const std::string what = "value of code " + std::to_string(code);
    const std::size_t count = reasons.size();
    add_reason(what, to_shortest_decimal(x[code]), to_shortest_decimal(y[code]), reasons);
    if (reasons.size() > count) return;
  }
}

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
    if (g != nullptr) {
      add_reason("bias", std::to_string(f->bias), std::to_string(g->bias), list);
      add_reason("subnormals", subnormals_text(*f), subnormals_text(*g), list);
    }
  }
  add_value_reason(a.format, b.format, list);
  if (list.empty()) add("format", [](const Caster& c) { return to_spec(c.format); });
  return list;
}

}  // namespace

Difference compare(const Caster& a, const Caster& b) {
  Difference difference;
  const auto is_stochastic = [](const Caster& c) {
    return c.spec.rounding == Rounding::stochastic;
  };
  difference.same = a.format == b.format && a.spec == b.spec;
  difference.wide = width(a.format) > kAllCodesWidth || width(b.format) > kAllCodesWidth;
  difference.sampled = difference.wide || is_stochastic(a) || is_stochastic(b);
  const int leading = leading_bits_to_run(a.format, b.format);
  std::vector<Code> codes_a = codes_to_look_at(a.format, leading);
  std::vector<Code> codes_b = codes_to_look_at(b.format, leading);
  if (width(a.format) == width(b.format)) {
    std::vector<Code> codes;
    std::set_union(codes_a.begin(), codes_a.end(), codes_b.begin(), codes_b.end(),
                   std::back_inserter(codes));
    codes_a = codes_b = std::move(codes);
  }
  compare_codes(a, b, codes_a, difference);
  const std::vector<CodedNumber> values_a = values_at(a.format, codes_a);
  const std::vector<CodedNumber> values_b = values_at(b.format, codes_b);
  difference.values_a = values_a.size();
  difference.values_b = values_b.size();
  difference.only_a = count_missing(a.format, values_a, b.format, difference.first_only_a);
  difference.only_b = count_missing(b.format, values_b, a.format, difference.first_only_b);
  std::vector<TestOperand> operands;
  add_operands(a, values_a, difference.wide, operands);
  add_operands(b, values_b, difference.wide, operands);
  compare_casts(a, b, std::move(operands), difference);
  difference.reasons = reasons(a, b);
  return difference;
}

std::pair<std::string, std::string> distinct_texts(const Number& a, const Number& b) {
  const auto bits = [](Number x) {
    x.sticky = false;
    return to_hex_float(x);
  };
  std::string text_a = to_text(a);
  std::string text_b = to_text(b);
  if (text_a == text_b) return {bits(a), bits(b)};
  return {std::move(text_a), std::move(text_b)};
}

}  // namespace halfulp
