// ulp cast: rounds the operand of each line. `ulp help cast` documents it.
#include <stdexcept>
#include <string>

#include "formats/cli/line_protocol.h"
#include "formats/cli/verbs.h"
#include "formats/round.h"

namespace halfulp::cli {

namespace {

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
    result = round_to(options.target, options.spec, x, random, flags);
  } catch (const OverflowError& error) {
    throw LineError(error.what(), operand.column);
  } catch (const std::invalid_argument&) {
    throw LineError("too many digits for this cast; write a shorter operand", operand.column);
  }
  const std::string json_operand =
      options.json ? "\"operand\":\"" + std::string(operand.text) + "\"" : "";
  write_result(options, json_operand, result, flags, out);
}

}  // namespace

int run_cast(const Arguments& arguments) {
  const Format target = format_argument(arguments, "cast");
  const Format code_format =
      arguments.has("--from") ? read_format(arguments.value("--from", "")) : target;
  const ResultOptions options = read_result_options(arguments, target);
  return for_each_line([&](std::string_view line, std::size_t, fmt::memory_buffer& out) {
    cast_line(options, code_format, line, out);
  });
}

}  // namespace halfulp::cli
