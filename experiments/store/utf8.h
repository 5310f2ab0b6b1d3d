#pragma once

#include <string>
#include <string_view>

namespace halfulp {

/// `text` with every byte that is not part of well-formed UTF-8 (RFC 3629: no surrogates, no
/// overlong forms, nothing above U+10FFFF) and every NUL replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

}  // namespace halfulp
