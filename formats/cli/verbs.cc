#include "formats/cli/verbs.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp::cli {

namespace {

constexpr std::string_view kListHelp =
    "One line for each named format. Every other eXmY float and intN or uintN works too:\n"
    "docs/FORMATS.md has the grammar.\n"
    "  --markdown  the table of docs/FORMATS.md\n"
    "  --json      one JSON object a line: family and its parameters, range, names, source\n";

constexpr std::string_view kShowHelp =
    "Properties, bit layout, synonyms and source of a format.\n"
    "  --json  one JSON object, as a line of ulp list --json\n"
    "  example: ulp show e4m3fn\n";

constexpr std::string_view kValuesHelp =
    "Every code of a format of up to 16 bits: CODE TAB VALUE.\n"
    "  --hex  values as hexadecimal floats\n";

constexpr std::string_view kExplainHelp =
    "Why OPERAND becomes the number it becomes: its exact value, both neighbours in FORMAT,\n"
    "whether it is a tie, the policy, the result and its bits. OPERAND is a value or a code, as "
    "in\n"
    "`ulp help cast`. FORMAT may carry its policy: e4m3fn+toward_zero+nan.\n"
    "  --rounding R, --overflow O, --random HEX   as in `ulp help cast`\n"
    "  example: ulp explain 500 e4m3fn\n";

constexpr std::string_view kDiffHelp =
    "Where two formats, or one format under two policies, differ: codes that stand for different\n"
    "numbers, numbers that only one has, operands that round differently (every value and every\n"
    "decision point of both formats and their binary64 neighbours, the ends of the range, zeros,\n"
    "infinities, NaN), the first of each, and the parameters that explain it. Formats of more\n"
    "than 16 bits are compared at sampled codes, which the report says.\n"
    "A and B are FORMAT{+rounding|+overflow}; nearest_even and saturate where left out.\n"
    "The exit code is 0 whether or not they differ.\n"
    "  --rounding R, --overflow O   for what A and B leave out\n"
    "  --json                       one JSON object\n"
    "  example: ulp diff e4m3fn e4m3fnuz; ulp diff e4m3fn+saturate e4m3fn+nan\n";

constexpr std::string_view kVectorsHelp =
    "Golden vectors, one a line: operand codes, R where rounding is stochastic, result code, "
    "flags,\n"
    "separated by tabs; lines with # say what they are. All operand tuples where they have up to\n"
    "24 bits together, else samples, one operand in four of them a corner (zero, ends, infinity,\n"
    "NaN, powers of two and their neighbours). Same options, same lines on every machine.\n"
    "Results that do not exist are -, with `error` (out of range under that policy) or `refused`\n"
    "(too large to wrap: its last bits are not computed) in place of flags.\n"
    "  --op OP          an operation of `ulp help eval`, or cast\n"
    "  --format FORMAT  of the result, and of the operands without --from\n"
    "  --from FORMATS   of the operands: one for all, or one for each, separated by commas\n"
    "  --samples N      samples, though all would be possible (10000 where they are not)\n"
    "  --seed S         of the samples and of R (0)\n"
    "  --rounding R, --overflow O   as in `ulp help cast`\n"
    "  example: ulp vectors --op fma --format bfloat16 --from e4m3fn,e5m2,bfloat16 --samples "
    "1000\n";

constexpr std::string_view kCastHelp =
    "Reads one operand a line from standard input and writes CODE TAB VALUE TAB FLAGS.\n"
    "Operands: a code (0x3c) of the --from format, or of FORMAT without --from; or a value:\n"
    "decimal (1.5, 3e-7), hexadecimal float (0x1.8p0), nan, inf, -inf. Values are exact reals,\n"
    "rounded once. A second column is the line's R (hexadecimal) for stochastic rounding.\n"
    "VALUE is the shortest decimal that gives the same binary64; an exact hexadecimal float where\n"
    "binary64 cannot hold it. FLAGS: inexact,overflow,underflow,invalid or - for none.\n"
    "Blank lines are skipped; a bad line is reported on\n"
    "standard error, has no output line, and makes the exit code 1.\n"
    "  --from FORMAT   format of code operands\n"
    "  --rounding R    nearest_even (default), nearest_away, toward_zero, toward_positive,\n"
    "                  toward_negative, to_odd, stochastic(N), stochastic(N,unbiased),\n"
    "                  stochastic(N,rounded)\n"
    "  --overflow O    saturate (default), infinity, nan, wrap, error, propagate, sat_none\n"
    "  --random HEX    R of every line without a second column; the N low bits count\n"
    "  --hex           values as hexadecimal floats\n"
    "  --json          one JSON object a line: operand, code, value, flags\n"
    "  example: echo 0.3 | ulp cast e4m3fn --rounding toward_zero\n";

void print_usage(const Verb& verb) { fmt::print("usage: ulp {} {}\n", verb.name, verb.arguments); }

int print_help() {
  fmt::print("ulp: a calculator for number formats\n\n");
  for (const Verb& verb : verbs()) {
    fmt::print("  ulp {:<7} {}\n              {}\n", verb.name, verb.arguments, verb.summary);
  }
  fmt::print("  ulp help VERB\n              details of one verb\n\n");
  fmt::print("example: printf '449\\n0x1.8p0\\nnan\\n' | ulp cast e4m3fn\n");
  return 0;
}

const Verb& find_verb(std::string_view name) {
  const auto all = verbs();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Verb& verb) { return verb.name == name; });
  if (found != all.end()) return *found;
  std::vector<std::string> names{"help"};
  for (const Verb& verb : all) names.emplace_back(verb.name);
  const std::vector<std::string> near = nearest_names(name, names);
  throw UsageError(
      "unknown verb '" + shortened(name) + "'; " +
      (near.empty() ? "verbs: " + joined(names) : "did you mean " + joined(near, " or ") + "?"));
}

