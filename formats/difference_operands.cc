#include "formats/difference_operands.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <span>

#include "formats/codec.h"
#include "formats/difference_points.h"
#include "formats/families/symmetric.h"
#include "formats/ordered_format.h"
#include "formats/properties.h"
#include "formats/round.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Neighbours this close lie between a point and the next one that decides: 64 bits of precision,
/// and 33 of a fraction.
constexpr int kFineBits = 104;
/// So many gaps get the thresholds of stochastic rounding.
constexpr std::size_t kThresholdGaps = 128;

/// Bits without a pattern (D. Lea, G. Steele, S. Vigna, SplitMix).
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

bool is_irrational(const Format& format) {
  const auto* takum = std::get_if<TakumFormat>(&format);
  return std::holds_alternative<LogarithmicFormat>(format) ||
         (takum != nullptr && takum->logarithmic);
}

/// Where binary64 is as dense as it can be, or zero.
bool is_inside_binary64(double x) {
  return x == 0 || (std::fabs(x) > 0x1p-1000 && std::fabs(x) < 0x1p1000);
}

/// Collects operands with their neighbours.
class Collector {
 public:
  Collector(const Format& format, bool fine, std::vector<TestOperand>& operands)
      : fine_(fine), irrational_(is_irrational(format)), operands_(operands) {}

  void add(const WideNumber& x, bool at_threshold = false) {
    operands_.push_back({normalized(x), at_threshold});
  }

  void add_with_neighbours(const WideNumber& x) {
    add(x);
    const std::optional<double> value = fine_ ? std::nullopt : as_double(x);
    if (value && is_inside_binary64(*value)) {
      add(widen(from_double(std::nextafter(*value, -kInfinity))));
      add(widen(from_double(std::nextafter(*value, kInfinity))));
    } else if (x.kind == Kind::finite) {
      add_fine_neighbours(x);
    }
  }

 private:
  /// Points of irrational values are known to about 63 bits.
  void add_fine_neighbours(const WideNumber& x) {
    const int used = bit_width(x.significand);
    const int bits = irrational_ && used <= 64 ? 63 : used <= kFineBits ? kFineBits : 127;
    WideNumber beside = normalized(x);
    const int shift = 128 - bits;
    beside.significand >>= shift;
    beside.exponent += shift;
    --beside.significand;
    add(beside);
    beside.significand += 2;
    add(beside);
  }

  bool fine_;
  bool irrational_;
  std::vector<TestOperand>& operands_;
};

/// The smallest binary64 number in (low, high] that does not round to what `low` rounds to.
double decision_point(const Format& format, double low, double high) {
  const double floor = round(format, {}, low);
  while (true) {
    const double middle = std::midpoint(low, high);
    if (middle <= low || middle >= high) return high;
    (round(format, {}, middle) == floor ? low : high) = middle;
  }
}

/// What decides between neighbouring values in formats of up to 16 bits.
void add_decision(const Format& format, const Number& low, const Number& high,
                  Collector& collector) {
  const double from = to_double(low);
  const double to = to_double(high);
  const bool inside = is_inside_binary64(from) && is_inside_binary64(to) && from < to;
  const bool exact = as_double(widen(low)) && as_double(widen(high));
  if (inside || exact) {
    collector.add_with_neighbours(widen(from_double(decision_point(format, from, to))));
  }
  const std::optional<WideNumber> middle = point_between(low, high, 1, 1);
  if (middle && (!inside || !as_double(*middle))) collector.add_with_neighbours(*middle);
}

/// Posits and takums decide at the bit string that is one longer.
std::optional<Number> longer_string(const Format& format, Code code) {
  const auto value = [&](const auto& f, const auto& longer) {
    bool negative = false;
    const std::int64_t position =
        ordered::position_of(f, static_cast<std::uint64_t>(code), negative);
    const std::uint64_t string = static_cast<std::uint64_t>(position) << 1 | 1;
    Number x = ordered::value_at(longer, static_cast<std::int64_t>(string));
    x.negative = negative;
    return x;
  };
  if (const auto* f = std::get_if<PositFormat>(&format)) {
    return value(*f, PositFormat{f->bits + 1, f->exponent_bits});
  }
  if (const auto* f = std::get_if<TakumFormat>(&format)) {
    return value(*f, TakumFormat{f->bits + 1, f->logarithmic});
  }
  return std::nullopt;
}

