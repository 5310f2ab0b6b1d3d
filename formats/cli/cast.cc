// ulp cast: rounds the operand of each line. `ulp help cast` documents it.
#include <stdexcept>
#include <string>

#include "formats/cli/line_protocol.h"
#include "formats/cli/verbs.h"
#include "formats/round.h"

namespace halfulp::cli {

namespace {

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

/// One line of input to one line of output; blank lines give none. Throws LineError.
void cast_line(const ResultOptions& options, const Format& code_format, std::string_view line,
               fmt::memory_buffer& out) {
  std::size_t position = 0;
  const Word operand = take_word(line, position);
  if (operand.text.empty()) return;
  const Word random_word = take_word(line, position);
  const Word extra = take_word(line, position);
  if (!extra.text.empty()) throw LineError("unexpected third column", extra.column);

  const WideNumber x = read_operand(code_format, operand);
  const std::uint64_t random = read_random(options, random_word);
  Flags flags;
  Number result;
  try {
    result = round_operand(options.target, options.spec, operand, x, random, flags);
  } catch (const OverflowError& error) {
    throw LineError(error.what(), operand.column);
  }
  const std::string json_operand =
      options.json ? "\"operand\":\"" + std::string(operand.text) + "\"" : "";
  write_result(options, json_operand, result, flags, out);
}

int run_cast(const Arguments& arguments) {
  const Format target = format_argument(arguments, "cast");
  const Format code_format =
      arguments.has("--from") ? read_format(arguments.value("--from", "")) : target;
  const ResultOptions options = read_result_options(arguments, target);
  return for_each_line([&](std::string_view line, std::size_t, fmt::memory_buffer& out) {
    cast_line(options, code_format, line, out);
  });
}

}  // namespace

Verb cast_verb() {
  return {"cast",
          "FORMAT [--from FORMAT] [--rounding R] [--overflow O] [--random HEX] [--hex] [--json]",
          "rounds the operands on standard input to FORMAT",
          kCastHelp,
          {{"--from", true},
           {"--rounding", true},
           {"--overflow", true},
           {"--random", true},
           {"--hex"},
           {"--json"}},
          run_cast};
}

}  // namespace halfulp::cli
