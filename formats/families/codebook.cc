#include "formats/families/codebook.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "formats/number_text.h"

namespace halfulp::ordered {

namespace {

bool is_negative_zero(double x) { return x == 0 && std::signbit(x); }

/// Codes by ascending value, one zero.
std::vector<std::uint32_t> ascending_codes(const std::vector<double>& values) {
  std::vector<std::uint32_t> codes;
  for (std::uint32_t code = 0; code < values.size(); ++code) {
    if (!is_negative_zero(values[code])) codes.push_back(code);
  }
  std::sort(codes.begin(), codes.end(),
            [&](std::uint32_t a, std::uint32_t b) { return values[a] < values[b]; });
  return codes;
}

double value_of(const Codebook& book, std::int64_t position) {
  return book.values[book.ascending[static_cast<std::size_t>(position)]];
}

/// Sign of x - value.
int compare(const WideNumber& x, double value) {
  const bool x_is_zero = x.kind == Number::Kind::zero;
  if (value == 0) return x_is_zero ? 0 : x.negative ? -1 : 1;
  if (x_is_zero) return value > 0 ? -1 : 1;
  if (x.negative != std::signbit(value)) return x.negative ? -1 : 1;
  const int order = compare_magnitudes(x, widen(from_double(value)));
  return x.negative ? -order : order;
}

/// How many values are at most x.
std::int64_t count_up_to(const Codebook& book, const WideNumber& x) {
  const auto after = std::upper_bound(
      book.ascending.begin(), book.ascending.end(), x,
      [&](const WideNumber& a, std::uint32_t code) { return compare(a, book.values[code]) < 0; });
  return after - book.ascending.begin();
}

std::int64_t position_of_zero(const Codebook& book) {
  return std::partition_point(book.ascending.begin(), book.ascending.end(),
                              [&](std::uint32_t code) { return book.values[code] < 0; }) -
         book.ascending.begin();
}

}  // namespace

CodebookFormat make_codebook(std::string name, std::vector<double> values) {
  Codebook book{std::move(name), std::move(values), {}};
  const auto zeros = std::count(book.values.begin(), book.values.end(), 0.0);
  const auto minus_zero = std::find_if(book.values.begin(), book.values.end(), is_negative_zero);
  if (zeros == 1 && minus_zero != book.values.end()) *minus_zero = 0.0;
  book.ascending = ascending_codes(book.values);
  return {std::make_shared<const Codebook>(std::move(book))};
}

std::string codebook_fault(const CodebookFormat& format) {
  if (format.book == nullptr) return "a codebook needs its list of values";
  const Codebook& book = *format.book;
  if (book.values.size() < 2) return "a codebook needs two values or more";
  if (book.values.size() > kLongestCodebook) {
    return "a codebook has at most " + std::to_string(kLongestCodebook) + " values, not " +
           std::to_string(book.values.size());
  }
  for (const double value : book.values) {
    if (!std::isfinite(value)) {
      return "the values of a codebook are finite; leave out " + to_shortest_decimal(value);
    }
  }
  for (std::size_t i = 0; i + 1 < book.ascending.size(); ++i) {
    const double value = book.values[book.ascending[i]];
    if (value == book.values[book.ascending[i + 1]]) {
      return "the values of a codebook are distinct; leave out the second " +
             to_shortest_decimal(value);
    }
  }
  if (book.values.size() - book.ascending.size() > 1) {
    return "the values of a codebook are distinct; leave out the second -0";
  }
  return {};
}

Number value_at(const CodebookFormat& format, std::int64_t position) {
  return from_double(value_of(*format.book, position));
}

Place place(const CodebookFormat& format, const WideNumber& x) {
  const Codebook& book = *format.book;
  const auto count = static_cast<std::int64_t>(book.ascending.size());
  const std::int64_t up_to = count_up_to(book, x);
  const bool exact = up_to > 0 && compare(x, value_of(book, up_to - 1)) == 0;
  if (!exact && (up_to == 0 || up_to == count)) return {.inner = up_to, .beyond = true};

  const std::int64_t zero = position_of_zero(book);
  Place place;
  place.exact = exact;
  if (exact) {
    place.inner = place.outer = up_to - 1;
    return place;
  }
  place.inner = x.negative ? up_to : up_to - 1;
  place.outer = x.negative ? up_to - 1 : up_to;
  place.inner_is_even = (place.inner - zero) % 2 == 0;
  const double inner = value_of(book, place.inner);
  place.spans_zero = x.negative ? inner > 0 : inner < 0;
  const int order = compare_to_point(x, from_double(inner), value_at(format, place.outer), 1, 1);
  place.side = x.negative ? -order : order;
  return place;
}

Code code_of(const CodebookFormat& format, const Number& x) {
  const Codebook& book = *format.book;
  if (x.kind == Number::Kind::zero && x.negative) {
    const auto found = std::find_if(book.values.begin(), book.values.end(), is_negative_zero);
    if (found != book.values.end()) return static_cast<Code>(found - book.values.begin());
  }
  const std::int64_t up_to = count_up_to(book, widen(x));
  const bool found = up_to > 0 && compare(widen(x), value_of(book, up_to - 1)) == 0;
  if (!found) throw std::invalid_argument("number is no value of the codebook");
  return book.ascending[static_cast<std::size_t>(up_to - 1)];
}

bool has_value(const CodebookFormat& format, double value) {
  return compare(widen(from_double(value)), value_of(*format.book, 0)) >= 0 &&
         value_of(*format.book, count_up_to(*format.book, widen(from_double(value))) - 1) == value;
}

bool has_negative_zero(const CodebookFormat& format) {
  return format.book->values.size() != format.book->ascending.size();
}

}  // namespace halfulp::ordered
