// Philox4x32's constants and the layout of counter and key, shared by the scalar and the vector
// form. Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>

#include "sim/random.h"

namespace halfulp {

inline constexpr std::uint32_t kPhiloxMultiplier0 = 0xD2511F53;
inline constexpr std::uint32_t kPhiloxMultiplier1 = 0xCD9E8D57;
inline constexpr std::uint32_t kPhiloxWeyl0 = 0x9E3779B9;
inline constexpr std::uint32_t kPhiloxWeyl1 = 0xBB67AE85;

/// Elements of one chunk: 16 blocks of 4 words (random_word in random.h has the layout).
inline constexpr std::uint64_t kRandomChunk = 64;

/// Elements of one chunk of 16-bit draws: 8 blocks (random_draw in random.h has the layout).
inline constexpr std::uint64_t kDrawChunk = 64;
inline constexpr std::uint64_t kDrawChunkBlocks = 8;
/// 32-bit words that hold the draws of one chunk.
inline constexpr std::size_t kDrawChunkWords = 32;

inline std::array<std::uint32_t, 4> philox_counter(const RandomStream& stream,
                                                   std::uint64_t block) {
  return {static_cast<std::uint32_t>(block), stream.step, stream.tensor,
          stream.stream | static_cast<std::uint32_t>(block >> 32) << 8};
}

inline std::array<std::uint32_t, 2> philox_key(const RandomStream& stream) {
  return {static_cast<std::uint32_t>(stream.seed), static_cast<std::uint32_t>(stream.seed >> 32)};
}

}  // namespace halfulp
