#include "formats/spec_parts.h"

#include <algorithm>
#include <charconv>

#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp::spec_parts {

Part trimmed(std::string_view whole, const Part& part) {
  const std::size_t first = std::min(part.text.find_first_not_of(" \t"), part.text.size());
  const std::size_t last = part.text.find_last_not_of(" \t");
  const std::size_t count = last == std::string_view::npos ? 0 : last + 1 - first;
  return {whole.substr(part.offset + first, count), part.offset + first};
}

std::vector<Part> split(std::string_view whole, const Part& part, char separator) {
  std::vector<Part> pieces;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= part.text.size(); ++i) {
    if (i < part.text.size()) {
      if (part.text[i] == '(') ++depth;
      if (part.text[i] == ')') --depth;
      if (part.text[i] != separator || depth > 0) continue;
    }
    pieces.push_back(trimmed(whole, {part.text.substr(begin, i - begin), part.offset + begin}));
    begin = i + 1;
  }
  return pieces;
}

void fail(const Source& source, const Part& part, const std::string& message) {
  const auto column = static_cast<int>(part.offset) + 1;
  throw SpecError(message + " at column " + std::to_string(column) + " of " +
                      std::string(source.what) + " '" + shortened(source.whole) + "'",
                  column);
}

void in_part(const Source& source, const Part& part, const std::function<void()>& parse) {
  try {
    parse();
  } catch (const SpecError& error) {
    const int column = static_cast<int>(part.offset) + error.column();
    std::string message = error.what();
    const std::string own = "at column " + std::to_string(error.column());
    if (const auto at = message.find(own); at != std::string::npos) {
      message.replace(at, own.size(), "at column " + std::to_string(column));
    }
    throw SpecError(
        message + " in " + std::string(source.what) + " '" + shortened(source.whole) + "'", column);
  }
}

int read_number(const Source& source, const Part& part, std::string_view what, int low, int high) {
  int value = 0;
  const char* const end = part.text.data() + part.text.size();
  const auto [stop, error] = std::from_chars(part.text.data(), end, value);
  if (error != std::errc{} || stop != end || value < low || value > high) {
    fail(source, part,
         "expected " + std::string(what) + ", " + std::to_string(low) + " to " +
             std::to_string(high) + ",");
  }
  return value;
}

}  // namespace halfulp::spec_parts
