// Text of posits, takums, logarithmic numbers and codebooks: parse, to_spec and format_fault of
// ordered_format.h.
#include <algorithm>
#include <charconv>

#include "formats/families/codebook.h"
#include "formats/families/codebook_text.h"
#include "formats/families/logarithmic.h"
#include "formats/format_names.h"
#include "formats/named_codebooks.h"
#include "formats/ordered_format.h"
#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp::ordered {

namespace {

constexpr int kMaxBits = 64;

/// The letters and numbers of "Posit<16, 1>" or "posit16es1": {"posit", "16", "1"}, with "es" and
/// "e" between numbers left out. Empty for texts with other characters.
std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  bool open = false;  // the last part may grow
  for (const char c : lower_case(text)) {
    const bool is_digit = c >= '0' && c <= '9';
    const bool is_letter = c >= 'a' && c <= 'z';
    if (!is_digit && !is_letter) {
      if (std::string_view("(<,>)_-. \t=").find(c) == std::string_view::npos) return {};
      open = false;
      continue;
    }
    const bool grows = open && (parts.back().front() <= '9') == is_digit;
    if (!grows) parts.emplace_back();
    parts.back() += c;
    open = true;
  }
  return parts;
}

constexpr int kNoNumber = -1;

/// The whole part as a number of up to four digits, or kNoNumber.
int number_in(const std::string& part) {
  int value = 0;
  const char* const end = part.data() + part.size();
  const auto read = std::from_chars(part.data(), end, value);
  return read.ec == std::errc{} && read.ptr == end && part.size() <= 4 ? value : kNoNumber;
}

[[noreturn]] void refuse(std::string_view text, int column, const std::string& reason) {
  throw SpecError("'" + shortened(text) + "' at column " + std::to_string(column) + " " + reason,
                  column);
}

std::string posit_text(int bits, int exponent_bits) {
  return "posit(" + std::to_string(bits) + "," + std::to_string(exponent_bits) + ")";
}

/// "posit16" has been two formats.
[[noreturn]] void refuse_bare_posit(std::string_view text, int column, int bits) {
  const int older = bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : bits == 64 ? 3 : -1;
  if (older == 2) {
    refuse(text, column,
           "needs its exponent size; write " + posit_text(bits, 2) +
               ", which both the 2022 standard and older posits mean");
  }
  if (older < 0) {
    refuse(text, column,
           "needs its exponent size; write " + posit_text(bits, 2) + " for the 2022 standard");
  }
  refuse(text, column,
         "names two formats; write " + posit_text(bits, 2) + " (2022 standard) or " +
             posit_text(bits, older) + " (before it)");
}

std::optional<Format> parse_posit(const std::vector<std::string>& parts, std::string_view text,
                                  int column) {
  const bool is_short = parts.front() == "p";
  if (parts.front() != "posit" && !is_short) return std::nullopt;
  std::vector<int> numbers;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const bool between = (parts[i] == "e" || parts[i] == "es") && numbers.size() == 1;
    if (between) continue;
    const int number = number_in(parts[i]);
    if (number == kNoNumber) return std::nullopt;
    numbers.push_back(number);
  }
  // p is too short a word to claim anything but a posit.
  const bool possible = numbers.size() == 2 && numbers[0] <= kMaxBits;
  if (is_short && !possible) return std::nullopt;
  if (numbers.size() == 1) refuse_bare_posit(text, column, numbers[0]);
  if (numbers.size() != 2) refuse(text, column, "is no posit; write posit(16,2)");
  return PositFormat{numbers[0], numbers[1]};
}

/// The bare name changed its meaning: libtakum of 2024 calls the logarithmic type takum16, later
/// ones the linear one; the paper (4.7) asks for the kind to be stated.
std::optional<Format> parse_takum(const std::vector<std::string>& parts, std::string_view text,
                                  int column) {
  TakumFormat format;
  bool is_takum = false;
  bool kind_given = false;
  for (const std::string& part : parts) {
    if (part.starts_with("takum")) is_takum = true;
    const std::string_view rest = is_takum && part.starts_with("takum")
                                      ? std::string_view(part).substr(5)
                                      : std::string_view(part);
    if (rest == "linear" || rest == "lin") {
      kind_given = true;
    } else if (rest == "log" || rest == "logarithmic") {
      kind_given = format.logarithmic = true;
    } else if (const int bits = number_in(part); bits != kNoNumber && format.bits == 0) {
      format.bits = bits;
    } else if (!rest.empty()) {
      return std::nullopt;
    }
  }
  if (!is_takum || parts.size() < 2) return std::nullopt;
  const std::string size = std::to_string(format.bits);
  if (!kind_given) {
    refuse(text, column, "names two formats; write takum_linear" + size + " or takum_log" + size);
  }
  return format;
}

