// Fuzz target for everything that reads text in formats/: every line as an accumulator; format,
// rounding, overflow policy, then lines as `ulp cast` reads them. Built for libFuzzer (README.md
// here) and replayed over corpus/ by tests/formats/fuzz_corpus_test.cc.
//
// Input: line 1 a format, line 2 a rounding, line 3 an overflow policy, then operands, each with an
// optional random word. A wrong text may end in SpecError, LineError or OverflowError; anything
// else that is not a result aborts.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/accumulator_spec.h"
#include "formats/cli/line_protocol.h"
#include "formats/codec.h"
#include "formats/number_text.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace {

using namespace halfulp;

[[noreturn]] void broken(const char* promise, std::string_view text) {
  std::fprintf(stderr, "broken promise: %s: '%.*s'\n", promise, static_cast<int>(text.size()),
               text.data());
  std::abort();
}

void require(bool kept, const char* promise, std::string_view text) {
  if (!kept) broken(promise, text);
}

std::vector<std::string_view> lines_of(std::string_view input) {
  std::vector<std::string_view> lines;
  while (!input.empty()) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    lines.push_back(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return lines;
}

/// Runs `parse`; a SpecError must be one line with a column inside the text.
template <typename Parse>
bool reads(std::string_view text, const Parse& parse) {
  try {
    parse();
    return true;
  } catch (const SpecError& error) {
    const std::string_view what = error.what();
    require(what.find('\n') == std::string_view::npos, "a complaint is one line", text);
    require(error.column() >= 1 && error.column() <= static_cast<int>(text.size()) + 1,
            "a complaint names a column of the text", text);
    return false;
  }
}

std::optional<Format> read_format(std::string_view text) {
  std::optional<Format> format;
  std::string note;
  if (!reads(text, [&] { format = parse_format(text, note); })) return std::nullopt;
  const std::string printed = to_spec(*format);
  require(parse_format(printed) == *format, "a printed format reads back", text);
  require(to_spec(parse_format(printed)) == printed, "a format has one spelling", text);
  return format;
}

void read_accumulator(std::string_view text) {
  AccumulatorSpec spec;
  if (!reads(text, [&] { spec = parse_accumulator(text); })) return;
  const std::string printed = to_spec(spec);
  require(parse_accumulator(printed) == spec, "a printed accumulator reads back", text);
  require(to_spec(parse_accumulator(printed)) == printed, "an accumulator has one spelling", text);
}

bool read_policy(std::string_view rounding, std::string_view overflow, RoundSpec& spec) {
  const bool has_rounding = reads(rounding, [&] { parse_rounding(rounding, spec); });
  if (has_rounding) {
    RoundSpec again;
    parse_rounding(rounding_to_string(spec), again);
    again.overflow = spec.overflow;
    require(again == spec, "a printed rounding reads back", rounding);
  }
  const bool has_overflow = reads(overflow, [&] { spec.overflow = parse_overflow(overflow); });
  if (has_overflow) {
    require(parse_overflow(to_string(spec.overflow)) == spec.overflow,
            "a printed policy reads back", overflow);
  }
  return has_rounding && has_overflow;
}

/// The result of a cast is in the format, and casting it again gives it.
void check_result(const Format& format, const RoundSpec& spec, const Number& result,
                  std::uint64_t random, std::string_view line) {
  const Code code = encode(format, result);
  const Number again = decode(format, code);
  require(again.kind == result.kind, "a result survives its code", line);
  if (result.kind != Number::Kind::finite || again.sticky) return;
  Flags flags;
  const Number twice = round_to(format, spec, again, random, flags);
  require(encode(format, twice) == code && !flags.inexact, "rounding twice is rounding once", line);
}

void cast_line(const Format& format, const RoundSpec& spec, std::string_view line) {
  std::size_t position = 0;
  const cli::Word operand = cli::take_word(line, position);
  if (operand.text.empty()) return;
  const cli::Word word = cli::take_word(line, position);
  cli::ResultOptions options;
  options.target = format;
  options.spec = spec;
  WideNumber x;
  std::uint64_t random = 0;
  try {
    x = cli::read_operand(format, operand);
    random = cli::read_random(options, word);
  } catch (const cli::LineError& error) {
    require(error.column() >= 1 && error.column() <= line.size() + 1,
            "a complaint names a column of the line", line);
    return;
  }
  Flags flags;
  Number result;
  try {
    result = cli::round_operand(format, spec, operand, x, random, flags);
  } catch (const OverflowError&) {
    return;
  } catch (const cli::LineError&) {
    require(x.sticky, "an exact operand is rounded", line);
    return;
  } catch (const std::invalid_argument&) {
    require(x.sticky, "an exact operand is rounded", line);
    return;
  }
  check_result(format, spec, result, random, line);
  fmt::memory_buffer out;
  cli::write_result(options, "", result, flags, out);
}

}  // namespace

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(data, data + size);  // a copy of its own, so that overruns are seen
  const std::vector<std::string_view> lines = lines_of(input);
  for (const std::string_view line : lines) {
    parse_number(line);
    read_accumulator(line);
  }
  if (lines.size() < 3) {
    if (!lines.empty()) read_format(lines[0]);
    return 0;
  }
  const std::optional<Format> format = read_format(lines[0]);
  RoundSpec spec;
  if (!read_policy(lines[1], lines[2], spec) || !format) return 0;
  try {
    check_round_spec(*format, spec);
  } catch (const SpecError&) {
    return 0;
  }
  for (std::size_t i = 3; i < lines.size(); ++i) cast_line(*format, spec, lines[i]);
  return 0;
}
