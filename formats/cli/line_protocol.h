// The line protocol of the verbs that compute: operands on standard input, one result a line.
// `ulp help cast` documents it for users.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "formats/cli/arguments.h"
#include "formats/code.h"
#include "formats/format.h"
#include "formats/number.h"
#include "formats/rounding.h"
#include "formats/wide_number.h"

namespace halfulp::cli {

/// A line that cannot be computed; the rest of the input still is.
class LineError : public std::runtime_error {
 public:
  LineError(const std::string& message, std::size_t column)
      : std::runtime_error(message), column_(column) {}

  /// 1-based.
  std::size_t column() const { return column_; }

 private:
  std::size_t column_;
};

struct Word {
  std::string_view text;
  std::size_t column = 0;  ///< 1-based
};

/// Takes the next word of `line` from `position` on; empty text at the end.
Word take_word(std::string_view line, std::size_t& position);

/// Hexadecimal digits, with or without 0x; empty when `text` is something else or has more than 128
/// bits.
std::optional<Code> parse_hex(std::string_view text);

/// A code (0x3c) of `code_format`, read as an operation reads it, or a value (1.5, 0x1.8p0, nan).
/// Throws LineError.
WideNumber read_operand(const Format& code_format, const Word& word);

/// Rounds the number `x` that read_operand() gave for `word`: round_text (round_text.h). Throws
/// LineError where the number has too many digits to be rounded with certainty, and OverflowError.
Number round_operand(const Format& format, const RoundSpec& spec, const Word& word,
                     const WideNumber& x, std::uint64_t random, Flags& flags);

/// An operand of arithmetic: a number of `format`. A value that is not in the format is read as the
/// nearest number, ties to even, and the first of a program is announced on standard error. Throws
/// LineError for one beyond its range, naming the nearest number.
Number read_number_of(const Format& format, const Word& word);

/// What the options of a verb say about rounding and about the form of the results.
struct ResultOptions {
  Format target;
  RoundSpec spec;
  std::optional<std::uint64_t> random;  ///< R of every line without its own
  bool hex = false;
  bool json = false;
};

/// Reads --rounding, --overflow, --random, --hex and --json. Throws UsageError, SpecError.
ResultOptions read_result_options(const Arguments& arguments, const Format& target);

/// --from: one format for all `count` operands, or a comma list; `otherwise` without the option.
/// Throws UsageError, SpecError.
std::vector<Format> read_operand_formats(const Arguments& arguments, std::size_t count,
                                         const Format& otherwise);

/// The line's R: the word, or --random, or 0 where no rounding needs it. Throws LineError.
std::uint64_t read_random(const ResultOptions& options, const Word& word);

/// Writes CODE TAB VALUE TAB FLAGS, or the JSON object `{` `json_operands` `,"code":...}`.
void write_result(const ResultOptions& options, std::string_view json_operands,
                  const Number& result, const Flags& flags, fmt::memory_buffer& out);

/// Calls `compute` with each line of standard input, its number (from 1) and the buffer for its
/// output; reports every LineError on standard error, and std::invalid_argument as one of column 1.
/// Returns the exit code: 1 if there was one, else 0.
int for_each_line(
    const std::function<void(std::string_view, std::size_t, fmt::memory_buffer&)>& compute);

}  // namespace halfulp::cli
