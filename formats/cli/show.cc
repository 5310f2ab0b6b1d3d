// ulp show: everything about one format.
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

#include "formats/cli/accumulators.h"
#include "formats/cli/facts.h"
#include "formats/cli/format_json.h"
#include "formats/cli/verbs.h"
#include "formats/codec.h"
#include "formats/float_layout.h"
#include "formats/named_formats.h"
#include "formats/number_text.h"
#include "formats/properties.h"
#include "formats/spacing.h"
#include "formats/spec.h"

namespace halfulp::cli {

namespace {

constexpr std::string_view kShowHelp =
    "Properties, bit layout, synonyms and source of a format; the complete spelling of an\n"
    "accumulator, and the source of a preset.\n"
    "  --json  one JSON object, as a line of ulp list --json\n"
    "  examples: ulp show e4m3fn; ulp show 'h100(e4m3fn)'\n";

void print_layout(const FloatFormat& f) {
  const Field fields[] = {
      {'s', f.is_signed ? 1 : 0}, {'e', f.exponent_bits}, {'t', f.trailing_bits}};
  print_fields(fields, field_names({{"s sign", fields[0].bits},
                                    {"e exponent", fields[1].bits},
                                    {"t trailing significand", fields[2].bits}}));
}

/// Where the fraction is longer than the code, all bits but the sign are fraction.
void print_layout(const IntegerFormat& f) {
  const int sign = f.is_signed ? 1 : 0;
  const int fraction = std::clamp(f.fraction_bits, 0, f.bits - sign);
  const Field fields[] = {{'s', sign}, {'i', f.bits - sign - fraction}, {'f', fraction}};
  print_fields(fields, field_names({{"s sign (two's complement)", sign},
                                    {"i integer", fields[1].bits},
                                    {"f fraction", fraction}}));
}

std::string non_finite_text(const FloatFormat& f) {
  switch (f.non_finite) {
    case NonFinite::ieee:
      return has_nan(f) ? "ieee: the top exponent is infinity (t = 0) and NaN"
                        : "ieee: the top exponent is infinity; no NaN";
    case NonFinite::fn:
      return "fn: all ones is NaN; no infinity";
    case NonFinite::fnuz:
      return "fnuz: the code of minus zero is NaN; no infinity, no minus zero";
    case NonFinite::p3109_finite:
      return std::string("P3109 finite: ") +
             (f.is_signed ? "the code of minus zero is NaN" : "all ones is NaN") + "; no infinity";
    case NonFinite::p3109_extended:
      return f.is_signed ? "P3109 extended: the code of minus zero is NaN, all ones infinity"
                         : "P3109 extended: all ones is NaN, one less infinity";
    case NonFinite::finite:
      break;
  }
  return "finite: every code is a number";
}

std::string subnormals_text(const FloatFormat& f) {
  if (!f.has_zero) return "none: exponent field 0 is an ordinary binade, there is no zero";
  switch (f.subnormals) {
    case Subnormals::on:
      return "on";
    case Subnormals::off:
      return "off: exponent field 0 is zero";
    case Subnormals::flush_input:
      break;
  }
  return "flush_input: codes exist, operands that are subnormal are read as zero";
}

void print_float_facts(const FloatFormat& f) {
  const bool fixed_grid = is_fixed_grid(f);
  print_fact("width", fmt::format("{} bits: {} sign, {} exponent, {} trailing", width(f),
                                  f.is_signed ? 1 : 0, f.exponent_bits, f.trailing_bits));
  print_layout(f);
  print_fact("precision", fmt::format("{} bit{}{}", precision(f), precision(f) == 1 ? "" : "s",
                                      fixed_grid ? "" : ", the implicit one included"));
  print_fact("bias", std::to_string(f.bias));
  if (!fixed_grid) print_fact("emin, emax", fmt::format("{}, {}", emin(f), emax(f)));
  print_number("max finite", f, max_finite(f));
  if (!fixed_grid) print_number("min normal", f, min_normal(f));
  const bool has_subnormals = f.has_zero && f.trailing_bits > 0 && f.subnormals != Subnormals::off;
  if (has_subnormals) {
    print_number(fixed_grid ? "min positive" : "min subnormal", f, min_positive(f));
  }
  print_fact("subnormals", subnormals_text(f));
  print_fact("non-finite codes", non_finite_text(f));
  if (has_nan(f)) {
    print_fact("canonical NaN", code_text(f, encode(f, {Number::Kind::nan})));
  }
}

void print_integer_facts(const IntegerFormat& f) {
  print_fact("width",
             fmt::format("{} bits, {}{}", f.bits, f.is_signed ? "two's complement" : "unsigned",
                         f.symmetric ? ", most negative code left out" : ""));
  print_layout(f);
  if (f.fraction_bits != 0) {
    print_fact("value", fmt::format("integer * 2^{}", -f.fraction_bits));
    print_number("step", f, min_positive(f));
  }
  print_number("max", f, max_finite(f));
  print_number("min", f, lowest_finite(f));
}

/// Words separated by blanks, broken before column 96.
std::string wrapped(const std::vector<std::string_view>& words) {
  constexpr std::size_t kRoom = 76;
  std::string text;
  std::size_t line = 0;
  for (const std::string_view word : words) {
    if (line > 0 && line + word.size() + 1 > kRoom) {
      text += "\n" + std::string(20, ' ');
      line = 0;
    } else if (line > 0) {
      text += ' ';
      ++line;
    }
    text += word;
    line += word.size();
  }
  return text;
}

int run_show(const Arguments& arguments) {
  const std::vector<std::string>& words = arguments.positional();
  if (words.size() == 1 && names_accumulator(words[0])) {
    if (arguments.has("--json")) throw UsageError("--json shows formats only");
    print_accumulator(words[0]);
    return 0;
  }
  const Format format = format_argument(arguments, "show");
  if (arguments.has("--json")) {
    fmt::print("{}\n", format_json(format));
    return 0;
  }
  fmt::print("{}\n", to_spec(format));
  if (const auto* f = std::get_if<FloatFormat>(&format)) {
    print_float_facts(*f);
  } else if (const auto* integer = std::get_if<IntegerFormat>(&format)) {
    print_integer_facts(*integer);
  } else {
    print_ordered_facts(format);
  }
  print_fact("epsilon", to_shortest_decimal(epsilon(format)));
  print_fact("unit roundoff", to_shortest_decimal(unit_roundoff(format)));
  print_fact("dynamic range", fmt::format("{:.2f} dB, {:.2f} binades", dynamic_range_db(format),
                                          dynamic_range_binades(format)));
  const std::uint64_t infinities = !has_infinity(format)                     ? 0
                                   : std::get<FloatFormat>(format).is_signed ? 2
                                                                             : 1;
  if (width(format) <= 16) {
    const auto count = static_cast<std::uint64_t>(values_in_binade(format, 0));
    print_fact("in [1, 2)", fmt::format("{} value{}", count, count == 1 ? "" : "s"));
  }
  if (width(format) <= 63) {
    print_fact("codes", fmt::format("{} finite, {} infinite, {} NaN", finite_code_count(format),
                                    infinities, nan_code_count(format)));
  }
  print_fact("inside binary32", fits_binary32(format) ? "yes" : "no");
  if (const NamedFormat* row = find_named_format(format)) {
    if (!row->aliases.empty()) print_fact("also read", wrapped(row->aliases));
    print_fact("source", std::string(row->source));
  }
  return 0;
}

}  // namespace

Verb show_verb() {
  return {"show",    "FORMAT [--json]", "properties, bits, names, source",
          kShowHelp, {{"--json"}},      run_show};
}

}  // namespace halfulp::cli
