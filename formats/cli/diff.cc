// ulp diff: where two formats or policies give different numbers.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>

#include "formats/cli/policy.h"
#include "formats/cli/verbs.h"
#include "formats/difference.h"
#include "formats/number_text.h"
#include "formats/spec.h"

namespace halfulp::cli {

namespace {

constexpr std::string_view kDiffHelp =
    "Where two formats, or one format under two policies, differ: codes that stand for different\n"
    "numbers, numbers that only one has, operands that round differently (every value and every\n"
    "decision point of both formats and their binary64 neighbours, the ends of the range, zeros,\n"
    "infinities, NaN), the first of each, and the parameters that explain it. Numbers that are "
    "not\n"
    "in binary64 are printed exactly, in hexadecimal. Formats of more than 16 bits are compared "
    "at\n"
    "sampled codes, midpoints and closer neighbours, stochastic rounding at fractions of gaps\n"
    "under random bits R (hexadecimal) that decide there, which the report says: a sample that\n"
    "finds no difference is no proof (--json: identical is null), unless A and B are the same.\n"
    "A and B are FORMAT{+rounding|+overflow}; nearest_even and saturate where left out.\n"
    "The exit code is 0 whether or not they differ.\n"
    "  --rounding R, --overflow O   for what A and B leave out\n"
    "  --json                       one JSON object\n"
    "  example: ulp diff e4m3fn e4m3fnuz; ulp diff e4m3fn+saturate e4m3fn+nan\n";

void print_line(std::string_view name, const std::string& text) {
  fmt::print("  {:<10}{}\n", name, text);
}

std::string missing_text(std::uint64_t count, std::uint64_t all, const Format& from,
                         const Format& other, const std::optional<Number>& first) {
  std::string text =
      fmt::format("{} of {} of {} are not in {}", count, all, to_spec(from), to_spec(other));
  if (first) text += "; first " + to_text(*first);
  return text;
}

bool uses_random_bits(const Policy& a, const Policy& b) {
  return a.spec.random_bits > 0 || b.spec.random_bits > 0;
}

/// As --random of `ulp cast` takes them.
std::string random_text(const Policy& a, const Policy& b, const CastDifference& difference) {
  const int bits = std::max(a.spec.random_bits, b.spec.random_bits);
  return fmt::format("{:x}", difference.random & ((std::uint64_t{1} << bits) - 1));
}

void print_report(const Policy& a, const Policy& b, const Difference& d) {
  const std::string_view verdict = d.identical() ? ": no difference"
                                   : d.found()   ? ""
                                                 : ": the sample found no difference";
  fmt::print("{} against {}{}\n", to_text(a), to_text(b), verdict);
  if (d.wide) {
    fmt::print("  a sample: a format has more than 16 bits\n");
  } else if (d.sampled) {
    fmt::print("  a sample: of operands and random bits\n");
  }
  if (d.codes == 0) {
    print_line("codes", "not compared: widths differ");
  } else {
    std::string text =
        fmt::format("{} of {} stand for different numbers", d.different_codes, d.codes);
    if (d.first_code) {
      const auto numbers = distinct_texts(d.first_code->a, d.first_code->b);
      text += fmt::format("; first {}: {}, {}", code_text(a.format, d.first_code->code),
                          numbers.first, numbers.second);
    }
    print_line("codes", text);
  }
  print_line("values", missing_text(d.only_a, d.values_a, a.format, b.format, d.first_only_a));
  print_line("", missing_text(d.only_b, d.values_b, b.format, a.format, d.first_only_b));
  std::string text =
      fmt::format("{} of {} operands round differently", d.different_operands, d.operands);
  if (d.first_operand) {
    text += "; first " + to_exact_text(d.first_operand->operand);
    if (uses_random_bits(a, b)) text += " with R = " + random_text(a, b, *d.first_operand);
    text += fmt::format(": {}, {}", d.first_operand->a, d.first_operand->b);
  }
  print_line("casts", text);
  std::string_view name = "why";
  for (const std::string& reason : d.reasons) {
    print_line(name, reason);
    name = "";
  }
}

void print_json(const Policy& a, const Policy& b, const Difference& d) {
  const auto quoted = [](const std::string& text) { return "\"" + text + "\""; };
  std::vector<std::string> why;
  for (const std::string& reason : d.reasons) why.push_back(quoted(reason));
  std::string code = "null";
  if (d.first_code) {
    const auto numbers = distinct_texts(d.first_code->a, d.first_code->b);
    code = fmt::format("{{\"code\":\"{}\",\"a\":\"{}\",\"b\":\"{}\"}}",
                       code_text(a.format, d.first_code->code), numbers.first, numbers.second);
  }
  std::string operand = "null";
  if (d.first_operand) {
    const std::string random =
        uses_random_bits(a, b) ? "\"random\":" + quoted(random_text(a, b, *d.first_operand)) + ","
                               : std::string();
    operand = fmt::format("{{\"operand\":\"{}\",{}\"a\":\"{}\",\"b\":\"{}\"}}",
                          to_exact_text(d.first_operand->operand), random, d.first_operand->a,
                          d.first_operand->b);
  }
  // Not known where a sample found nothing.
  const std::string_view identical = d.identical() ? "true" : d.found() ? "false" : "null";
  fmt::print(
      "{{\"a\":\"{}\",\"b\":\"{}\",\"identical\":{},\"sampled\":{},\"codes\":{},"
      "\"different_codes\":{},\"first_code\":{},\"values_a\":{},\"values_b\":{},\"only_a\":{},"
      "\"only_b\":{},\"operands\":{},\"different_operands\":{},\"first_operand\":{},"
      "\"why\":[{}]}}\n",
      to_text(a), to_text(b), identical, d.sampled, d.codes, d.different_codes, code, d.values_a,
      d.values_b, d.only_a, d.only_b, d.operands, d.different_operands, operand,
      fmt::join(why, ","));
}

int run_diff(const Arguments& arguments) {
  if (arguments.positional().size() != 2) {
    throw UsageError("diff takes two formats, for example: ulp diff e4m3fn e4m3fnuz");
  }
  const Policy a = read_policy(arguments.positional()[0], arguments);
  const Policy b = read_policy(arguments.positional()[1], arguments);
  const Difference difference = compare({a.format, a.spec}, {b.format, b.spec});
  if (arguments.has("--json")) {
    print_json(a, b, difference);
  } else {
    print_report(a, b, difference);
  }
  return 0;
}

}  // namespace

Verb diff_verb() {
  return {"diff",
          "A B [--rounding R] [--overflow O] [--json]",
          "where two formats or policies give different numbers, and why",
          kDiffHelp,
          {{"--rounding", true}, {"--overflow", true}, {"--json"}},
          run_diff};
}

}  // namespace halfulp::cli
