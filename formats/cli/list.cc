// ulp list and ulp values: tables of formats and of codes.
#include <fmt/core.h>

#include <cstdio>

#include "formats/cli/accumulators.h"
#include "formats/cli/format_json.h"
#include "formats/cli/verbs.h"
#include "formats/codec.h"
#include "formats/enumerate.h"
#include "formats/named_formats.h"
#include "formats/number_text.h"
#include "formats/properties.h"
#include "formats/spec.h"

namespace halfulp::cli {

namespace {

constexpr std::string_view kValuesHelp =
    "Every code of a format of up to 16 bits: CODE TAB VALUE.\n"
    "  --hex  values as hexadecimal floats\n";

constexpr std::string_view kListHelp =
    "One line for each named format. Every other eXmY float and intN or uintN works too:\n"
    "docs/FORMATS.md has the grammar.\n"
    "  --accumulators  the accumulators that have names, with their sources\n"
    "  --markdown  the table of docs/FORMATS.md (of accumulators: docs/ACCUMULATORS.md)\n"
    "  --json      one JSON object a line: family and its parameters, range, names, source\n";

std::string layout_text(const Format& format) {
  const auto* f = std::get_if<FloatFormat>(&format);
  if (const auto* integer = std::get_if<IntegerFormat>(&format)) {
    return integer->is_signed ? "signed" : "unsigned";
  }
  if (std::holds_alternative<PositFormat>(format)) return "posit";
  if (const auto* takum = std::get_if<TakumFormat>(&format)) {
    return takum->logarithmic ? "takum,log" : "takum";
  }
  if (std::holds_alternative<LogarithmicFormat>(format)) return "log";
  if (f == nullptr) return "codebook";
  constexpr std::string_view kNames[] = {"ieee", "fn", "fnuz", "finite", "p3109", "p3109,inf"};
  std::string text(kNames[static_cast<std::size_t>(f->non_finite)]);
  if (!f->is_signed) text += ",u";
  return text;
}

/// Six digits are enough to recognize a number; show prints it exactly.
std::string brief(const Number& x) { return fmt::format("{:.6g}", to_double(x)); }

/// Smallest subnormal, or "-" where there is none.
std::string subnormal_text(const Format& format, std::string (*print)(const Number&)) {
  const auto* f = std::get_if<FloatFormat>(&format);
  const bool has_subnormals = f != nullptr && f->has_zero && f->trailing_bits > 0;
  return has_subnormals ? print(min_positive(format)) : "-";
}

/// As many aliases as fit.
std::string short_aliases(const NamedFormat& row, std::size_t room) {
  std::string text;
  for (const std::string_view alias : row.aliases) {
    const std::string next = (text.empty() ? "" : " ") + std::string(alias);
    if (text.size() + next.size() > room) break;
    text += next;
  }
  return text;
}

void print_markdown_row(const NamedFormat& row) {
  std::string aliases;
  for (const std::string_view alias : row.aliases) {
    aliases += (aliases.empty() ? "`" : " `") + std::string(alias) + "`";
  }
  fmt::print("| `{}` | {} | {} | {} | {} | {} | {} | {} |\n", row.name, width(row.format),
             layout_text(row.format), brief(max_finite(row.format)), brief(min_normal(row.format)),
             subnormal_text(row.format, brief), aliases, row.source);
}

int run_list(const Arguments& arguments) {
  if (!arguments.positional().empty()) {
    throw UsageError("list takes no FORMAT; for one format: ulp show " + arguments.positional()[0]);
  }
  if (arguments.has("--accumulators")) {
    if (arguments.has("--json")) throw UsageError("--json lists formats only");
    print_accumulators(arguments.has("--markdown"));
    return 0;
  }
  if (arguments.has("--markdown")) {
    fmt::print(
        "| name | bits | layout | max | min normal | min subnormal | also read | source |\n");
    fmt::print("|---|---|---|---|---|---|---|---|\n");
    for (const NamedFormat& row : named_formats()) print_markdown_row(row);
    return 0;
  }
  if (arguments.has("--json")) {
    for (const NamedFormat& row : named_formats()) fmt::print("{}\n", format_json(row.format));
    return 0;
  }
  const auto print_row = [](auto... cells) {
    fmt::print("{:<15}{:>5}  {:<9}{:>13}{:>13}{:>14}  {}\n", cells...);
  };
  print_row("name", "bits", "layout", "max", "min normal", "min subnormal", "also read");
  for (const NamedFormat& row : named_formats()) {
    print_row(row.name, width(row.format), layout_text(row.format), brief(max_finite(row.format)),
              brief(min_normal(row.format)), subnormal_text(row.format, brief),
              short_aliases(row, 24));
  }
  return 0;
}

int run_values(const Arguments& arguments) {
  const Format format = format_argument(arguments, "values");
  if (width(format) > 16) {
    throw UsageError(
        fmt::format("{} has {} bits; values are listed up to 16", to_spec(format), width(format)));
  }
  const bool hex = arguments.has("--hex");
  for (const auto& [code, value] : all_codes(format)) {
    const Number number = decode(format, code);
    fmt::print("{}\t{}\n", code_text(format, code), hex ? to_hex_float(number) : to_text(number));
  }
  return 0;
}

}  // namespace

Verb list_verb() {
  return {"list",
          "[--accumulators] [--markdown] [--json]",
          "named formats or accumulators, one a line",
          kListHelp,
          {{"--accumulators"}, {"--markdown"}, {"--json"}},
          run_list};
}

Verb values_verb() {
  return {"values",    "FORMAT [--hex]", "every code and its value",
          kValuesHelp, {{"--hex"}},      run_values};
}

}  // namespace halfulp::cli
