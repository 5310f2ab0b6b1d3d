// Multiplication without a multiplier: the fractions of the significands are added, as if
// logarithms were linear between powers of two.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/number.h"
#include "formats/rounding.h"

namespace halfulp {

/// What stands in for (1 + x)(1 + y), x and y the fractions of the two significands, in [0, 1).
/// Exponents are added and signs multiplied in every rule.
enum class ProductRule : std::uint8_t {
  exact,     ///< (1 + x)(1 + y)
  mitchell,  ///< 1 + s with s = x + y, and 2 s where s >= 1 (Mitchell, Computer multiplication and
             ///< division using binary logarithms, 1962)
  l_mul,  ///< 1 + x + y + 2^-l(m), the printed formula of L-Mul (Luo and Sun, Addition is all you
          ///< need for energy-efficient language models, arXiv 2410.00907)
  l_mul_integer,  ///< L-Mul as the sum of two codes, where the fraction's carry goes to the
                  ///< exponent: 1 + s with s = x + y + 2^-l(m), 2 s where s >= 1, 4 (s - 1) where s
                  ///< >= 2
};

/// Spelled "exact", "mitchell", "l_mul(3)", "l_mul_integer(3)".
struct ApproximateProduct {
  ProductRule rule = ProductRule::exact;
  int trailing_bits = 0;  ///< m of the operands' format, at least 1; of L-Mul, else 0
  friend bool operator==(const ApproximateProduct&, const ApproximateProduct&) = default;
};

/// l(m): m up to 3, 3 for 4, 4 above.
int l_mul_shift(int trailing_bits);

/// The approximate product of two numbers, exactly: it needs at most two bits more than the wider
/// operand. Round it as any product.
///
/// Operands of any exponent are normalized first, so subnormal numbers are as good as others;
/// decode them with Subnormals::flush_input for hardware that reads them as zero. The sum of
/// exponents is not limited: overflow and underflow are those of the rounding that follows. Zero
/// times a number is zero, infinity times a number other than zero infinity, both with the
/// product's sign. NaN gives NaN, 0 * infinity NaN with `invalid`. L-Mul's operands may have more
/// than m trailing bits: only l depends on m. Throws std::invalid_argument for L-Mul without m, and
/// for operands that are sticky or have more than 32 significant bits.
Number approximate_multiply(const ApproximateProduct& product, const Number& x, const Number& y,
                            Flags& flags);
/// The same for binary64; rounded to nearest even where it does not fit.
double approximate_multiply(const ApproximateProduct& product, double x, double y);

std::string to_spec(const ApproximateProduct& product);
/// Reads what to_spec() prints. Throws SpecError (spec.h).
ApproximateProduct parse_product(std::string_view text);

}  // namespace halfulp
