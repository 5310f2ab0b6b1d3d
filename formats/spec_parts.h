// Pieces of a spec string with their places, so that the complaint of a parser of one piece counts
// columns in the whole text.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace halfulp::spec_parts {

/// The text that a user wrote, and what it is called in messages ("accumulator").
struct Source {
  std::string_view what;
  std::string_view whole;
};

struct Part {
  std::string_view text;
  std::size_t offset;  ///< characters of the whole text before it
};

/// Without blanks at the ends.
Part trimmed(std::string_view whole, const Part& part);

/// Cuts at every `separator` outside parentheses and trims the pieces.
std::vector<Part> split(std::string_view whole, const Part& part, char separator);

/// Throws SpecError "`message` at column N of WHAT 'whole'".
[[noreturn]] void fail(const Source& source, const Part& part, const std::string& message);

/// Runs a parser of one part; its complaints then count columns in the whole text.
void in_part(const Source& source, const Part& part, const std::function<void()>& parse);

/// A decimal number, low to high. Throws SpecError.
int read_number(const Source& source, const Part& part, std::string_view what, int low, int high);

}  // namespace halfulp::spec_parts
