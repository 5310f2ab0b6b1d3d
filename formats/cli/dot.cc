// ulp dot: exact dot products of pairs of lines. `ulp help dot` documents it.
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "formats/accumulate.h"
#include "formats/accumulator_spec.h"
#include "formats/cli/line_protocol.h"
#include "formats/cli/verbs.h"
#include "formats/number_text.h"
#include "formats/power_sum.h"
#include "formats/round.h"

namespace halfulp::cli {

namespace {

constexpr std::string_view kDotHelp =
    "Reads pairs of lines, a row a and a row b of as many operands, and writes for each pair\n"
    "CODE TAB VALUE TAB FLAGS: the dot product, summed exactly and rounded once to ACC (posits:\n"
    "the quire), or as an accumulator gives it. Operands are codes (0x3c) or values of their\n"
    "row's format; a value between its numbers is read as the nearest, which a note\n"
    "announces; one beyond them is refused. A pair with a bad line has no output line.\n"
    "  --a FORMAT      format of row a (default ACC)\n"
    "  --b FORMAT      format of row b (default that of row a)\n"
    "  --random HEX    R of every pair, for stochastic rounding; with an accumulator the j-th\n"
    "                  rounding of a pair takes splitmix64(HEX + j)\n"
    "  --accumulator SPEC  instead of ACC: what happens in each addition (docs/ACCUMULATORS.md);\n"
    "                  --a is needed, and rounding and overflow stand in SPEC\n"
    "  --addend X      with an accumulator: the c of a . b + c (default 0)\n"
    "  --c FORMAT      with an accumulator: rows of three lines, the third is c in FORMAT\n"
    "  --rounding R, --overflow O, --hex, --json  as in ulp help cast\n"
    "  examples: printf '1 2 3\\n4 5 6\\n' | ulp dot binary32 --a e4m3fn --b e5m2\n"
    "            printf '1 2\\n4 5\\n' | ulp dot --accumulator 'h100(e4m3fn)' --a e4m3fn\n";

/// What one run computes for each group of lines.
struct Job {
  ResultOptions options;
  Format a, b;
  std::optional<AccumulatorSpec> accumulator;
  std::optional<Format> c;  ///< of third lines
  Number addend;
};

/// A line that was read while its group is not complete.
struct Row {
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

std::vector<Number> numbers_of(const std::vector<Operand>& operands) {
  std::vector<Number> numbers;
  for (const Operand& operand : operands) numbers.push_back(operand.number);
  return numbers;
}

std::uint64_t splitmix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

Number product(const Job& job, const std::vector<Operand>& a, const std::vector<Operand>& b,
               const Number& addend, Flags& flags) {
  const std::uint64_t random = job.options.random.value_or(0);
  if (job.accumulator) {
    const DrawFunction draws = [&](std::uint64_t j) { return splitmix64(random + j); };
    return accumulate(*job.accumulator, numbers_of(a), numbers_of(b), addend,
                      job.options.random ? draws : DrawFunction{}, flags);
  }
  PowerSum sum;
  for (std::size_t i = 0; i < a.size(); ++i) sum.add_product(a[i], b[i]);
  return sum.round(job.options.target, job.options.spec, random, flags);
}

void check_length(const Row& a, const Row& b) {
  if (b.numbers.size() == a.numbers.size()) return;
  throw LineError(fmt::format("row b has {} operands, row a in line {} has {}", b.numbers.size(),
                              a.line, a.numbers.size()),
                  1);
}

/// The last line of a group: one line of output. Throws LineError.
void finish_group(const Job& job, const std::vector<Row>& rows, fmt::memory_buffer& out) {
  const Row& a = rows[0];
  const Row& b = rows[1];
  if (rows.size() == 3 && rows[2].numbers.size() != 1) throw LineError("c is one number", 1);
  const Number addend = rows.size() == 3 ? rows[2].numbers[0].number : job.addend;
  Flags flags;
  try {
    const Number result = product(job, a.numbers, b.numbers, addend, flags);
    write_result(job.options, job.options.json ? fmt::format("\"terms\":{}", a.numbers.size()) : "",
                 result, flags, out);
  } catch (const OverflowError& error) {
    throw LineError(error.what(), 1);
  } catch (const std::invalid_argument& error) {
    throw LineError(error.what(), 1);
  }
}

/// Collects lines until a group is complete.
class Groups {
 public:
  explicit Groups(const Job& job) : job_(job), size_(job.c ? 3 : 2) {}

