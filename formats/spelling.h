// Text helpers that the parsers of formats/ share: normal forms of names and a cursor whose errors
// name the column.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace halfulp {

std::string lower_case(std::string_view text);

/// True for the characters that users' spellings put between the parts of a name: `_ - . space`.
bool is_separator(char c);

/// Removes separators, but keeps one (as '_') between two digits: "1_1" is not "11".
std::string without_separators(std::string_view text);

/// The text cut to a length that fits an error message, unprintable characters replaced.
std::string shortened(std::string_view text);

std::string joined(std::span<const std::string> parts, std::string_view separator = ", ");

/// Levenshtein distance in which swapping two neighbouring characters is one step.
int edit_distance(std::string_view a, std::string_view b);

/// Reads a text from left to right, skipping blanks; every complaint is a SpecError with the
/// column.
class TextCursor {
 public:
  /// `what` names the text in messages ("rounding").
  TextCursor(std::string_view text, std::string_view what);

  int column() const { return static_cast<int>(position_) + 1; }

  bool at_end() const { return position_ == text_.size(); }

  /// Takes `c` if it is next.
  bool take(char c);
  void expect(char c);
  /// Takes `word` (lower case, compared without case) if the next word is exactly that.
  bool take_word(std::string_view word);
  /// The letters, digits and underscores that come next.
  std::string_view peek_word() const;
  int take_integer(std::string_view what, int low, int high);
  /// Everything up to one of `stops`, without trailing blanks.
  std::string_view take_until(std::string_view stops);
  void expect_end();
  /// Throws "`message` at column N of what 'text'".
  [[noreturn]] void fail(const std::string& message) const;

 private:
  void skip_blanks();

  std::string_view text_;
  std::string_view what_;
  std::size_t position_ = 0;
};

}  // namespace halfulp
