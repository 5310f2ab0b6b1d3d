#include "formats/cli/line_protocol.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "formats/cli/verbs.h"
#include "formats/codec.h"
#include "formats/number_text.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/round_text.h"
#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp::cli {

namespace {

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

bool starts_with_0x(std::string_view text) {
  return text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/// The flags as the elements of a JSON array.
std::string json_flags(const Flags& flags) {
  std::string names = to_string(flags);
  if (names == "-") return "";
  for (std::size_t comma = names.find(','); comma != std::string::npos;
       comma = names.find(',', comma + 3)) {
    names.replace(comma, 1, "\",\"");
  }
  return "\"" + names + "\"";
}

bool is_code(const Word& word) {
  return starts_with_0x(word.text) && word.text.find_first_of("pP.") == std::string_view::npos;
}

Number read_code(const Format& format, const Word& word) {
  const std::optional<Code> code = parse_hex(word.text);
  const int bits = width(format);
  if (!code || (*code & ~low_code_bits(bits)) != 0) {
    throw LineError("'" + shortened(word.text) + "' is no code of " + to_spec(format) +
                        ", which has " + std::to_string(bits) + " bits",
                    word.column);
  }
  return decode_operand(format, *code);
}

/// The parts of a comma list, but for commas inside parentheses.
std::vector<std::string> split_formats(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace

Word take_word(std::string_view line, std::size_t& position) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t start = std::min(line.find_first_not_of(kBlanks, position), line.size());
  const std::size_t end = std::min(line.find_first_of(kBlanks, start), line.size());
  position = end;
  return {line.substr(start, end - start), start + 1};
}

std::optional<Code> parse_hex(std::string_view text) {
  if (starts_with_0x(text)) text.remove_prefix(2);
  const std::size_t zeros = std::min(text.find_first_not_of('0'), text.size());
  if (text.empty() || text.size() - zeros > 32) return std::nullopt;
  Code value = 0;
  for (const char c : text) {
    unsigned digit = 0;
    if (std::from_chars(&c, &c + 1, digit, 16).ec != std::errc{}) return std::nullopt;
    value = value << 4 | digit;
  }
  return value;
}

WideNumber read_operand(const Format& code_format, const Word& word) {
  if (is_code(word)) return widen(read_code(code_format, word));
  const std::optional<WideNumber> number = parse_number(word.text);
  if (number) return *number;
  throw LineError("'" + shortened(word.text) +
                      "' is no operand; write a code (0x3c) or a value (1.5, 0x1.8p0, inf, nan)",
                  word.column);
}

Number round_operand(const Format& format, const RoundSpec& spec, const Word& word,
                     const WideNumber& x, std::uint64_t random, Flags& flags) {
  if (is_code(word)) return round_to(format, spec, x, random, flags);
  try {
    return round_text(format, spec, word.text, x, random, flags);
  } catch (const std::invalid_argument&) {
    throw LineError("too many digits for this rounding; write a shorter operand", word.column);
  }
}

Number read_number_of(const Format& format, const Word& word) {
  if (is_code(word)) return read_code(format, word);
  const WideNumber x = read_operand(format, word);
  const RoundSpec nearest{Rounding::nearest_even,
                          has_infinity(format) ? Overflow::infinity : Overflow::saturate};
  Flags flags;
  const Number result = round_operand(format, nearest, word, x, 0, flags);
  if (flags.overflow || flags.invalid) {
    throw LineError("'" + shortened(word.text) + "' is beyond the numbers of " + to_spec(format) +
                        "; the nearest is " + to_text(result) + " (" +
                        code_text(format, encode(format, result)) + ")",
                    word.column);
  }
  static bool announced = false;
  if (flags.inexact && !announced) {
    announced = true;
    fmt::print(stderr, "ulp: note: {} is not in {}; read as the nearest number, {} (said once)\n",
               shortened(word.text), to_spec(format), to_text(result));
  }
  return result;
}

ResultOptions read_result_options(const Arguments& arguments, const Format& target) {
  ResultOptions options;
  options.target = target;
  parse_rounding(arguments.value("--rounding", "nearest_even"), options.spec);
  options.spec.overflow = parse_overflow(arguments.value("--overflow", "saturate"));
  check_round_spec(target, options.spec);
  if (arguments.has("--random")) {
    const std::optional<Code> random = parse_hex(arguments.value("--random", ""));
    if (!random) throw UsageError("--random takes hexadecimal digits, for example --random 1f");
    options.random = static_cast<std::uint64_t>(*random);
  }
  options.hex = arguments.has("--hex");
  options.json = arguments.has("--json");
  return options;
}

std::vector<Format> read_operand_formats(const Arguments& arguments, std::size_t count,
                                         const Format& otherwise) {
  if (!arguments.has("--from")) return std::vector<Format>(count, otherwise);
  std::vector<Format> formats;
  for (const std::string& text : split_formats(arguments.value("--from", ""))) {
    formats.push_back(read_format(text));
  }
  if (formats.size() == 1) formats.resize(count, formats.front());
  if (formats.size() != count) {
    throw UsageError(fmt::format("--from names {} formats for {}", formats.size(),
                                 count == 1 ? "1 operand" : std::to_string(count) + " operands"));
  }
  return formats;
}

std::uint64_t read_random(const ResultOptions& options, const Word& word) {
  if (!word.text.empty()) {
    const std::optional<Code> random = parse_hex(word.text);
    if (!random) {
      throw LineError("'" + shortened(word.text) + "' is no R; write hexadecimal digits",
                      word.column);
    }
    return static_cast<std::uint64_t>(*random);
  }
  if (options.random) return *options.random;
  if (options.spec.rounding == Rounding::stochastic) {
    throw LineError("stochastic rounding needs R: a second column or --random", word.column);
  }
  return 0;
}

void write_result(const ResultOptions& options, std::string_view json_operands,
                  const Number& result, const Flags& flags, fmt::memory_buffer& out) {
  const std::string code = code_text(options.target, encode(options.target, result));
  const std::string value = options.hex ? to_hex_float(result) : to_text(result);
  if (!options.json) {
    fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\n", code, value, to_string(flags));
    return;
  }
  const bool is_json_number = result.kind != Number::Kind::nan &&
                              result.kind != Number::Kind::infinity &&
                              value.find('x') == std::string::npos;
  const std::string_view quote = is_json_number ? "" : "\"";
  fmt::format_to(std::back_inserter(out),
                 "{{{},\"code\":\"{}\",\"value\":{}{}{},\"flags\":[{}]}}\n", json_operands, code,
                 quote, value, quote, json_flags(flags));
}

int for_each_line(
    const std::function<void(std::string_view, std::size_t, fmt::memory_buffer&)>& compute) {
  std::ios::sync_with_stdio(false);
  Output output;
  std::string line;
  bool failed = false;
  for (std::size_t number = 1; std::getline(std::cin, line); ++number) {
    try {
      compute(line, number, output.buffer());
    } catch (const LineError& error) {
      fmt::print(stderr, "ulp: line {}, column {}: {}\n", number, error.column(), error.what());
      failed = true;
    } catch (const std::invalid_argument& error) {  // a number that cannot be computed with
      fmt::print(stderr, "ulp: line {}, column 1: {}\n", number, error.what());
      failed = true;
    }
    output.flush_if_large();
  }
  return failed ? 1 : 0;
}

}  // namespace halfulp::cli