Number uncut(Number x) {
  x.sticky = false;
  return x;
}

/// A value and the one of the next code: neighbours, but for the ends of a sign.
struct Gap {
  CodedNumber low;
  Number high;
};

std::vector<Gap> gaps_of(const Format& format, const std::vector<CodedNumber>& values) {
  std::vector<Gap> gaps;
  if (width(format) <= kAllCodesWidth) {
    for (std::size_t i = 0; i + 1 < values.size(); ++i) {
      gaps.push_back({values[i], values[i + 1].number});
    }
    return gaps;
  }
  const Code last = low_code_bits(width(format));
  for (const CodedNumber& value : values) {
    if (value.code == last) continue;
    const Number next = decode(format, value.code + 1);
    if (next.kind == Kind::finite || next.kind == Kind::zero) gaps.push_back({value, next});
  }
  return gaps;
}

/// Numerators of fractions of a gap over 2^(N + 2): its ends, its middle, and two elsewhere, with
/// the bits behind the N that random bits are added to 00, 01, 10 and 11.
std::vector<std::int64_t> fractions_of(int random_bits) {
  const std::int64_t whole = std::int64_t{4} << random_bits;
  std::vector<std::int64_t> list;
  const auto somewhere = static_cast<std::int64_t>(mixed(static_cast<std::uint64_t>(random_bits)) %
                                                   static_cast<std::uint64_t>(whole));
  for (const std::int64_t at : {std::int64_t{0}, whole / 2, whole - 4, somewhere & ~std::int64_t{7},
                                (whole - somewhere) | 4}) {
    for (std::int64_t t = at & ~std::int64_t{3}; t < (at & ~std::int64_t{3}) + 4; ++t) {
      if (t > 0 && t < whole) list.push_back(t);
    }
  }
  return list;
}

void add_thresholds(const RoundSpec& spec, std::span<const Gap> gaps, Collector& collector) {
  if (spec.rounding != Rounding::stochastic) return;
  const std::size_t stride = gaps.size() / kThresholdGaps + 1;
  for (std::size_t i = 0; i < gaps.size(); i += stride) {
    for (const std::int64_t t : fractions_of(spec.random_bits)) {
      const auto point = point_between(gaps[i].low.number, gaps[i].high, t, spec.random_bits + 2);
      if (point) collector.add(*point, true);
    }
  }
}

/// Beyond an end: the next number of the grid if it went on, its midpoint, and far away.
void add_beyond(const Number& end, const Number& before, bool both_signs, Collector& collector) {
  const auto add = [&](std::optional<WideNumber> x) {
    if (!x) return;
    collector.add_with_neighbours(*x);
    x->negative = !x->negative;
    if (both_signs) collector.add_with_neighbours(*x);
  };
  add(point_between(before, end, 3, 1));
  add(point_between(before, end, 2, 0));
  add(point_between({}, end, 2, 0));
  add(point_between({}, end, 4, 0));
}

}  // namespace

int leading_bits_to_run(const Format& a, const Format& b) {
  return is_irrational(a) || is_irrational(b) ? 10 : 13;
}

std::vector<Code> codes_to_look_at(const Format& format, int leading) {
  const int bits = width(format);
  std::vector<Code> codes;
  if (bits <= kAllCodesWidth) {
    for (Code code = 0; code < Code{1} << bits; ++code) codes.push_back(code);
    return codes;
  }
  const int tail = bits - leading;
  for (std::uint64_t top = 0; top < std::uint64_t{1} << leading; ++top) {
    const Code varied = Code{mixed(2 * top)} << 64 | mixed(2 * top + 1);
    const std::array<Code, 5> tails = {0, 1, Code{1} << (tail - 1), low_code_bits(tail),
                                       varied & low_code_bits(tail)};
    for (const Code low : tails) codes.push_back(Code{top} << tail | low);
  }
  for (const Number& end : {max_finite(format), lowest_finite(format), min_positive(format)}) {
    const Code code = encode(format, end);
    for (const Code near : {code - 1, code, code + 1}) codes.push_back(near & low_code_bits(bits));
  }
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  return codes;
}

