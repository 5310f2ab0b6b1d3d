// Exact sums and products of binary64 numbers for the oracles: whole numbers of 2^-400.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <initializer_list>

namespace halfulp::oracle {

/// A whole number of 2^-400, of magnitude below 2^1136.
using Fixed = boost::multiprecision::number<boost::multiprecision::cpp_int_backend<
    1536, 1536, boost::multiprecision::signed_magnitude, boost::multiprecision::unchecked, void>>;

/// Finite numbers that are multiples of 2^-400.
Fixed exact(double x);
Fixed product(std::initializer_list<double> factors);

/// Cut to 53 bits, the last one set when anything was cut: every rounding to a format of up to 17
/// bits, or to binary32, then decides as for the exact number.
double to_odd(const Fixed& x);

enum class Cut { down, truncate, nearest };

/// The multiple of 2^unit below, toward zero or nearest (ties to even).
Fixed cut(const Fixed& x, int unit, Cut mode, bool& inexact);

}  // namespace halfulp::oracle
