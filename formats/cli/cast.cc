// ulp cast: the line protocol. `ulp help cast` documents it.
#include <fmt/core.h>
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>

#include "formats/cli/verbs.h"
#include "formats/codec.h"
#include "formats/number_text.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp::cli {

namespace {

/// A line that cannot be cast; the rest of the input still is.
class LineError : public std::runtime_error {
 public:
  LineError(const std::string& message, std::size_t column)
      : std::runtime_error(message), column_(column) {}

  std::size_t column() const { return column_; }

 private:
  std::size_t column_;
};

/// Output in large pieces: a million lines are a second, not a minute.
class Output {
 public:
  ~Output() { flush(); }

  fmt::memory_buffer& buffer() { return buffer_; }

  void flush_if_large() {
    constexpr std::size_t kLarge = 1 << 16;
    if (buffer_.size() >= kLarge) flush();
  }

 private:
  void flush() {
    std::fwrite(buffer_.data(), 1, buffer_.size(), stdout);
    buffer_.clear();
  }

  fmt::memory_buffer buffer_;
};

struct CastJob {
  Format target;
  Format code_format;
  RoundSpec spec;
  std::optional<std::uint64_t> random;
  bool hex = false;
  bool json = false;
};

struct Word {
  std::string_view text;
  std::size_t column = 0;
};

/// Takes the next word of `line` from `position` on; empty text at the end.
Word take_word(std::string_view line, std::size_t& position) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t start = std::min(line.find_first_not_of(kBlanks, position), line.size());
  const std::size_t end = std::min(line.find_first_of(kBlanks, start), line.size());
  position = end;
  return {line.substr(start, end - start), start + 1};
}

bool starts_with_0x(std::string_view text) {
  return text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/// Hexadecimal digits, with or without 0x; nothing for other characters or more than 128 bits.
std::optional<Code> parse_hex(std::string_view text) {
  if (starts_with_0x(text)) text.remove_prefix(2);
  const std::size_t digits_from = std::min(text.find_first_not_of('0'), text.size());
  if (text.empty() || text.size() - digits_from > 32) return std::nullopt;
  Code value = 0;
  for (const char c : text) {
    unsigned digit = 0;
    if (std::from_chars(&c, &c + 1, digit, 16).ec != std::errc{}) return std::nullopt;
    value = value << 4 | digit;
  }
  return value;
}

WideNumber read_operand(const CastJob& job, const Word& word) {
  const bool is_code =
      starts_with_0x(word.text) && word.text.find_first_of("pP") == std::string_view::npos;
  if (!is_code) {
    const std::optional<WideNumber> number = parse_number(word.text);
    if (!number) {
      throw LineError(
          "'" + shortened(word.text) +
              "' is no operand; write a code (0x3c) or a value (1.5, 0x1.8p0, inf, nan)",
          word.column);
    }
    return *number;
  }
  const std::optional<Code> code = parse_hex(word.text);
  const int bits = width(job.code_format);
  if (!code || (*code & ~low_code_bits(bits)) != 0) {
    throw LineError("'" + shortened(word.text) + "' is no code of " + to_spec(job.code_format) +
                        ", which has " + std::to_string(bits) + " bits",
                    word.column);
  }
  return widen(decode_operand(job.code_format, *code));
}

std::uint64_t read_random(const CastJob& job, const Word& word) {
  if (!word.text.empty()) {
    const std::optional<Code> random = parse_hex(word.text);
    if (!random) {
      throw LineError("'" + shortened(word.text) + "' is no R; write hexadecimal digits",
                      word.column);
    }
    return static_cast<std::uint64_t>(*random);
  }
  if (job.random) return *job.random;
  if (job.spec.rounding == Rounding::stochastic) {
    throw LineError("stochastic rounding needs R: a second column or --random", word.column);
  }
  return 0;
}

void write_json(const CastJob& job, std::string_view operand, const std::string& code,
                const Number& result, const Flags& flags, fmt::memory_buffer& out) {
  const std::string value = job.hex ? to_hex_float(result) : to_text(result);
  const bool is_json_number = result.kind != Number::Kind::nan &&
                              result.kind != Number::Kind::infinity &&
                              value.find('x') == std::string::npos;
  const std::string quote = is_json_number ? "" : "\"";
  std::string names = to_string(flags);
  if (names == "-") names.clear();
  for (std::size_t comma = names.find(','); comma != std::string::npos;
       comma = names.find(',', comma + 3)) {
    names.replace(comma, 1, "\",\"");
  }
  if (!names.empty()) names = "\"" + names + "\"";
  fmt::format_to(std::back_inserter(out),
                 "{{\"operand\":\"{}\",\"code\":\"{}\",\"value\":{}{}{},\"flags\":[{}]}}\n",
                 operand, code, quote, value, quote, names);
}

/// One line of input to one line of output; blank lines give none. Throws LineError.
void cast_line(const CastJob& job, std::string_view line, fmt::memory_buffer& out) {
  std::size_t position = 0;
  const Word operand = take_word(line, position);
  if (operand.text.empty()) return;
  const Word random_word = take_word(line, position);
  const Word extra = take_word(line, position);
  if (!extra.text.empty()) throw LineError("unexpected third column", extra.column);

  const WideNumber x = read_operand(job, operand);
  const std::uint64_t random = read_random(job, random_word);
  Flags flags;
  Number result;
  try {
    result = round_to(job.target, job.spec, x, random, flags);
  } catch (const OverflowError& error) {
    throw LineError(error.what(), operand.column);
  } catch (const std::invalid_argument&) {
    throw LineError("too many digits for this cast; write a shorter operand", operand.column);
  }
  const std::string code = code_text(job.target, encode(job.target, result));
  if (job.json) {
    write_json(job, operand.text, code, result, flags, out);
    return;
  }
  fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\n", code,
                 job.hex ? to_hex_float(result) : to_text(result), to_string(flags));
}

CastJob read_job(const Arguments& arguments) {
  CastJob job;
  job.target = format_argument(arguments, "cast");
  job.code_format =
      arguments.has("--from") ? read_format(arguments.value("--from", "")) : job.target;
  parse_rounding(arguments.value("--rounding", "nearest_even"), job.spec);
  job.spec.overflow = parse_overflow(arguments.value("--overflow", "saturate"));
  check_round_spec(job.target, job.spec);
  if (arguments.has("--random")) {
    const std::optional<Code> random = parse_hex(arguments.value("--random", ""));
    if (!random) throw UsageError("--random takes hexadecimal digits, for example --random 1f");
    job.random = static_cast<std::uint64_t>(*random);
  }
  job.hex = arguments.has("--hex");
  job.json = arguments.has("--json");
  return job;
}

}  // namespace

int run_cast(const Arguments& arguments) {
  const CastJob job = read_job(arguments);
  std::ios::sync_with_stdio(false);
  Output output;
  std::string line;
  bool failed = false;
  for (std::size_t number = 1; std::getline(std::cin, line); ++number) {
    try {
      cast_line(job, line, output.buffer());
    } catch (const LineError& error) {
      fmt::print(stderr, "ulp: line {}, column {}: {}\n", number, error.column(), error.what());
      failed = true;
    }
    output.flush_if_large();
  }
  return failed ? 1 : 0;
}

}  // namespace halfulp::cli
