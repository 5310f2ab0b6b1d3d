#include "formats/number_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "formats/decimal.h"
#include "formats/families/power.h"
#include "formats/round.h"
#include "formats/spelling.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit_value(char c) {
  if (is_digit(c)) return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// A signed decimal exponent that fills the rest of `text`, cut to +-10^12 (far beyond every
/// format).
std::optional<std::int64_t> read_exponent(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = std::min<std::int64_t>(value * 10 + (c - '0'), 1'000'000'000'000);
  }
  return negative ? -value : value;
}

/// The digits before an exponent: all of them, and how many stand behind the point.
struct Digits {
  std::string digits;
  std::int64_t after_point = 0;
};

template <typename IsDigit>
std::optional<Digits> read_digits(std::string_view text, IsDigit is_wanted_digit) {
  Digits result;
  bool point = false;
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_wanted_digit(c)) return std::nullopt;
    result.digits += c;
    if (point) ++result.after_point;
  }
  if (result.digits.empty()) return std::nullopt;
  result.digits.erase(0, std::min(result.digits.find_first_not_of('0'), result.digits.size()));
  return result;
}

std::optional<WideNumber> read_decimal(std::string_view text) {
  const std::size_t e = std::min(text.find('e'), text.size());
  std::optional<Digits> mantissa = read_digits(text.substr(0, e), is_digit);
  if (!mantissa) return std::nullopt;
  std::int64_t exponent10 = 0;
  if (e < text.size()) {
    const std::optional<std::int64_t> exponent = read_exponent(text.substr(e + 1));
    if (!exponent) return std::nullopt;
    exponent10 = *exponent;
  }
  std::string& digits = mantissa->digits;
  if (digits.empty()) return WideNumber{};
  exponent10 -= mantissa->after_point;
  const std::size_t kept = digits.find_last_not_of('0') + 1;
  exponent10 += static_cast<std::int64_t>(digits.size() - kept);
  digits.resize(kept);
  return decimal_to_binary(digits, exponent10);
}

std::optional<WideNumber> read_hex_float(std::string_view text) {
  const std::size_t p = text.find('p');
  if (p == std::string_view::npos) return std::nullopt;
  const std::optional<Digits> mantissa =
      read_digits(text.substr(0, p), [](char c) { return hex_digit_value(c) >= 0; });
  const std::optional<std::int64_t> exponent = read_exponent(text.substr(p + 1));
  if (!mantissa || !exponent) return std::nullopt;
  if (mantissa->digits.empty()) return WideNumber{};
  WideNumber result{Kind::finite};
  std::int64_t exponent2 = *exponent - 4 * mantissa->after_point;
  for (const char c : mantissa->digits) {
    const int value = hex_digit_value(c);
    if (bit_width(result.significand) <= 124) {
      result.significand = (result.significand << 4) | static_cast<unsigned>(value);
    } else {
      result.sticky = result.sticky || value != 0;
      exponent2 += 4;
    }
  }
  constexpr std::int64_t kFar = 1'000'000;
  result.exponent = static_cast<std::int32_t>(std::clamp(exponent2, -kFar, kFar));
  return result;
}

/// A sticky number that has no normal binary64 near it.
bool is_beyond_binary64(const Number& x) {
  if (x.kind != Kind::finite || !x.sticky) return false;
  return x.exponent + bit_width(x.significand) - 1 < -1022 || std::isinf(to_double(x));
}

/// With one leading digit: "0x1.8p+3".
std::string hex_text(uint128 significand, std::int64_t exponent) {
  const int bits = bit_width(significand);
  std::string digits;
  uint128 fraction = bits <= 1 ? 0 : significand << (129 - bits);
  for (; fraction != 0; fraction <<= 4) {
    digits += "0123456789abcdef"[static_cast<unsigned>(fraction >> 124)];
  }
  exponent += bits - 1;
  return "0x1" + (digits.empty() ? "" : "." + digits) + (exponent < 0 ? "p-" : "p+") +
         std::to_string(std::abs(exponent));
}

/// Decimal digits with the point after the first, times 10^exponent, as people write them.
std::string arrange(std::string digits, int exponent) {
  const int count = static_cast<int>(digits.size());
  if (exponent < -5 || exponent > 16) {
    if (count > 1) digits.insert(1, ".");
    return digits + (exponent < 0 ? "e-" : "e+") + std::to_string(std::abs(exponent));
  }
  if (exponent < 0)
    return "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  if (count <= exponent + 1)
    return digits + std::string(static_cast<std::size_t>(exponent + 1 - count), '0');
  return digits.insert(static_cast<std::size_t>(exponent) + 1, ".");
}

}  // namespace

std::optional<WideNumber> parse_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::string lower = lower_case(text);
  std::optional<WideNumber> result;
  if (lower == "nan") {
    result = WideNumber{Kind::nan};
  } else if (lower == "inf" || lower == "infinity") {
    result = WideNumber{Kind::infinity};
  } else if (lower.starts_with("0x")) {
    result = read_hex_float(std::string_view(lower).substr(2));
  } else {
    result = read_decimal(lower);
  }
  if (result) result->negative = negative && result->kind != Kind::nan;
  return result;
}

std::string to_shortest_decimal(double x) {
  if (std::isnan(x)) return "nan";
  const std::string sign = std::signbit(x) ? "-" : "";
  if (std::isinf(x)) return sign + "inf";
  if (x == 0) return sign + "0";
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(x), std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::size_t exponent_start = text[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(text.data() + exponent_start, text.data() + text.size(), exponent);
  std::string digits(text.substr(0, e));
  std::erase(digits, '.');
  return sign + arrange(std::move(digits), exponent);
}

std::string to_hex_float(const Number& x) {
  if (is_beyond_binary64(x)) return to_hex_float(ordered::nearest_64_bits(x));
  if (x.sticky) return to_hex_float(from_double(to_double(x)));
  const std::string sign = x.negative ? "-" : "";
  switch (x.kind) {
    case Kind::nan:
      return "nan";
    case Kind::infinity:
      return sign + "inf";
    case Kind::zero:
      return sign + "0x0p+0";
    case Kind::finite:
      break;
  }
  return sign + hex_text(x.significand, x.exponent);
}

std::string to_text(const Number& x) {
  if (is_beyond_binary64(x)) return to_hex_float(x);
  if (x.sticky) return to_shortest_decimal(to_double(x));
  constexpr FloatFormat kBinary64{11, 52, 1023};
  Flags flags;
  round_to(kBinary64, {Rounding::nearest_even, Overflow::infinity}, x, 0, flags);
  return flags.inexact ? to_hex_float(x) : to_shortest_decimal(to_double(x));
}

std::string to_exact_text(const WideNumber& x) {
  const int excess = std::max(0, bit_width(x.significand) - 64);
  if ((x.significand & low_code_bits(excess)) != 0) {
    return (x.negative ? "-" : "") + hex_text(x.significand, x.exponent);
  }
  return to_text(Number{x.kind, x.negative, x.sticky, x.exponent + excess,
                        static_cast<std::uint64_t>(x.significand >> excess)});
}

}  // namespace halfulp
