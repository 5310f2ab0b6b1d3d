#include "tests/oracle/ordered_table.h"

#include <mpfr.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace halfulp::oracle {

namespace {

constexpr int kScale = 1400;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Scaled power(int exponent) { return Scaled(1) << static_cast<unsigned>(kScale + exponent); }

/// numerator * 2^exponent
Scaled dyadic(const Scaled& numerator, int exponent) {
  const int shift = kScale + exponent;
  return shift >= 0 ? Scaled(numerator << static_cast<unsigned>(shift))
                    : Scaled(numerator / (Scaled(1) << static_cast<unsigned>(-shift)));
}

int number_of(const std::string& bits) {
  int value = 0;
  for (const char bit : bits) value = 2 * value + (bit - '0');
  return value;
}

/// `count` bits from `start` on; what is beyond the end is 0.
std::string slice(const std::string& bits, std::size_t start, std::size_t count) {
  std::string part = start < bits.size() ? bits.substr(start, count) : "";
  return part + std::string(count - part.size(), '0');
}

/// base^(l) for base 2 or sqrt(e), l = numerator / 2^scale.
Scaled real_power(bool natural, long numerator, long scale) {
  mpfr_t x;
  mpfr_init2(x, 2000);
  mpfr_set_si_2exp(x, numerator, -scale - (natural ? 1 : 0), MPFR_RNDN);
  if (natural) {
    mpfr_exp(x, x, MPFR_RNDN);
  } else {
    mpfr_exp2(x, x, MPFR_RNDN);
  }
  mpfr_mul_2si(x, x, kScale, MPFR_RNDN);
  mpz_t whole;
  mpz_init(whole);
  mpfr_get_z(whole, x, MPFR_RNDZ);
  char* const digits = mpz_get_str(nullptr, 16, whole);
  const Scaled result("0x" + std::string(digits));
  void (*release)(void*, std::size_t) = nullptr;
  mp_get_memory_functions(nullptr, nullptr, &release);
  release(digits, std::char_traits<char>::length(digits) + 1);
  mpz_clear(whole);
  mpfr_clear(x);
  return result;
}

/// ((1 - 3 s) + f) 2^exponent, f the fraction of the bits.
Scaled with_hidden_bit(bool negative, const std::string& fraction, int exponent) {
  const int bits = static_cast<int>(fraction.size());
  const Scaled one = Scaled(1) << static_cast<unsigned>(bits);
  Scaled digits = 0;
  for (const char bit : fraction) digits = 2 * digits + (bit - '0');
  const Scaled significand = (negative ? Scaled(-2 * one) : one) + digits;
  return dyadic(significand, exponent - bits);
}

}  // namespace

std::string bits_of(std::uint64_t code, int width) {
  std::string bits;
  for (int i = width - 1; i >= 0; --i) bits += (code >> i & 1) != 0 ? '1' : '0';
  return bits;
}

Scaled to_scaled(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  const auto significand = static_cast<std::int64_t>(std::ldexp(fraction, 53));
  return dyadic(significand, exponent - 53);
}

double to_binary64(const Scaled& x) {
  if (x == 0) return 0;
  const Scaled magnitude = abs(x);
  const int top = static_cast<int>(msb(magnitude));
  const int drop = top - 53;  // 54 bits are kept: the last one is half of the last place
  const Scaled kept = drop >= 0 ? Scaled(magnitude >> static_cast<unsigned>(drop))
                                : Scaled(magnitude << static_cast<unsigned>(-drop));
  const bool exact = drop <= 0 || (kept << static_cast<unsigned>(drop)) == magnitude;
  auto digits = static_cast<std::int64_t>(kept);
  const bool up = digits % 2 != 0 && (!exact || digits / 2 % 2 != 0);
  digits = digits / 2 + (up ? 1 : 0);
  const double result = std::ldexp(static_cast<double>(digits), drop + 1 - kScale);
  return x < 0 ? -result : result;
}

Scaled posit_value(const std::string& bits, int es) {
  const bool negative = bits[0] == '1';
  const std::size_t end = std::min(bits.find(bits[1] == '1' ? '0' : '1', 1), bits.size());
  const int run = static_cast<int>(end) - 1;
  const int r = bits[1] == '1' ? run - 1 : -run;
  const auto width = static_cast<std::size_t>(es);
  const int e = number_of(slice(bits, end + 1, width));
  const std::string fraction = end + 1 + width < bits.size() ? bits.substr(end + 1 + width) : "";
  const int scale = r * (1 << es) + e;
  return with_hidden_bit(negative, fraction, negative ? -(scale + 1) : scale);
}

