// Random bits of stochastic rounding inside matrix products: one 16-bit draw for each rounding of
// each element, cheap enough for one multiply-add.
#pragma once

#include <cstdint>

#include "sim/aes_round.h"
#include "sim/random.h"

namespace halfulp {

/// The draw of the j-th stochastic rounding of element (row, column) of a result with `columns`
/// columns; its low N bits are R.
///
/// Eight adjacent columns share a Philox block: state = block (j * ceil(columns / 8) + column / 8)
/// of `stream`, key = block `row` of the stream with its tensor's top bit set. Independent draws
/// are the 16-bit lanes (column mod 8, little end first) of one AES round (SubBytes, ShiftRows,
/// MixColumns) of state xor key: uniform, independent between columns and between j, and
/// decorrelated between rows by the S-box. Shared draws are those of state xor key itself.
std::uint32_t accumulator_draw(const RandomStream& stream, std::uint64_t row, std::uint64_t column,
                               std::uint64_t columns, std::uint64_t j, bool shared);

/// The bytes of `state` and `key` above: words of a Philox block, each little end first.
AesBlock draw_state(const RandomStream& stream, std::uint64_t block);
AesBlock draw_key(const RandomStream& stream, std::uint64_t row);

}  // namespace halfulp