std::optional<Format> parse_logarithmic(const std::vector<std::string>& parts,
                                        std::string_view text, int column) {
  if (parts.front() != "lns") return std::nullopt;
  const int bits = parts.size() == 3 ? number_in(parts[1]) : kNoNumber;
  const int fraction = parts.size() == 3 ? number_in(parts[2]) : kNoNumber;
  if (bits == kNoNumber || fraction == kNoNumber) {
    refuse(text, column, "is no logarithmic format; write lns(8,3): 8 bits, 3 of them fraction");
  }
  return LogarithmicFormat{bits, fraction};
}

std::optional<Format> parse_generated(const std::vector<std::string>& parts, std::string_view text,
                                      int column) {
  std::string word;
  std::size_t i = 0;
  while (i < parts.size() && number_in(parts[i]) == kNoNumber) word += parts[i++];
  const bool is_power = word == "pot" || word == "poweroftwo";
  const bool is_dynamic = word == "dynamic";
  if (!is_power && !is_dynamic && word != "quantile") return std::nullopt;
  const bool has_bits_alone = is_power || is_dynamic;
  const int most = has_bits_alone ? 8 : 10;
  const int least = has_bits_alone ? 2 : 1;
  const int bits = i < parts.size() ? number_in(parts[i]) : kNoNumber;
  const bool ends =
      has_bits_alone ? parts.size() == i + 1 : parts.size() == i + 2 && parts[i + 1] == "normal";
  if (!ends || bits < least || bits > most) {
    refuse(text, column,
           std::string("is no codebook; write ") + (is_power ? "power_of_two(4), with 2 to 8 bits"
                                                    : is_dynamic
                                                        ? "dynamic(4), with 2 to 8 bits"
                                                        : "quantile(4,normal), with 1 to 10 bits"));
  }
  if (is_dynamic) return dynamic_codebook(bits);
  return is_power ? power_of_two_codebook(bits) : quantile_codebook(bits);
}

std::string logarithmic_fault(const LogarithmicFormat& f) {
  if (f.bits < 2 || f.bits > kMaxBits) return "logarithmic numbers have 2 to 64 bits";
  if (f.fraction_bits < 0 || f.fraction_bits > f.bits - 1) {
    return "the fraction of the logarithm has 0 to " + std::to_string(f.bits - 1) + " bits";
  }
  if (f.bits - 2 - f.fraction_bits > 17) {
    return "exponents reach 2^17 at most; use " + std::to_string(f.bits - 19) +
           " fraction bits or more";
  }
  return {};
}

}  // namespace

std::string format_fault(const Format& format) {
  if (const auto* posit = std::get_if<PositFormat>(&format)) {
    if (posit->bits < 2 || posit->bits > kMaxBits) return "posits have 2 to 64 bits";
    if (posit->exponent_bits < 0 || posit->exponent_bits > 4) return "exponent bits are 0 to 4";
    return {};
  }
  if (const auto* takum = std::get_if<TakumFormat>(&format)) {
    return takum->bits < 2 || takum->bits > kMaxBits ? "takums have 2 to 64 bits" : "";
  }
  if (const auto* lns = std::get_if<LogarithmicFormat>(&format)) return logarithmic_fault(*lns);
  return codebook_fault(std::get<CodebookFormat>(format));
}

std::optional<Format> parse(std::string_view text, int column) {
  const std::string_view trimmed =
      text.substr(std::min(text.size(), text.find_first_not_of(" \t")));
  if (std::optional<Format> format = parse_codebook(trimmed, column)) return format;
  const std::vector<std::string> parts = parts_of(trimmed.substr(0, 60));
  if (parts.size() < 2) return std::nullopt;
  if (std::optional<Format> format = parse_posit(parts, trimmed, column)) return format;
  if (std::optional<Format> format = parse_takum(parts, trimmed, column)) return format;
  if (std::optional<Format> format = parse_logarithmic(parts, trimmed, column)) return format;
  return parse_generated(parts, trimmed, column);
}

std::string to_spec(const Format& format) {
  if (const auto* posit = std::get_if<PositFormat>(&format)) {
    return posit_text(posit->bits, posit->exponent_bits);
  }
  if (const auto* takum = std::get_if<TakumFormat>(&format)) {
    return (takum->logarithmic ? "takum_log" : "takum_linear") + std::to_string(takum->bits);
  }
  if (const auto* lns = std::get_if<LogarithmicFormat>(&format)) {
    return "lns(" + std::to_string(lns->bits) + "," + std::to_string(lns->fraction_bits) + ")";
  }
  return codebook_text(std::get<CodebookFormat>(format));
}

}  // namespace halfulp::ordered
