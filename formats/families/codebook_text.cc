#include "formats/families/codebook_text.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <utility>

#include "formats/families/codebook.h"
#include "formats/named_codebooks.h"
#include "formats/number_text.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp::ordered {

namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(kBlanks);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kBlanks) - start + 1);
}

/// A finite number as binary64; nothing for other texts and for magnitudes that overflow.
std::optional<double> to_value(std::string_view text) {
  const std::optional<WideNumber> number = parse_number(text);
  if (!number || number->kind == Number::Kind::nan || number->kind == Number::Kind::infinity) {
    return std::nullopt;
  }
  Flags flags;
  const FloatFormat binary64{11, 52, 1023};
  const RoundSpec nearest{Rounding::nearest_even, Overflow::infinity};
  const Number rounded = round_to(binary64, nearest, *number, 0, flags);
  if (rounded.kind == Number::Kind::infinity) return std::nullopt;
  return to_double(rounded);
}

/// Remembers where each value stands: a second one is refused.
class ValueList {
 public:
  enum class Outcome { added, repeated, too_many };

  Outcome add(double value, int place) {
    if (values_.size() == kLongestCodebook) return Outcome::too_many;
    const bool minus_zero = value == 0 && to_shortest_decimal(value) == "-0";
    if (minus_zero ? std::exchange(has_minus_zero_, true) : !first_.emplace(value, place).second) {
      return Outcome::repeated;
    }
    values_.push_back(value);
    return Outcome::added;
  }

  std::vector<double> take() { return std::move(values_); }

  std::size_t size() const { return values_.size(); }

 private:
  std::vector<double> values_;
  std::map<double, int> first_;
  bool has_minus_zero_ = false;
};

std::string remedy(ValueList::Outcome outcome, std::string_view text) {
  if (outcome == ValueList::Outcome::repeated) {
    return "stands twice ('" + shortened(text) + "'); leave one out";
  }
  return "is one too many; a codebook has at most " + std::to_string(kLongestCodebook) + " values";
}

[[noreturn]] void fail_in_file(const std::string& path, int line, const std::string& message,
                               int column) {
  throw SpecError(path + ", line " + std::to_string(line) + ": " + message, column);
}

std::vector<double> read_file(const std::string& path, int column) {
  std::ifstream file(path);
  if (!file) {
    throw SpecError("cannot read the codebook file '" + path + "': " + std::strerror(errno) +
                        "; write a path from the working directory",
                    column);
  }
  ValueList list;
  std::string text;
  int line = 0;
  while (std::getline(file, text)) {
    ++line;
    const std::string_view word = trimmed(std::string_view(text).substr(0, text.find('#')));
    if (word.empty()) continue;
    const std::optional<double> value = to_value(word);
    if (!value) {
      fail_in_file(path, line,
                   "'" + shortened(word) +
                       "' is no finite number; write one number a line, as 0.5 or 0x1p-1",
                   column);
    }
    const ValueList::Outcome outcome = list.add(*value, line);
    if (outcome != ValueList::Outcome::added) {
      fail_in_file(path, line, "the value " + remedy(outcome, word), column);
    }
  }
  if (list.size() < 2) {
    fail_in_file(path, std::max(line, 1),
                 "the file ends with " + std::to_string(list.size()) +
                     " values; a codebook needs two or more",
                 column);
  }
  return list.take();
}

std::vector<double> read_list(std::string_view inside, int column) {
  ValueList list;
  std::size_t start = 0;
  while (start <= inside.size()) {
    const std::size_t comma = std::min(inside.find(',', start), inside.size());
    const std::string_view word = trimmed(inside.substr(start, comma - start));
    const int here = column + static_cast<int>(start);
    const std::string at = " at column " + std::to_string(here);
    const std::optional<double> value = to_value(word);
    if (!value) {
      throw SpecError("'" + shortened(word) + "'" + at +
                          " is no finite number; write codebook(-1,0,1) or codebook(file=PATH)",
                      here);
    }
    const ValueList::Outcome outcome = list.add(*value, here);
    if (outcome != ValueList::Outcome::added) {
      throw SpecError("the value" + at + " " + remedy(outcome, word), here);
    }
    start = comma + 1;
  }
  return list.take();
}

/// A list that has a name is that format, so that equal formats have one spelling.
Format canonical(const std::vector<double>& values) {
  CodebookFormat format = make_codebook({}, values);
  for (int bits = 1; bits <= 10; ++bits) {
    if (values.size() != std::size_t{1} << bits) continue;
    std::vector<CodebookFormat> all = {quantile_codebook(bits)};
    if (bits >= 2 && bits <= 8) {
      all.push_back(power_of_two_codebook(bits));
      all.push_back(dynamic_codebook(bits));
    }
    for (const CodebookFormat& named : all) {
      if (named == format) return named;
    }
  }
  return format;
}

}  // namespace

std::optional<Format> parse_codebook(std::string_view text, int column) {
  constexpr std::string_view kWord = "codebook";
  if (lower_case(text.substr(0, kWord.size())) != kWord) return std::nullopt;
  const std::string_view rest = trimmed(text.substr(kWord.size()));
  if (!rest.starts_with('(') || !rest.ends_with(')')) {
    throw SpecError("'" + shortened(text) + "' at column " + std::to_string(column) +
                        " is no codebook; write codebook(-1,0,1) or codebook(file=PATH)",
                    column);
  }
  const std::string_view inside = rest.substr(1, rest.size() - 2);
  const std::string_view argument = trimmed(inside);
  if (lower_case(argument.substr(0, 4)) == "file") {
    std::string_view path = trimmed(argument.substr(4));
    if (path.starts_with('='))
      return canonical(read_file(std::string(trimmed(path.substr(1))), column));
  }
  return canonical(read_list(inside, column + static_cast<int>(inside.data() - text.data())));
}

std::string codebook_text(const CodebookFormat& format) {
  if (!format.book->name.empty()) return format.book->name;
  std::string text = "codebook(";
  for (const double value : format.book->values) {
    if (text.back() != '(') text += ',';
    text += to_shortest_decimal(value);
  }
  return text + ")";
}

}  // namespace halfulp::ordered
