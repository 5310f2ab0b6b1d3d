// A user's list of values as text: inline, "codebook(-1,-0.5,0,0.5,1)", or in a file,
// "codebook(file=values.txt)" with one number a line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/format.h"

namespace halfulp::ordered {

/// The list, or nothing when `text` does not start with "codebook". Numbers are decimals or
/// hexadecimal floats that binary64 holds, or that are rounded to it. In a file a # starts a
/// comment. Throws SpecError with the column, or the file and line.
std::optional<Format> parse_codebook(std::string_view text, int column);

/// The name of the book, or the inline list with the shortest decimals that read back.
std::string codebook_text(const CodebookFormat& format);

}  // namespace halfulp::ordered
