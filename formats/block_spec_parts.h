// Pieces of the text of a block format, with their places for error messages. For block_spec.cc.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace halfulp::block_spec {

struct Part {
  std::string_view text;
  std::size_t offset;  ///< characters of the whole text before it
};

/// Without blanks at the ends.
Part trimmed(std::string_view whole, const Part& part);

/// Cuts at every `separator` outside parentheses and trims the pieces.
std::vector<Part> split(std::string_view whole, const Part& part, char separator);

/// Throws SpecError "`message` at column N of block format 'whole'".
[[noreturn]] void fail(std::string_view whole, const Part& part, const std::string& message);

/// Runs a parser of one part; its complaints then count columns in the whole text.
void in_part(std::string_view whole, const Part& part, const std::function<void()>& parse);

/// A decimal number, low to high. Throws SpecError.
int read_number(std::string_view whole, const Part& part, std::string_view what, int low, int high);

}  // namespace halfulp::block_spec
