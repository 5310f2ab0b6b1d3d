// A code: the bits of one number, as an unsigned integer of up to 128 bits.
#pragma once

#include <bit>
#include <cstdint>

namespace halfulp {

__extension__ using uint128 = unsigned __int128;
__extension__ using int128 = __int128;

/// The low width(format) bits hold the code; the others are zero.
using Code = uint128;

/// Bits needed to write `x`: 0 for 0.
inline int bit_width(uint128 x) {
  const auto high = static_cast<std::uint64_t>(x >> 64);
  const auto low = static_cast<std::uint64_t>(x);
  return high != 0 ? 64 + static_cast<int>(std::bit_width(high))
                   : static_cast<int>(std::bit_width(low));
}

/// 2^bits - 1 for bits in [0, 128].
constexpr Code low_code_bits(int bits) { return bits >= 128 ? ~Code{0} : (Code{1} << bits) - 1; }

}  // namespace halfulp
