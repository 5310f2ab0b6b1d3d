// Codebooks: lists of values. Making and checking them, and neighbours.
#pragma once

#include <string>
#include <vector>

#include "formats/families/place.h"
#include "formats/format.h"

namespace halfulp::ordered {

constexpr std::size_t kLongestCodebook = 65536;

/// A book with its ascending order filled in. A list may hold both 0 and -0; -0 alone becomes 0.
/// Does not check the values: see codebook_fault.
CodebookFormat make_codebook(std::string name, std::vector<double> values);

/// Why the list is no format, with the remedy; empty when it is one.
std::string codebook_fault(const CodebookFormat& format);

/// The value at a position of the ascending order.
Number value_at(const CodebookFormat& format, std::int64_t position);

/// The neighbours of x, which has a sign. Even is a position at an even distance from zero (or,
/// without a zero, from the smallest positive value), so that lists that are symmetric about zero
/// round symmetrically.
Place place(const CodebookFormat& format, const WideNumber& x);

/// Code of a value of the list; throws std::invalid_argument when it is none.
Code code_of(const CodebookFormat& format, const Number& x);

bool has_value(const CodebookFormat& format, double value);
bool has_negative_zero(const CodebookFormat& format);

}  // namespace halfulp::ordered
