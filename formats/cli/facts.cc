#include "formats/cli/facts.h"

#include <fmt/core.h>

#include <algorithm>

#include "formats/cli/verbs.h"
#include "formats/codec.h"
#include "formats/number_text.h"
#include "formats/properties.h"

namespace halfulp::cli {

void print_fact(std::string_view name, const std::string& text) {
  fmt::print("  {:<18}{}\n", name, text);
}

void print_number(std::string_view name, const Format& format, const Number& x) {
  std::string text = (x.sticky ? "about " : "") + to_text(x);
  if (!x.sticky && to_hex_float(x) != text) text += "  = " + to_hex_float(x);
  text += "  code " + code_text(format, encode(format, x));
  print_fact(name, text);
}

void print_fields(std::span<const Field> fields, std::string_view legend) {
  std::string positions = "  |";
  std::string letters = "  |";
  int top = -1;
  for (const Field& field : fields) top += field.bits;
  for (const Field& field : fields) {
    if (field.bits == 0) continue;
    constexpr int kMostDrawn = 8;
    for (int i = 0; i < field.bits; ++i) {
      const bool skipped = field.bits > kMostDrawn && i > 0 && i < field.bits - 1;
      if (skipped && i > 1) continue;
      positions += skipped ? "  .." : fmt::format(" {:>3}", top - i);
      letters += skipped ? "  .." : fmt::format("   {}", field.letter);
    }
    positions += "  |";
    letters += "  |";
    top -= field.bits;
  }
  fmt::print("\n{}\n{}\n  {}\n\n", positions, letters, legend);
}

std::string field_names(std::initializer_list<std::pair<std::string_view, int>> fields) {
  std::string text;
  for (const auto& field : fields) {
    if (field.second > 0) text += (text.empty() ? "" : ", ") + std::string(field.first);
  }
  return text;
}

namespace {

void print_range(const Format& format) {
  print_number("max", format, max_finite(format));
  if (min_positive(format).kind == Number::Kind::finite) {
    print_number("min positive", format, min_positive(format));
  }
}

std::string code_of_nan(const Format& format) {
  return "code " + code_text(format, encode(format, {Number::Kind::nan}));
}

void print_tapered_precision(const Format& format) {
  const int bits = precision(format);
  print_fact("precision",
             fmt::format("{} bit{} at 1, fewer away from it", bits, bits == 1 ? "" : "s"));
}

/// The fields as they stand in the code of 1; elsewhere the regime is longer.
void print_posit(const PositFormat& f) {
  print_fact("width", fmt::format("{} bits: sign, regime, up to {} exponent, fraction", f.bits,
                                  f.exponent_bits));
  const int regime = std::min(2, f.bits - 1);
  const int exponent = std::min(f.exponent_bits, f.bits - 1 - regime);
  const Field fields[] = {
      {'s', 1}, {'r', regime}, {'e', exponent}, {'f', f.bits - 1 - regime - exponent}};
  const std::string rest = field_names({{"e exponent", exponent}, {"f fraction", fields[3].bits}});
  print_fields(fields,
               fmt::format("the code of 1: s sign, r regime (a run of equal bits and the bit "
                           "that ends it){}\n  {}further from 1 the regime grows{}",
                           rest.empty() ? ";" : ",", rest.empty() ? "" : rest + "; ",
                           rest.empty() ? "" : ", the other fields shrink"));
  fmt::print(
      "  value = (1 + f) 2^({} k + e), k = ones - 1 or -zeros; negative: two's complement\n\n",
      1 << f.exponent_bits);
  print_tapered_precision(f);
  print_range(f);
  print_fact("NaR", code_of_nan(f));
}

void print_takum(const TakumFormat& f) {
  print_fact("width", fmt::format("{} bits, {}", f.bits, f.logarithmic ? "logarithmic" : "linear"));
  const int regime = std::min(3, std::max(0, f.bits - 2));
  const Field fields[] = {
      {'s', 1}, {'d', f.bits > 1 ? 1 : 0}, {'r', regime}, {'m', f.bits - 2 - regime}};
  print_fields(
      fields,
      "the code of 1: s sign, d direction, r regime, m mantissa; between r and m stand 0 "
      "to 7\n  characteristic bits, as many as r tells (7 - r for d = 0); missing bits are 0");
  fmt::print("  value = {}, c from -255 to 254; negative: two's complement\n\n",
             f.logarithmic ? "e^((c + m) / 2)" : "(1 + m) 2^c");
  print_tapered_precision(f);
  print_range(f);
  print_fact("NaR", code_of_nan(f));
}

void print_logarithmic(const LogarithmicFormat& f) {
  print_fact("width", fmt::format("{} bits: sign, logarithm with {} fraction bits", f.bits,
                                  f.fraction_bits));
  const Field fields[] = {{'s', 1}, {'i', f.bits - 1 - f.fraction_bits}, {'f', f.fraction_bits}};
  print_fields(fields, fmt::format("s sign, {} the logarithm to base 2 in two's complement",
                                   f.fraction_bits > 0 ? "i.f" : "i"));
  print_range(f);
  print_fact("zero", "code " + code_text(f, encode(f, Number{})));
  print_fact("NaN", code_of_nan(f));
}

/// Long lists are `ulp values`.
void print_codebook(const CodebookFormat& f) {
  constexpr std::size_t kMostShown = 32;
  const std::vector<double>& values = f.book->values;
  print_fact("width", fmt::format("{} bits, {} values", width(f), values.size()));
  const std::size_t unused = (std::size_t{1} << width(f)) - values.size();
  if (unused > 0) print_fact("unused codes", std::to_string(unused));
  fmt::print("\n");
  for (std::size_t code = 0; code < std::min(values.size(), kMostShown); ++code) {
    fmt::print("  {}  {}\n", code_text(f, code), to_shortest_decimal(values[code]));
  }
  if (values.size() > kMostShown) {
    fmt::print("  ... and {} more (ulp values)\n", values.size() - kMostShown);
  }
  fmt::print("\n");
  print_range(f);
}

}  // namespace

void print_ordered_facts(const Format& format) {
  if (const auto* posit = std::get_if<PositFormat>(&format)) {
    print_posit(*posit);
  } else if (const auto* takum = std::get_if<TakumFormat>(&format)) {
    print_takum(*takum);
  } else if (const auto* lns = std::get_if<LogarithmicFormat>(&format)) {
    print_logarithmic(*lns);
  } else {
    print_codebook(std::get<CodebookFormat>(format));
  }
}

}  // namespace halfulp::cli
