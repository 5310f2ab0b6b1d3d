// Exact points on the line of numbers, for comparing formats (difference.h).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "formats/number.h"
#include "formats/wide_number.h"

namespace halfulp {

/// Same class, sign and value; of irrational values, the same leading bits.
bool same_number(const Number& a, const Number& b);

/// With the leading bit at bit 127.
WideNumber normalized(WideNumber x);

/// Order of the magnitudes of normalized numbers, finite or zero.
std::strong_ordering compare_magnitudes(const WideNumber& a, const WideNumber& b);

/// Order of finite values of one format: a cut one is above the same one that is not cut.
std::strong_ordering compare_values(const Number& a, const Number& b);

/// The binary64 number that `x`, finite or zero, is, if it is one.
std::optional<double> as_double(const WideNumber& x);

/// low + (high - low) t / 2^k, of cut values as they are cut, for k up to 34 and 0 <= t <= 3 2^k;
/// nothing where 128 bits do not hold it.
std::optional<WideNumber> point_between(const Number& low, const Number& high, std::int64_t t,
                                        int k);

}  // namespace halfulp