Scaled takum_value(const std::string& bits, bool logarithmic) {
  const std::string padded = slice(bits, 0, std::max<std::size_t>(bits.size(), 12));
  const bool negative = padded[0] == '1';
  const bool direction = padded[1] == '1';
  const int field = number_of(padded.substr(2, 3));
  const int r = direction ? field : 7 - field;
  const int stored = number_of(slice(padded, 5, static_cast<std::size_t>(r)));
  const int c = (direction ? (1 << r) - 1 : -(1 << (r + 1)) + 1) + stored;
  const std::string mantissa = padded.substr(5 + static_cast<std::size_t>(r));
  if (!logarithmic) return with_hidden_bit(negative, mantissa, negative ? -(c + 1) : c);
  const long p = static_cast<long>(mantissa.size());
  const long l = (static_cast<long>(c) * (1L << p) + number_of(mantissa)) * (negative ? -1 : 1);
  const Scaled magnitude = real_power(true, l, p);
  return negative ? Scaled(-magnitude) : magnitude;
}

Scaled lns_value(const std::string& bits, int fraction_bits) {
  const int range = 1 << (bits.size() - 1);
  int logarithm = number_of(bits.substr(1));
  if (bits[1] == '1') logarithm -= range;
  const Scaled magnitude = real_power(false, logarithm, fraction_bits);
  return bits[0] == '1' ? Scaled(-magnitude) : magnitude;
}

OrderedTable::OrderedTable(const Format& format) : format_(format) {
  if (const auto* posit = std::get_if<PositFormat>(&format)) {
    fill_symmetric(posit->bits);
  } else if (const auto* takum = std::get_if<TakumFormat>(&format)) {
    fill_symmetric(takum->bits);
  } else if (const auto* lns = std::get_if<LogarithmicFormat>(&format)) {
    fill_symmetric(lns->bits);
  } else {
    fill_codebook(std::get<CodebookFormat>(format).book->values);
  }
  for (std::size_t i = 0; i + 1 < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    const Scaled& next = entries_[i + 1].value;
    const bool beside_zero = entry.value == 0 || next == 0;
    if (is_posit_like_ && !beside_zero) {
      const int bits = static_cast<int>(entry.code >> 32);  // the width, kept beside the code
      entry.boundary = value_of(bits_of(entry.code & 0xFFFFFFFF, bits) + "1");
    } else if (is_posit_like_) {
      entry.boundary = 0;  // zero is never the nearest
    } else {
      entry.boundary = (entry.value + next) / 2;  // exact, or an irrational mean cut off
    }
  }
  for (const Entry& entry : entries_) {
    if (entry.value > 0 && min_positive_ == 0) min_positive_ = entry.value;
  }
}

Scaled OrderedTable::value_of(const std::string& bits) const {
  if (const auto* posit = std::get_if<PositFormat>(&format_)) {
    return posit_value(bits, posit->exponent_bits);
  }
  if (const auto* takum = std::get_if<TakumFormat>(&format_)) {
    return takum_value(bits, takum->logarithmic);
  }
  return lns_value(bits, std::get<LogarithmicFormat>(format_).fraction_bits);
}

void OrderedTable::fill_symmetric(int width) {
  is_posit_like_ = !std::holds_alternative<LogarithmicFormat>(format_);
  const std::uint64_t half = std::uint64_t{1} << (width - 1);
  const std::uint64_t zero = is_posit_like_ ? 0 : half / 2;
  const std::uint64_t nan = is_posit_like_ ? half : half + half / 2;
  for (std::uint64_t code = 0; code < 2 * half; ++code) {
    if (code == nan) continue;
    const Scaled value = code == zero ? Scaled(0) : value_of(bits_of(code, width));
    const std::uint64_t tag = static_cast<std::uint64_t>(width) << 32;
    entries_.push_back({value, tag | code, code % 2 != 0, 0});
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.value < b.value; });
}

void OrderedTable::fill_codebook(const std::vector<double>& values) {
  has_nan_ = false;
  for (std::size_t code = 0; code < values.size(); ++code) {
    if (values[code] == 0 && std::signbit(values[code])) {
      has_negative_zero_ = true;
    } else {
      entries_.push_back({to_scaled(values[code]), code, false, 0});
    }
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.value < b.value; });
  bool odd = std::count_if(entries_.begin(), entries_.end(),
                           [](const Entry& entry) { return entry.value < 0; }) %
                 2 !=
             0;
  for (Entry& entry : entries_) {
    entry.odd = odd;
    odd = !odd;
  }
}

