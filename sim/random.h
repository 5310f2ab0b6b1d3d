// Counter-based randomness: Philox4x32-10 (Salmon et al., SC 2011). A random word is a pure
// function of (seed, stream, step, tensor, element index), so results never depend on order,
// chunking or threads.
#pragma once

#include <array>
#include <cstdint>

namespace halfulp {

/// One independent sequence of 32-bit words.
struct RandomStream {
  std::uint64_t seed = 0;    ///< Philox key (low word first)
  std::uint32_t stream = 0;  ///< what the bits are for: see RandomPurpose (sim/random_purpose.h)
  std::uint32_t tensor = 0;  ///< which tensor, or other sub-stream
  std::uint32_t step = 0;    ///< training step, or other time
};

/// Ten rounds; counter and key little end first. Matches Random123, NumPy and cuRAND for equal
/// inputs.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// The word of element `index` of `stream`.
///
/// Layout, chosen so that vector code needs no shuffles: elements come in chunks of 64; element
/// 64 c + 16 w + j (w < 4, j < 16) is word w of block 16 c + j. The block's counter is
/// {block, step, tensor, stream | high bits of block << 8}; the key is the seed.
std::uint32_t random_word(const RandomStream& stream, std::uint64_t index);

/// Words first_index .. first_index + n - 1, vectorized; equal to random_word() for each.
void random_words(const RandomStream& stream, std::uint64_t first_index, std::uint32_t* out,
                  std::uint64_t n);

/// The 16-bit draw of element `index` of `stream`, for decisions that need no more bits: two to a
/// word.
///
/// Layout, chosen so that vector code packs two words of a block by one shift and one xor: elements
/// come in chunks of 64; element 64 c + 16 g + l (g < 4, l < 16) is in block 8 c + l / 2, word
/// 2 (g / 2) + (1 - l mod 2), low half for even g and high half for odd g. Counter and key are
/// those of random_word().
std::uint32_t random_draw(const RandomStream& stream, std::uint64_t index);

/// R of stochastic rounding with `bits` random bits (1 to 32): the high bits of random_draw() up to
/// 16, of random_word() above.
std::uint32_t random_bits(const RandomStream& stream, std::uint64_t index, int bits);

/// Words whose high `bits` bits are random_bits() of elements first_index .. first_index + n - 1,
/// vectorized. What lies below them is not defined.
void random_bit_words(const RandomStream& stream, std::uint64_t first_index, int bits,
                      std::uint32_t* out, std::uint64_t n);

/// Uniform in (0, 1): (word >> 8 + 0.5) 2^-24, exact in binary64.
double random_unit(const RandomStream& stream, std::uint64_t index);

/// Uniform integer in [0, bound), 0 for bound 0, by multiply-high from 64 random bits: element 2
/// index is the low half, 2 index + 1 the high one. Bias below bound 2^-64.
std::uint64_t random_below(const RandomStream& stream, std::uint64_t index, std::uint64_t bound);

/// Standard normal by Box-Muller from elements 2 index and 2 index + 1, with pinned log, sqrt, cos.
double random_normal(const RandomStream& stream, std::uint64_t index);

}  // namespace halfulp
