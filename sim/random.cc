#include "sim/random.h"

#include <algorithm>
#include <cmath>

#include "sim/elementary.h"
#include "sim/philox.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/random.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/random-inl.h"
#include "sim/random_draws-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

void random_words_kernel(const RandomStream& stream, std::uint64_t first_index, std::uint32_t* out,
                         std::uint64_t n) {
  while (n > 0) {
    const std::uint64_t pair = first_index / kRandomPair;
    const std::uint64_t offset = first_index % kRandomPair;
    const std::uint64_t count = std::min(kRandomPair - offset, n);
    if (count == kRandomPair) {
      random_words_of_pair(stream, pair, out);
    } else {
      std::uint32_t words[kRandomPair];
      random_words_of_pair(stream, pair, words);
      std::copy_n(words + offset, count, out);
    }
    first_index += count;
    out += count;
    n -= count;
  }
}

void random_draws_kernel(const RandomStream& stream, std::uint64_t first_index, std::uint32_t* out,
                         std::uint64_t n) {
  const DrawMaker maker(stream);
  HWY_ALIGN std::uint32_t packed[kDrawChunkWords];
  HWY_ALIGN std::uint32_t draws[kDrawChunk];
  while (n > 0) {
    const std::uint64_t offset = first_index % kDrawChunk;
    const std::uint64_t count = std::min(kDrawChunk - offset, n);
    maker.make(first_index / kDrawChunk, 1, packed);
    spread_draws(packed, draws);
    std::copy_n(draws + offset, count, out);
    first_index += count;
    out += count;
    n -= count;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {

namespace {
HWY_EXPORT(random_words_kernel);
HWY_EXPORT(random_draws_kernel);
}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{kPhiloxMultiplier0} * counter[0];
    const std::uint64_t product1 = std::uint64_t{kPhiloxMultiplier1} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += kPhiloxWeyl0;
    key[1] += kPhiloxWeyl1;
  }
  return counter;
}

std::uint32_t random_word(const RandomStream& stream, std::uint64_t index) {
  const std::uint64_t chunk = index / kRandomChunk;
  const std::uint64_t offset = index % kRandomChunk;
  const std::uint64_t block = 16 * chunk + offset % 16;
  return philox4x32(philox_counter(stream, block), philox_key(stream))[offset / 16];
}

std::uint32_t random_draw(const RandomStream& stream, std::uint64_t index) {
  const std::uint64_t chunk = index / kDrawChunk;
  const std::uint64_t group = index % kDrawChunk / 16;
  const std::uint64_t lane = index % 16;
  const std::uint64_t block = kDrawChunkBlocks * chunk + lane / 2;
  const auto words = philox4x32(philox_counter(stream, block), philox_key(stream));
  const std::uint32_t word = words[2 * (group / 2) + (1 - lane % 2)];
  return group % 2 == 0 ? word & 0xFFFF : word >> 16;
}

std::uint32_t random_bits(const RandomStream& stream, std::uint64_t index, int bits) {
  return bits <= 16 ? random_draw(stream, index) >> (16 - bits)
                    : random_word(stream, index) >> (32 - bits);
}

void random_words(const RandomStream& stream, std::uint64_t first_index, std::uint32_t* out,
                  std::uint64_t n) {
  HWY_DYNAMIC_DISPATCH(random_words_kernel)(stream, first_index, out, n);
}

void random_bit_words(const RandomStream& stream, std::uint64_t first_index, int bits,
                      std::uint32_t* out, std::uint64_t n) {
  if (bits > 16) {
    random_words(stream, first_index, out, n);
  } else {
    HWY_DYNAMIC_DISPATCH(random_draws_kernel)(stream, first_index, out, n);
  }
}

double random_unit(const RandomStream& stream, std::uint64_t index) {
  return (static_cast<double>(random_word(stream, index) >> 8) + 0.5) * 0x1p-24;
}

std::uint64_t random_below(const RandomStream& stream, std::uint64_t index, std::uint64_t bound) {
  const std::uint64_t low = random_word(stream, 2 * index);
  const std::uint64_t high = random_word(stream, 2 * index + 1);
  const auto product = static_cast<unsigned __int128>(high << 32 | low) * bound;
  return static_cast<std::uint64_t>(product >> 64);
}

double random_normal(const RandomStream& stream, std::uint64_t index) {
  constexpr double kTwoPi = 6.283185307179586;
  const double radius = std::sqrt(-2.0 * pinned_log(random_unit(stream, 2 * index)));
  return radius * pinned_cos(kTwoPi * random_unit(stream, 2 * index + 1));
}

}  // namespace halfulp

#endif  // HWY_ONCE