int help(std::span<const std::string> words) {
  if (words.empty()) return print_help();
  const Verb& verb = find_verb(words.front());
  print_usage(verb);
  fmt::print("{}", verb.help);
  return 0;
}

int dispatch(std::span<const std::string> words) {
  if (words.empty()) {
    print_help();
    return 2;
  }
  const std::string& first = words.front();
  const auto rest = words.subspan(1);
  if (first == "--help" || first == "-h" || first == "help") return help(rest);
  const Verb& verb = find_verb(first);
  if (std::find(rest.begin(), rest.end(), "--help") != rest.end()) return help({&first, 1});
  return verb.run(Arguments(verb.name, verb.options, rest));
}

}  // namespace

std::span<const Verb> verbs() {
  static const std::vector<Verb> all = {
      {"list",
       "[--markdown] [--json]",
       "named formats, one a line",
       kListHelp,
       {{"--markdown"}, {"--json"}},
       run_list},
      {"show",
       "FORMAT [--json]",
       "properties, bit layout, synonyms, source",
       kShowHelp,
       {{"--json"}},
       run_show},
      {"values",
       "FORMAT [--hex]",
       "every code and its value",
       kValuesHelp,
       {{"--hex"}},
       run_values},
      {"explain",
       "OPERAND FORMAT [--rounding R] [--overflow O] [--random HEX]",
       "why a number becomes the number it becomes",
       kExplainHelp,
       {{"--rounding", true}, {"--overflow", true}, {"--random", true}},
       run_explain},
      {"diff",
       "A B [--rounding R] [--overflow O] [--json]",
       "where two formats or policies give different numbers, and why",
       kDiffHelp,
       {{"--rounding", true}, {"--overflow", true}, {"--json"}},
       run_diff},
      {"cast",
       "FORMAT [--from FORMAT] [--rounding R] [--overflow O] [--random HEX] [--hex] [--json]",
       "rounds the operands on standard input to FORMAT",
       kCastHelp,
       {{"--from", true},
        {"--rounding", true},
        {"--overflow", true},
        {"--random", true},
        {"--hex"},
        {"--json"}},
       run_cast},
      eval_verb(),
      dot_verb(),
      {"vectors",
       "--op OP --format FORMAT [--from FORMATS] [--samples N] [--seed S] [--rounding R]"
       " [--overflow O]",
       "golden vectors of an operation",
       kVectorsHelp,
       {{"--op", true},
        {"--format", true},
        {"--from", true},
        {"--samples", true},
        {"--seed", true},
        {"--rounding", true},
        {"--overflow", true}},
       run_vectors},
      block_verb(),
  };
  return all;
}

Format read_format(std::string_view text) {
  std::string note;
  const Format format = parse_format(text, note);
  if (!note.empty()) fmt::print(stderr, "ulp: note: {}\n", note);
  return format;
}

Format format_argument(const Arguments& arguments, std::string_view verb) {
  if (arguments.positional().size() != 1) {
    throw UsageError(fmt::format("{} takes one FORMAT, for example: ulp {} e4m3fn", verb, verb));
  }
  return read_format(arguments.positional().front());
}

std::string code_text(const Format& format, Code code) {
  return fmt::format("0x{:0{}x}", code, (width(format) + 3) / 4);
}

int run(std::span<const std::string> words) {
  int exit_code = 2;
  try {
    exit_code = dispatch(words);
  } catch (const UsageError& error) {
    fmt::print(stderr, "ulp: {}\n", error.what());
  } catch (const SpecError& error) {
    fmt::print(stderr, "ulp: {}\n", error.what());
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("ulp: cannot write to standard output\n", stderr);
    return 1;
  }
  return exit_code;
}

}  // namespace halfulp::cli