std::vector<CodedNumber> values_at(const Format& format, const std::vector<Code>& codes) {
  const auto* integer = std::get_if<IntegerFormat>(&format);
  const bool skips_lowest = integer != nullptr && integer->symmetric;
  std::vector<CodedNumber> values;
  for (const Code code : codes) {
    if (skips_lowest && code == Code{1} << (integer->bits - 1)) continue;
    Number x = decode(format, code);
    if (x.kind == Kind::zero) x.negative = false;
    if (x.kind == Kind::zero || x.kind == Kind::finite) values.push_back({code, x});
  }
  std::stable_sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
    return compare_values(a.number, b.number) < 0;
  });
  const auto same = [](const auto& a, const auto& b) { return same_number(a.number, b.number); };
  values.erase(std::unique(values.begin(), values.end(), same), values.end());
  return values;
}

void add_operands(const Caster& caster, const std::vector<CodedNumber>& values, bool fine,
                  std::vector<TestOperand>& operands) {
  if (values.empty()) return;
  const Format& format = caster.format;
  // The points of irrational values are known, and finding them again takes MPFR.
  const bool searches = width(format) <= kAllCodesWidth && !is_irrational(format);
  Collector collector(format, fine, operands);
  for (const CodedNumber& value : values) collector.add_with_neighbours(widen(uncut(value.number)));
  const std::vector<Gap> gaps = gaps_of(format, values);
  for (const Gap& gap : gaps) {
    if (searches) {
      add_decision(format, gap.low.number, gap.high, collector);
      continue;
    }
    if (const auto middle = point_between(gap.low.number, gap.high, 1, 1)) {
      collector.add_with_neighbours(*middle);
    }
    if (const auto boundary = longer_string(format, gap.low.code)) {
      collector.add_with_neighbours(widen(uncut(*boundary)));
    }
  }
  add_thresholds(caster.spec, gaps, collector);
  const std::size_t last = values.size() - 1;
  const Number& top = values[last].number;
  const Number& bottom = values[0].number;
  add_beyond(top, last > 0 ? values[last - 1].number : Number{}, true, collector);
  Number mirrored = top;
  mirrored.negative = !top.negative;
  if (last > 0 && bottom.kind == Kind::finite && !same_number(bottom, mirrored)) {
    add_beyond(bottom, values[1].number, false, collector);
  }
}

void sort_operands(std::vector<TestOperand>& operands) {
  std::sort(operands.begin(), operands.end(), [](const TestOperand& a, const TestOperand& b) {
    const auto order = compare_magnitudes(a.x, b.x);
    if (order != 0) return order < 0;
    if (a.x.negative != b.x.negative) return b.x.negative;
    return a.at_threshold && !b.at_threshold;
  });
  const auto same = [](const TestOperand& a, const TestOperand& b) {
    return a.x.negative == b.x.negative && compare_magnitudes(a.x, b.x) == 0;
  };
  operands.erase(std::unique(operands.begin(), operands.end(), same), operands.end());
}

std::vector<std::uint64_t> random_words(const RoundSpec& a, const RoundSpec& b) {
  std::vector<std::uint64_t> words = {0};
  for (const RoundSpec* spec : {&a, &b}) {
    if (spec->rounding != Rounding::stochastic) continue;
    if (words.size() == 1) words.push_back(~std::uint64_t{0});
    for (const std::int64_t t : fractions_of(spec->random_bits)) {
      const std::uint64_t all = std::uint64_t{1} << spec->random_bits;
      const std::uint64_t needed = all - static_cast<std::uint64_t>(t) / 4;
      for (const std::uint64_t word : {needed, needed - 1}) {
        if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
      }
    }
  }
  return words;
}

}  // namespace halfulp
