#pragma once

#include <string>
#include <string_view>

namespace halfulp {

/// XXH3-128 of the bytes as 32 hex digits, in XXH's canonical (big-endian) order.
std::string xxh3_128_hex(std::string_view bytes);

}  // namespace halfulp
