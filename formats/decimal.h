// Decimal to binary with the first 128 bits exact. Used by number_text.cc.
#pragma once

#include <cstdint>
#include <string_view>

#include "formats/wide_number.h"

namespace halfulp {

/// digits * 10^exponent10 as a positive finite number. `digits` holds decimal digits only, the
/// first not '0'. Exact but for what lies below the 128th significant bit, which `sticky` tells.
WideNumber decimal_to_binary(std::string_view digits, std::int64_t exponent10);

}  // namespace halfulp