bool OrderedTable::takes_upper_by_chance(const RoundSpec& spec, std::size_t lower, const Scaled& x,
                                         bool negative, std::uint64_t random) const {
  const Scaled gap = entries_[lower + 1].value - entries_[lower].value;
  const Scaled from_inner = negative ? entries_[lower + 1].value - x : x - entries_[lower].value;
  const auto n = static_cast<unsigned>(spec.random_bits);
  const std::uint64_t r = random % (std::uint64_t{1} << n);
  bool outer = false;
  if (spec.variant == StochasticVariant::truncate) {
    outer = (from_inner << n) / gap + r >= Scaled(1) << n;
  } else if (spec.variant == StochasticVariant::rounded) {
    Scaled rounded = (from_inner << n) / gap;
    const Scaled twice_rest = 2 * ((from_inner << n) - rounded * gap);
    if (twice_rest > gap || (twice_rest == gap && rounded % 2 != 0)) ++rounded;
    outer = rounded + r >= Scaled(1) << n;
  } else {
    outer = (from_inner << (n + 1)) / gap + (2 * r + 1) >= Scaled(1) << (n + 1);
  }
  return outer != negative;
}

bool OrderedTable::takes_upper(const RoundSpec& spec, std::size_t lower, const Scaled& x,
                               bool negative, std::uint64_t random) const {
  const Entry& below = entries_[lower];
  const Entry& above = entries_[lower + 1];
  const bool beside_zero = is_posit_like_ && (below.value == 0 || above.value == 0);
  switch (spec.rounding) {
    case Rounding::nearest_even:
    case Rounding::nearest_away:
      if (beside_zero) return below.value == 0;
      if (x != below.boundary) return x > below.boundary;
      if (spec.rounding == Rounding::nearest_even) return below.odd;
      return !negative;
    case Rounding::toward_zero:
      if (below.value >= 0) return false;
      return above.value <= 0 || !negative;
    case Rounding::toward_positive:
      return true;
    case Rounding::toward_negative:
      return false;
    case Rounding::to_odd:
      return above.odd;
    case Rounding::stochastic:
      break;
  }
  return takes_upper_by_chance(spec, lower, x, negative, random);
}

Rounded OrderedTable::round(const RoundSpec& spec, double x, std::uint64_t random) const {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double max = to_binary64(entries_.back().value);
  const double lowest = to_binary64(entries_.front().value);
  Rounded result;
  if (std::isnan(x)) {
    result.value = has_nan_ ? nan : max;
    result.flags.invalid = !has_nan_;
    return result;
  }
  if (std::isinf(x) && is_posit_like_ && spec.overflow != Overflow::error) {
    return {nan, {.invalid = true}};
  }
  const bool negative = std::signbit(x);
  const Scaled exact = std::isinf(x) ? Scaled(0) : to_scaled(x);
  const bool above = x == kInfinity || (!std::isinf(x) && exact > entries_.back().value);
  const bool below = x == -kInfinity || (!std::isinf(x) && exact < entries_.front().value);
  if (above || below) {
    result.value = spec.overflow == Overflow::nan ? nan : above ? max : lowest;
    result.flags = {.inexact = true, .overflow = true};
    result.overflow_error = spec.overflow == Overflow::error;
    return result;
  }
  const auto upper =
      std::upper_bound(entries_.begin(), entries_.end(), exact,
                       [](const Scaled& a, const Entry& entry) { return a < entry.value; });
  auto index = static_cast<std::size_t>(upper - entries_.begin()) - 1;
  if (entries_[index].value != exact) {
    result.flags.inexact = true;
    result.flags.underflow = has_nan_ && abs(exact) < min_positive_;
    if (takes_upper(spec, index, exact, negative, random)) ++index;
  }
  result.value = to_binary64(entries_[index].value);
  if (result.value == 0) result.value = negative && has_negative_zero_ ? -0.0 : 0.0;
  return result;
}

std::vector<double> OrderedTable::deciding_inputs(std::size_t stride) const {
  std::vector<double> inputs = {0.0, -0.0, kInfinity, -kInfinity,
                                std::numeric_limits<double>::quiet_NaN()};
  const auto add_around = [&](const Scaled& exact) {
    const double x = to_binary64(exact);
    for (const double y : {x, std::nextafter(x, kInfinity), std::nextafter(x, -kInfinity)}) {
      inputs.push_back(y);
    }
  };
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const bool near_middle = i + 6 > entries_.size() / 2 && i < entries_.size() / 2 + 6;
    const bool near_end = i < 4 || i + 4 > entries_.size();
    if (i % stride != 0 && !near_middle && !near_end) continue;
    add_around(entries_[i].value);
    if (i + 1 == entries_.size()) break;
    const Scaled gap = entries_[i + 1].value - entries_[i].value;
    add_around(entries_[i].boundary);
    for (int part = 1; part < 4; ++part) add_around(entries_[i].value + gap * part / 4);
  }
  add_around(entries_.back().value * 3 / 2);
  add_around(entries_.front().value * 3 / 2);
  add_around(power(-1000));
  add_around(-power(-1000));
  return inputs;
}

}  // namespace halfulp::oracle