  void take(std::string_view line, std::size_t number, fmt::memory_buffer& out) {
    if (is_blank(line)) return;
    if (rows_.size() == size_) rows_.clear();
    rows_.push_back({false, number, {}});
    const std::size_t place = rows_.size() - 1;
    const auto bad =
        std::find_if(rows_.begin(), rows_.end() - 1, [](const Row& row) { return !row.is_good; });
    if (bad != rows_.end() - 1) {
      const char name = "abc"[bad - rows_.begin()];
      throw LineError(fmt::format("skipped, as is its row {}, line {}", name, bad->line), 1);
    }
    read_row(place == 0 ? job_.a : place == 1 ? job_.b : *job_.c, line, rows_[place].numbers);
    if (place == 1) check_length(rows_[0], rows_[1]);
    rows_[place].is_good = true;
    if (rows_.size() == size_) finish_group(job_, rows_, out);
  }

  /// The first row of a group that the input ends in, or nullptr.
  const Row* unfinished() const {
    return rows_.empty() || rows_.size() == size_ ? nullptr : &rows_.front();
  }

 private:
  const Job& job_;
  std::size_t size_;
  std::vector<Row> rows_;
};

void refuse_with_accumulator(const Arguments& arguments) {
  if (!arguments.positional().empty()) {
    throw UsageError("give ACC or --accumulator SPEC; SPEC says where the sum goes");
  }
  for (const char* option : {"--rounding", "--overflow"}) {
    if (arguments.has(option)) {
      throw UsageError(
          fmt::format("{} stands in SPEC: --accumulator binary16+toward_zero", option));
    }
  }
  if (!arguments.has("--a")) throw UsageError("--accumulator needs --a FORMAT, that of row a");
  if (arguments.has("--addend") && arguments.has("--c")) {
    throw UsageError("give --addend X or --c FORMAT");
  }
}

Number read_addend(const std::string& text) {
  const std::optional<WideNumber> x = parse_number(text);
  if (!x || x->sticky || bit_width(x->significand) > 64) {
    throw UsageError(
        "--addend takes a number of up to 64 bits, for example 0x1.8p0; --c FORMAT rounds any "
        "number");
  }
  return {x->kind, x->negative, false, x->exponent, static_cast<std::uint64_t>(x->significand)};
}

bool takes_draws(const AccumulatorSpec& spec) {
  return to_spec(spec).find("+stochastic(") != std::string::npos;
}

Job accumulator_job(const Arguments& arguments) {
  refuse_with_accumulator(arguments);
  Job job;
  const AccumulatorSpec spec = parse_accumulator(arguments.value("--accumulator", ""));
  const Destination& last = last_destination(spec);
  job.options = read_result_options(arguments, last.format);
  job.options.spec = last.rounding;
  if (takes_draws(spec) && !job.options.random) {
    throw UsageError("stochastic rounding needs --random HEX");
  }
  job.a = read_format(arguments.value("--a", ""));
  job.b = arguments.has("--b") ? read_format(arguments.value("--b", "")) : job.a;
  if (arguments.has("--c")) job.c = read_format(arguments.value("--c", ""));
  if (arguments.has("--addend")) job.addend = read_addend(arguments.value("--addend", ""));
  job.accumulator = spec;
  return job;
}

Job exact_job(const Arguments& arguments) {
  for (const char* option : {"--addend", "--c"}) {
    if (arguments.has(option)) throw UsageError(fmt::format("{} needs --accumulator", option));
  }
  Job job;
  const Format target = format_argument(arguments, "dot");
  job.a = arguments.has("--a") ? read_format(arguments.value("--a", "")) : target;
  job.b = arguments.has("--b") ? read_format(arguments.value("--b", "")) : job.a;
  job.options = read_result_options(arguments, target);
  if (job.options.spec.rounding == Rounding::stochastic && !job.options.random) {
    throw UsageError("stochastic rounding needs --random HEX");
  }
  return job;
}

int run_dot(const Arguments& arguments) {
  const Job job =
      arguments.has("--accumulator") ? accumulator_job(arguments) : exact_job(arguments);
  Groups groups(job);
  const int exit_code =
      for_each_line([&](std::string_view line, std::size_t number, fmt::memory_buffer& out) {
        groups.take(line, number, out);
      });
  const Row* unfinished = groups.unfinished();
  if (unfinished == nullptr) return exit_code;
  fmt::print(stderr, "ulp: line {}, column 1: row a without a row b{}\n", unfinished->line,
             job.c ? " and c" : "");
  return 1;
}

}  // namespace

Verb dot_verb() {
  return {"dot",
          "ACC [--a FORMAT] [--b FORMAT] [--rounding R] [--overflow O] [--random HEX] [--hex] "
          "[--json]\n              or --accumulator SPEC --a FORMAT [--b FORMAT] [--addend X | --c "
          "FORMAT]",
          "exact dot products of pairs of lines, rounded once, or under an accumulator",
          kDotHelp,
          {{"--a", true},
           {"--b", true},
           {"--rounding", true},
           {"--overflow", true},
           {"--random", true},
           {"--accumulator", true},
           {"--addend", true},
           {"--c", true},
           {"--hex"},
           {"--json"}},
          run_dot};
}

}  // namespace halfulp::cli
