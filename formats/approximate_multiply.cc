#include "formats/approximate_multiply.h"

#include <bit>
#include <charconv>
#include <stdexcept>

#include "formats/spec.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;

constexpr int kMostBits = 32;
/// Fractions are integers times 2^-31.
constexpr int kFraction = kMostBits - 1;
constexpr std::uint64_t kOne = std::uint64_t{1} << kFraction;

struct RuleName {
  ProductRule rule;
  std::string_view name;
};

constexpr RuleName kNames[] = {{ProductRule::exact, "exact"},
                               {ProductRule::mitchell, "mitchell"},
                               {ProductRule::l_mul, "l_mul"},
                               {ProductRule::l_mul_integer, "l_mul_integer"}};

bool has_offset(ProductRule rule) {
  return rule == ProductRule::l_mul || rule == ProductRule::l_mul_integer;
}

/// 2^exponent * (1 + fraction).
struct Parts {
  std::int32_t exponent;
  std::uint64_t fraction;
};

Parts parts_of(const Number& x) {
  const int zeros = std::countr_zero(x.significand);
  const int bits = static_cast<int>(std::bit_width(x.significand)) - zeros;
  if (x.sticky || bits > kMostBits) {
    throw std::invalid_argument("approximate products need operands of at most 32 exact bits");
  }
  const std::uint64_t significand = x.significand >> zeros << (kMostBits - bits);
  return {x.exponent + zeros + bits - 1, significand - kOne};
}

/// (1 + x)(1 + y) as the rule has it.
Number significand_product(const ApproximateProduct& product, std::uint64_t x, std::uint64_t y) {
  Number result{Kind::finite, false, false, -kFraction, 0};
  if (product.rule == ProductRule::exact) {
    result.significand = (kOne + x) * (kOne + y);
    result.exponent = -2 * kFraction;
    return result;
  }
  std::uint64_t sum = x + y;
  if (has_offset(product.rule)) sum += kOne >> l_mul_shift(product.trailing_bits);
  if (product.rule == ProductRule::l_mul) {
    result.significand = kOne + sum;
    return result;
  }
  const std::uint64_t carry = sum >> kFraction;
  result.significand = kOne + (sum - (carry << kFraction));
  result.exponent += static_cast<std::int32_t>(carry);
  return result;
}

}  // namespace

int l_mul_shift(int trailing_bits) {
  if (trailing_bits < 1) throw std::invalid_argument("L-Mul needs at least one trailing bit");
  if (trailing_bits <= 3) return trailing_bits;
  return trailing_bits == 4 ? 3 : 4;
}

Number approximate_multiply(const ApproximateProduct& product, const Number& x, const Number& y,
                            Flags& flags) {
  if (x.kind == Kind::nan || y.kind == Kind::nan) return {Kind::nan};
  const bool has_zero = x.kind == Kind::zero || y.kind == Kind::zero;
  const bool has_infinity = x.kind == Kind::infinity || y.kind == Kind::infinity;
  if (has_zero && has_infinity) {
    flags.invalid = true;
    return {Kind::nan};
  }
  const bool negative = x.negative != y.negative;
  if (has_zero) return {Kind::zero, negative};
  if (has_infinity) return {Kind::infinity, negative};
  const Parts a = parts_of(x), b = parts_of(y);
  Number result = significand_product(product, a.fraction, b.fraction);
  result.negative = negative;
  result.exponent += a.exponent + b.exponent;
  return result;
}

double approximate_multiply(const ApproximateProduct& product, double x, double y) {
  Flags flags;
  return to_double(approximate_multiply(product, from_double(x), from_double(y), flags));
}

std::string to_spec(const ApproximateProduct& product) {
  for (const auto& [rule, name] : kNames) {
    if (rule != product.rule) continue;
    if (!has_offset(rule)) return std::string(name);
    return std::string(name) + "(" + std::to_string(product.trailing_bits) + ")";
  }
  throw std::invalid_argument("not a rule of products");
}

ApproximateProduct parse_product(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::string_view name = text.substr(0, open);
  for (const auto& row : kNames) {
    if (row.name != name) continue;
    if (!has_offset(row.rule)) {
      if (open == std::string_view::npos) return {row.rule, 0};
      throw SpecError("'" + std::string(name) + "' takes no number of bits",
                      static_cast<int>(open) + 1);
    }
    int bits = 0;
    const char* end = text.data() + text.size();
    const char* first = open == std::string_view::npos ? end : text.data() + open + 1;
    const auto [rest, error] = std::from_chars(first, end, bits);
    if (error != std::errc() || end - rest != 1 || *rest != ')' || bits < 1 || bits > 23) {
      throw SpecError("expected '" + std::string(name) +
                          "(m)' with the trailing bits m of the operands, 1 to 23",
                      static_cast<int>(first - text.data()) + 1);
    }
    return {row.rule, bits};
  }
  throw SpecError("no rule of products '" + std::string(name) +
                      "'; there are exact, mitchell, l_mul(m), l_mul_integer(m)",
                  1);
}

}  // namespace halfulp
