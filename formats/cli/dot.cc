// ulp dot: exact dot products of pairs of lines. `ulp help dot` documents it.
#include <fmt/core.h>

#include <cstdio>
#include <string>
#include <vector>

#include "formats/cli/line_protocol.h"
#include "formats/cli/verbs.h"
#include "formats/power_sum.h"
#include "formats/round.h"

namespace halfulp::cli {

namespace {

constexpr std::string_view kDotHelp =
    "Reads pairs of lines, a row a and a row b of as many operands, and writes for each pair\n"
    "CODE TAB VALUE TAB FLAGS: the dot product, summed exactly and rounded once to ACC (posits:\n"
    "the quire). Operands are codes (0x3c) or values of their row's format; a value that is not\n"
    "in it is read as the nearest number, which a note announces. A pair with a bad line has no\n"
    "output line.\n"
    "  --a FORMAT      format of row a (default ACC)\n"
    "  --b FORMAT      format of row b (default that of row a)\n"
    "  --random HEX    R of every pair, for stochastic rounding\n"
    "  --rounding R, --overflow O, --hex, --json  as in ulp help cast\n"
    "  example: printf '1 2 3\\n4 5 6\\n' | ulp dot binary32 --a e4m3fn --b e5m2\n";

/// The first line of a pair, while the second is awaited.
struct Row {
  bool is_pending = false;
  bool is_good = false;  ///< every operand could be read
  std::size_t line = 0;
  std::vector<Operand> numbers;
};

bool is_blank(std::string_view line) {
  std::size_t position = 0;
  return take_word(line, position).text.empty();
}

/// The numbers of one line. Throws LineError.
void read_row(const Format& format, std::string_view line, std::vector<Operand>& numbers) {
  numbers.clear();
  std::size_t position = 0;
  for (Word word = take_word(line, position); !word.text.empty();
       word = take_word(line, position)) {
    numbers.push_back(operand_of(format, read_number_of(format, word)));
  }
}

void write_product(const ResultOptions& options, const std::vector<Operand>& a,
                   const std::vector<Operand>& b, fmt::memory_buffer& out) {
  PowerSum sum;
  for (std::size_t i = 0; i < a.size(); ++i) sum.add_product(a[i], b[i]);
  Flags flags;
  const Number result = sum.round(options.target, options.spec, options.random.value_or(0), flags);
  write_result(options, options.json ? fmt::format("\"terms\":{}", a.size()) : "", result, flags,
               out);
}

/// The second line of a pair: one line of output. Throws LineError.
void finish_pair(const ResultOptions& options, const Format& b_format, const Row& a,
                 std::string_view line, fmt::memory_buffer& out) {
  if (!a.is_good) throw LineError(fmt::format("skipped, as is its row a, line {}", a.line), 1);
  std::vector<Operand> b;
  read_row(b_format, line, b);
  if (b.size() != a.numbers.size()) {
    throw LineError(fmt::format("row b has {} operands, row a in line {} has {}", b.size(), a.line,
                                a.numbers.size()),
                    1);
  }
  try {
    write_product(options, a.numbers, b, out);
  } catch (const OverflowError& error) {
    throw LineError(error.what(), 1);
  } catch (const std::invalid_argument& error) {
    throw LineError(error.what(), 1);
  }
}

int run_dot(const Arguments& arguments) {
  const Format target = format_argument(arguments, "dot");
  const Format a_format = arguments.has("--a") ? read_format(arguments.value("--a", "")) : target;
  const Format b_format = arguments.has("--b") ? read_format(arguments.value("--b", "")) : a_format;
  const ResultOptions options = read_result_options(arguments, target);
  if (options.spec.rounding == Rounding::stochastic && !options.random) {
    throw UsageError("stochastic rounding needs --random HEX");
  }
  Row a;
  const int exit_code =
      for_each_line([&](std::string_view line, std::size_t number, fmt::memory_buffer& out) {
        if (is_blank(line)) return;
        if (a.is_pending) {
          a.is_pending = false;
          finish_pair(options, b_format, a, line, out);
          return;
        }
        a.is_pending = true;
        a.is_good = false;
        a.line = number;
        read_row(a_format, line, a.numbers);
        a.is_good = true;
      });
  if (!a.is_pending) return exit_code;
  fmt::print(stderr, "ulp: line {}, column 1: row a without a row b\n", a.line);
  return 1;
}

}  // namespace

Verb dot_verb() {
  return {"dot",
          "ACC [--a FORMAT] [--b FORMAT] [--rounding R] [--overflow O] [--random HEX] [--hex] "
          "[--json]",
          "exact dot products of pairs of lines, rounded once",
          kDotHelp,
          {{"--a", true},
           {"--b", true},
           {"--rounding", true},
           {"--overflow", true},
           {"--random", true},
           {"--hex"},
           {"--json"}},
          run_dot};
}

}  // namespace halfulp::cli
