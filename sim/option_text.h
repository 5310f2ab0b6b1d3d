// Texts of options joined by plus signs.
#pragma once

#include <string_view>
#include <vector>

namespace halfulp {

/// A piece of the text between plus signs, without blanks around it, and where it starts.
struct OptionPart {
  std::string_view text;
  int offset;  ///< characters before it
};

/// The pieces between the plus signs outside of parentheses; at least one.
std::vector<OptionPart> split_at_plus(std::string_view text);

}  // namespace halfulp
