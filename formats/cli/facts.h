// Lines of `ulp show` that the families share.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "formats/format.h"
#include "formats/number.h"

namespace halfulp::cli {

/// "  name              text"
void print_fact(std::string_view name, const std::string& text);

/// A number with its exact hexadecimal form and its code. Irrational numbers: as to_text().
void print_number(std::string_view name, const Format& format, const Number& x);

struct Field {
  char letter;
  int bits;
};

/// "| 7 | 6  5  4  3 | 2  1  0 |" over "| s | e  e  e  e | t  t  t |"; wide fields are shortened.
void print_fields(std::span<const Field> fields, std::string_view legend);

/// "s sign, e exponent": the names of the fields that have bits.
std::string field_names(std::initializer_list<std::pair<std::string_view, int>> fields);

/// Width, layout, range and special codes of posits, takums, logarithmic numbers and codebooks.
void print_ordered_facts(const Format& format);

}  // namespace halfulp::cli
