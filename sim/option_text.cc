#include "sim/option_text.h"

#include <algorithm>

namespace halfulp {

std::vector<OptionPart> split_at_plus(std::string_view text) {
  std::vector<OptionPart> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i < text.size() && (text[i] != '+' || depth > 0)) continue;
    std::string_view part = text.substr(begin, i - begin);
    const std::size_t first = std::min(part.find_first_not_of(" \t"), part.size());
    part.remove_prefix(first);
    part = part.substr(0, part.find_last_not_of(" \t") + 1);
    parts.push_back({part, static_cast<int>(begin + first)});
    begin = i + 1;
  }
  return parts;
}

}  // namespace halfulp
