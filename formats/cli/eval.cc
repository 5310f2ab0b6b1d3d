// ulp eval: one operation on the operands of each line. `ulp help eval` documents it.
#include <fmt/core.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "formats/arithmetic.h"
#include "formats/cli/line_protocol.h"
#include "formats/cli/verbs.h"
#include "formats/round.h"

namespace halfulp::cli {

namespace {

constexpr std::string_view kEvalHelp =
    "Reads the operands of one operation a line and writes CODE TAB VALUE TAB FLAGS: the exact\n"
    "result, rounded once to FORMAT. ulp eval --list shows the operations with their number of\n"
    "operands. Operands are codes (0x3c) or values of the --from formats, else of FORMAT; a value\n"
    "between the numbers of its format is read as the nearest, which a note announces; one beyond\n"
    "them is refused. One column more is the line's R (hexadecimal) for stochastic rounding.\n"
    "Predicates (lt, eq, ...) write a code of one bit, 0x0 or 0x1. FLAGS: inexact, overflow,\n"
    "underflow, invalid, divzero, with commas, or - for none.\n"
    "docs/FORMATS.md, Exact arithmetic, has the rules for zeros, NaN and division by zero.\n"
    "  --list          operations: name, number of operands, meaning\n"
    "  --from FORMATS  format of the operands: one for all, or a comma list, one for each\n"
    "  --rounding R, --overflow O, --random HEX, --hex, --json  as in ulp help cast\n"
    "  example: echo 0x7e 1.5 -3 | ulp eval fma e5m2 --from e4m3fn,e4m3fn,binary16\n";

struct EvalJob {
  const OperationRow* row = nullptr;
  std::vector<Format> operand_formats;  ///< one for each operand
  ResultOptions options;
};

int list_operations() {
  for (const OperationRow& row : operations()) {
    fmt::print("{:<26}{}  {}\n", row.name, row.arity, row.summary);
  }
  return 0;
}

EvalJob read_job(const Arguments& arguments) {
  if (arguments.positional().size() != 2) {
    throw UsageError(
        "eval takes OP and FORMAT, for example: ulp eval add e4m3fn (ulp eval --list)");
  }
  EvalJob job;
  job.row = &describe(parse_operation(arguments.positional()[0]));
  const Format target = read_format(arguments.positional()[1]);
  job.operand_formats =
      read_operand_formats(arguments, static_cast<std::size_t>(job.row->arity), target);
  job.options = read_result_options(arguments, target);
  // The truth values of a predicate are codes of one bit.
  if (is_predicate(job.row->operation)) job.options.target = IntegerFormat{1, false};
  return job;
}

std::string json_operands(const std::array<Word, 3>& words, std::size_t count) {
  std::string text = "\"operands\":[";
  for (std::size_t i = 0; i < count; ++i) {
    text += (i == 0 ? "\"" : ",\"") + std::string(words[i].text) + "\"";
  }
  return text + "]";
}

/// One line of input to one line of output; blank lines give none. Throws LineError.
void eval_line(const EvalJob& job, std::string_view line, fmt::memory_buffer& out) {
  std::size_t position = 0;
  const std::size_t arity = job.operand_formats.size();
  std::array<Word, 3> words;
  std::array<Operand, 3> operands;
  for (std::size_t i = 0; i < arity; ++i) {
    words[i] = take_word(line, position);
    if (words[i].text.empty()) {
      if (i == 0) return;
      throw LineError(fmt::format("{} takes {} operands", job.row->name, arity), words[i].column);
    }
    operands[i] =
        operand_of(job.operand_formats[i], read_number_of(job.operand_formats[i], words[i]));
  }
  const std::uint64_t random = read_random(job.options, take_word(line, position));
  const Word extra = take_word(line, position);
  if (!extra.text.empty()) throw LineError("unexpected column after R", extra.column);

  Flags flags;
  Number result;
  try {
    result = evaluate(job.row->operation, std::span<const Operand>(operands).first(arity),
                      job.options.target, job.options.spec, random, flags);
  } catch (const OverflowError& error) {
    throw LineError(error.what(), words[0].column);
  } catch (const std::invalid_argument& error) {
    throw LineError(error.what(), words[0].column);
  }
  const std::string operands_text = job.options.json ? json_operands(words, arity) : "";
  write_result(job.options, operands_text, result, flags, out);
}

int run_eval(const Arguments& arguments) {
  if (arguments.has("--list")) return list_operations();
  const EvalJob job = read_job(arguments);
  return for_each_line([&](std::string_view line, std::size_t, fmt::memory_buffer& out) {
    eval_line(job, line, out);
  });
}

}  // namespace

Verb eval_verb() {
  return {
      "eval",
      "OP FORMAT [--from FORMATS] [--rounding R] [--overflow O] [--random HEX] [--hex] [--json]",
      "one operation on the operands of each line, rounded once",
      kEvalHelp,
      {{"--list"},
       {"--from", true},
       {"--rounding", true},
       {"--overflow", true},
       {"--random", true},
       {"--hex"},
       {"--json"}},
      run_eval};
}

}  // namespace halfulp::cli
