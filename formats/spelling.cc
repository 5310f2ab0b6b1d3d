#include "formats/spelling.h"

#include <algorithm>
#include <charconv>

#include "formats/spec.h"

namespace halfulp {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_blank(char c) { return c == ' ' || c == '\t'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_word_character(char c) {
  return is_digit(c) || c == '_' || (lower(c) >= 'a' && lower(c) <= 'z');
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

bool is_separator(char c) { return c == '_' || c == '-' || c == '.' || is_blank(c); }

std::string without_separators(std::string_view text) {
  std::string result;
  bool separated = false;
  for (const char c : text) {
    if (is_separator(c)) {
      separated = true;
      continue;
    }
    if (separated && is_digit(c) && !result.empty() && is_digit(result.back())) result += '_';
    result += c;
    separated = false;
  }
  return result;
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string result(text.substr(0, kLongest));
  for (char& c : result) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text.size() > kLongest ? result + "..." : result;
}

std::string joined(std::span<const std::string> parts, std::string_view separator) {
  std::string result;
  for (const std::string& part : parts) {
    if (!result.empty()) result += separator;
    result += part;
  }
  return result;
}

int edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the table of prefix distances: current, previous, and the one before.
  std::vector<int> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int change = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({change, previous[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

TextCursor::TextCursor(std::string_view text, std::string_view what) : text_(text), what_(what) {
  skip_blanks();
}

void TextCursor::skip_blanks() {
  while (position_ < text_.size() && is_blank(text_[position_])) ++position_;
}

bool TextCursor::take(char c) {
  if (at_end() || text_[position_] != c) return false;
  ++position_;
  skip_blanks();
  return true;
}

void TextCursor::expect(char c) {
  if (!take(c)) fail(std::string("expected '") + c + "'");
}

std::string_view TextCursor::peek_word() const {
  std::size_t end = position_;
  while (end < text_.size() && is_word_character(text_[end])) ++end;
  return text_.substr(position_, end - position_);
}

bool TextCursor::take_word(std::string_view word) {
  if (lower_case(peek_word()) != word) return false;
  position_ += word.size();
  skip_blanks();
  return true;
}

int TextCursor::take_integer(std::string_view what, int low, int high) {
  int value = 0;
  const char* const first = text_.data() + position_;
  const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value);
  const bool inside = error == std::errc{} && value >= low && value <= high;
  if (!inside) {
    fail("expected " + std::string(what) + ", " + std::to_string(low) + " to " +
         std::to_string(high) + ",");
  }
  position_ += static_cast<std::size_t>(end - first);
  skip_blanks();
  return value;
}

std::string_view TextCursor::take_until(std::string_view stops) {
  const std::size_t end = std::min(text_.find_first_of(stops, position_), text_.size());
  std::string_view taken = text_.substr(position_, end - position_);
  position_ = end;
  while (!taken.empty() && is_blank(taken.back())) taken.remove_suffix(1);
  return taken;
}

void TextCursor::expect_end() {
  if (!at_end()) fail("unexpected text");
}

void TextCursor::fail(const std::string& message) const {
  throw SpecError(message + " at column " + std::to_string(column()) + " of " + std::string(what_) +
                      " '" + shortened(text_) + "'",
                  column());
}

}  // namespace halfulp
