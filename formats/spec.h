// The format mini-language: text to Format and back. docs/FORMATS.md has the grammar.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "formats/format.h"

namespace halfulp {

/// A spec string that cannot be read. what() is one line with the column and up to three
/// suggestions.
class SpecError : public std::runtime_error {
 public:
  SpecError(const std::string& message, int column)
      : std::runtime_error(message), column_(column) {}

  /// 1-based column in the text that was parsed.
  int column() const { return column_; }

 private:
  int column_;
};

/// Reads a format in any accepted spelling ("e4m3fn", "torch.float8_e4m3fn", "E4M3", "e3m7",
/// "float(4,3,bias=9,finite)", "int4", "uint8"). Throws SpecError.
Format parse_format(std::string_view text);

/// As parse_format; `note` receives a remark when a name is one that people read in two ways
/// ("e4m3 read as e4m3fn (OCP, max 448); the IEEE-like type is e4m3ieee"), else is cleared.
Format parse_format(std::string_view text, std::string& note);

/// The one canonical spelling; parse_format(to_spec(f)) == f.
std::string to_spec(const Format& format);

/// Why the parameters cannot be a format, with the remedy; empty when they can.
std::string format_fault(const Format& format);
/// Throws SpecError (column 1) with format_fault(). For formats that did not come from
/// parse_format.
void check_format(const Format& format);

/// The candidates nearest to `text` (edit distance and shared words), best first; at most `limit`.
/// Also used for configuration keys.
std::vector<std::string> nearest_names(std::string_view text,
                                       const std::vector<std::string>& candidates,
                                       std::size_t limit = 3);

}  // namespace halfulp
