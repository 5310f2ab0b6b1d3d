#include "formats/ordered_format.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "formats/exact_sum.h"
#include "formats/families/codebook.h"
#include "formats/families/logarithmic.h"
#include "formats/families/posit.h"
#include "formats/families/symmetric.h"
#include "formats/families/takum.h"
#include "formats/float_layout.h"
#include "formats/spec.h"

namespace halfulp::ordered {

namespace {

using Kind = Number::Kind;

/// Bits that hold the codes 0 to count - 1.
int width_for(std::size_t count) { return std::max(1, bit_width(static_cast<uint128>(count) - 1)); }

const Codebook* book_of(const Format& format) {
  const auto* f = std::get_if<CodebookFormat>(&format);
  return f == nullptr ? nullptr : f->book.get();
}

Number decode_codebook(const Codebook& book, Code code) {
  const auto index = static_cast<std::size_t>(code);
  return index < book.values.size() ? from_double(book.values[index]) : Number{Kind::nan};
}

int leading_exponent(const Number& x) { return x.exponent + bit_width(x.significand) - 1; }

/// Whether the ends, which are powers of two, are binary32 numbers.
bool ends_fit(const Format& format) {
  return leading_exponent(max_finite(format)) <= 127 &&
         leading_exponent(min_positive(format)) >= -149;
}

/// value(b) - value(a) to the nearest binary64.
template <class Family>
double difference(const Family& f, std::int64_t a, std::int64_t b) {
  if constexpr (requires { power_at(f, a); }) {
    if (is_irrational(f)) return difference(power_at(f, b), power_at(f, a));
  }
  Number below = value_at(f, a);
  below.negative = true;
  ExactSum sum;
  sum.add(value_at(f, b));
  sum.add(below);
  Flags flags;
  constexpr FloatFormat kBinary64{11, 52, 1023};
  return to_double(sum.round(kBinary64, {Rounding::nearest_even, Overflow::infinity}, 0, flags));
}

}  // namespace

bool is_ordered(const Format& format) {
  return !std::holds_alternative<FloatFormat>(format) &&
         !std::holds_alternative<IntegerFormat>(format);
}

int width(const Format& format) {
  if (const Codebook* book = book_of(format)) return width_for(book->values.size());
  return visit_symmetric(format, [](const auto& f) { return f.bits; });
}

Number decode(const Format& format, Code code) {
  if (const Codebook* book = book_of(format)) return decode_codebook(*book, code);
  return visit_symmetric(format, [&](const auto& f) {
    if (code == nan_code(f)) return Number{Kind::nan};
    bool negative = false;
    const std::int64_t position = position_of(f, static_cast<std::uint64_t>(code), negative);
    Number x = value_at(f, position);
    x.negative = negative;
    return x;
  });
}

Code encode(const Format& format, const Number& x) {
  if (x.kind == Kind::infinity) {
    throw std::invalid_argument("there is no infinity in " + ordered::to_spec(format));
  }
  if (x.kind == Kind::nan && !has_nan(format)) {
    throw std::invalid_argument("there is no NaN in " + ordered::to_spec(format));
  }
  if (const auto* f = std::get_if<CodebookFormat>(&format)) return code_of(*f, x);
  return visit_symmetric(format, [&](const auto& f) -> Code {
    if (x.kind == Kind::nan) return nan_code(f);
    if (x.kind == Kind::zero) return code_at(f, 0, false);
    const Place place = settled_place(f, widen(x));
    if (place.beyond || !place.exact) {
      throw std::invalid_argument("number is no value of " + ordered::to_spec(format));
    }
    return code_at(f, place.inner, x.negative);
  });
}

Number max_finite(const Format& format) {
  if (const Codebook* book = book_of(format)) {
    return from_double(book->values[book->ascending.back()]);
  }
  return visit_symmetric(format, [](const auto& f) { return value_at(f, top_position(f)); });
}

Number lowest_finite(const Format& format) {
  if (const Codebook* book = book_of(format)) {
    return from_double(book->values[book->ascending.front()]);
  }
  Number lowest = max_finite(format);
  lowest.negative = true;
  return lowest;
}

Number min_positive(const Format& format) {
  if (const Codebook* book = book_of(format)) {
    for (const std::uint32_t code : book->ascending) {
      if (book->values[code] > 0) return from_double(book->values[code]);
    }
    return {};
  }
  return visit_symmetric(format, [](const auto& f) { return value_at(f, 1); });
}

int precision(const Format& format) {
  if (const auto* posit = std::get_if<PositFormat>(&format)) {
    return std::max(1, posit->bits - 2 - posit->exponent_bits);
  }
  if (const auto* takum = std::get_if<TakumFormat>(&format)) {
    return std::max(1, takum->bits - (takum->logarithmic ? 3 : 4));
  }
  if (const auto* lns = std::get_if<LogarithmicFormat>(&format)) return lns->fraction_bits + 1;
  return ordered::width(format) - 1;
}

double epsilon(const Format& format) {
  if (const Codebook* book = book_of(format)) {
    const auto value = [&](std::size_t i) { return book->values[book->ascending[i]]; };
    std::size_t above = 1;
    while (above + 1 < book->ascending.size() && value(above) <= 1) ++above;
    return value(above) - value(above - 1);
  }
  return visit_symmetric(format, [](const auto& f) {
    const std::int64_t one = position_of_one(f);
    const std::int64_t top = top_position(f);
    const std::int64_t lower = one < top ? one : one - 1;
    return difference(f, lower, lower + 1);
  });
}

bool has_nan(const Format& format) { return book_of(format) == nullptr; }

bool has_negative_zero(const Format& format) {
  const auto* f = std::get_if<CodebookFormat>(&format);
  return f != nullptr && has_negative_zero(*f);
}

std::uint64_t finite_code_count(const Format& format) {
  if (const Codebook* book = book_of(format)) return book->values.size();
  return low_bits(ordered::width(format));  // every code but NaR or NaN
}

bool fits_binary32(const Format& format) {
  if (const Codebook* book = book_of(format)) {
    return std::all_of(book->values.begin(), book->values.end(),
                       [](double x) { return static_cast<double>(static_cast<float>(x)) == x; });
  }
  // Neighbours of 1 are irrational in logarithmic formats of more than 2 bits, unless the logarithm
  // is whole. The others have the most significand bits at 1, and none at their ends.
  if (const auto* lns = std::get_if<LogarithmicFormat>(&format)) {
    return (lns->fraction_bits == 0 || lns->bits == 2) && ends_fit(format);
  }
  if (const auto* takum = std::get_if<TakumFormat>(&format)) {
    if (takum->logarithmic) return takum->bits == 2;
  }
  return precision(format) <= 24 && ends_fit(format);
}

std::string overflow_fault(const Format& format, Overflow overflow) {
  const bool never_nan =
      std::holds_alternative<PositFormat>(format) || std::holds_alternative<TakumFormat>(format);
  if (!never_nan || overflow != Overflow::nan) return {};
  return "a number never becomes NaR in " + ordered::to_spec(format) + "; use overflow saturate";
}

}  // namespace halfulp::ordered
