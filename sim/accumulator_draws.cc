#include "sim/accumulator_draws.h"

#include <cstddef>

#include "sim/philox.h"

namespace halfulp {

AesBlock draw_state(const RandomStream& stream, std::uint64_t block) {
  const auto words = philox4x32(philox_counter(stream, block), philox_key(stream));
  AesBlock bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(words[i / 4] >> 8 * (i % 4));
  }
  return bytes;
}

AesBlock draw_key(const RandomStream& stream, std::uint64_t row) {
  constexpr std::uint32_t kKeys = std::uint32_t{1} << 31;
  RandomStream keys = stream;
  keys.tensor |= kKeys;
  return draw_state(keys, row);
}

std::uint32_t accumulator_draw(const RandomStream& stream, std::uint64_t row, std::uint64_t column,
                               std::uint64_t columns, std::uint64_t j, bool shared) {
  AesBlock block = draw_state(stream, j * ((columns + 7) / 8) + column / 8);
  const AesBlock key = draw_key(stream, row);
  for (std::size_t i = 0; i < block.size(); ++i) block[i] ^= key[i];
  if (!shared) block = aes_round(block);
  const std::size_t lane = 2 * (column % 8);
  return static_cast<std::uint32_t>(block[lane] | block[lane + 1] << 8);
}

}  // namespace halfulp
