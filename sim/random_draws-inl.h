// Vector form of random_draw() (random.h), for kernels that consume 16-bit draws as they are made.
// Included once per SIMD target.
#if defined(HALFULP_SIM_RANDOM_DRAWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_RANDOM_DRAWS_INL_H_
#undef HALFULP_SIM_RANDOM_DRAWS_INL_H_
#else
#define HALFULP_SIM_RANDOM_DRAWS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "sim/philox.h"
#include "sim/random.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Chunks that DrawMaker makes at once at its best speed.
inline constexpr std::uint64_t kDrawQuad = 4;

/// Makes the draws of a stream: kDrawChunkWords words a chunk, the first 16 with the draws of
/// elements 0 to 15 in their low halves and 16 to 31 in their high halves, the others likewise with
/// elements 32 to 63.
///
/// Three of the four counter words are the same in all blocks, so half of the first two rounds
/// is done here, once. The last round leaves its high product in the high halves, beside the low
/// product, which is two finished words in one.
#if HWY_TARGET == HWY_SCALAR

// One lane of 64 bits cannot be seen as two of 32 here, which the vector form needs.
class DrawMaker {
 public:
  explicit HWY_INLINE DrawMaker(const RandomStream& stream) : stream_(stream) {}

  HWY_INLINE void make(std::uint64_t first_chunk, std::uint64_t chunks,
                       std::uint32_t* HWY_RESTRICT out) const {
    for (std::uint64_t j = 0; j < chunks * kDrawChunkBlocks; ++j) {
      const std::uint64_t block = first_chunk * kDrawChunkBlocks + j;
      const auto words = philox4x32(philox_counter(stream_, block), philox_key(stream_));
      for (std::size_t w = 0; w < 4; ++w) {
        const std::uint64_t lane = 2 * (j % kDrawChunkBlocks) + 1 - w % 2;
        out[kDrawChunkWords * (j / kDrawChunkBlocks) + 16 * (w / 2) + lane] = words[w];
      }
    }
  }

 private:
  RandomStream stream_;
};

#else

class DrawMaker {
 public:
  explicit HWY_INLINE DrawMaker(const RandomStream& stream) : stream_(stream) {
    const auto key = philox_key(stream);
    std::uint32_t k0 = key[0];
    std::uint32_t k1 = key[1];
    for (std::size_t round = 0; round < 10; ++round) {
      key0_[round] = k0;
      key1_[round] = k1;
      k0 += kPhiloxWeyl0;
      k1 += kPhiloxWeyl1;
    }
    key0_[9] <<= 32;  // of the last round, where results are in the high halves
    key1_[9] <<= 32;
  }

  /// `first_chunk` to `first_chunk` + `chunks` must not cross a multiple of kDrawQuad.
  HWY_INLINE void make(std::uint64_t first_chunk, std::uint64_t chunks,
                       std::uint32_t* HWY_RESTRICT out) const {
    const D d;
    const std::size_t lanes = hn::Lanes(d);
    const Head head(stream_, key0_, key1_, first_chunk * kDrawChunkBlocks);
    const std::size_t blocks = chunks * kDrawChunkBlocks;
    std::size_t block = 0;
    for (; block + kChains * lanes <= blocks; block += kChains * lanes) {
      make_chains<kChains>(head, block, out);
    }
    for (; block < blocks; block += lanes) make_chains<1>(head, block, out);
  }

 private:
  using D = hn::CappedTag<std::uint64_t, 8>;
  using D32 = hn::Repartition<std::uint32_t, D>;
  using V = hn::Vec<D>;
  // Independent chains of rounds, to hide the multiplier's latency; 32 registers hold four.
  static constexpr std::size_t kChains = HWY_TARGET <= HWY_AVX3 ? 4 : 2;

  /// What the first rounds need that is the same in all blocks.
  struct Head {
    std::uint32_t first_block, word2_of_round1, word0_of_round2, word2_of_round2, word2_of_round3;

    HWY_INLINE Head(const RandomStream& stream, const std::uint64_t* key0,
                    const std::uint64_t* key1, std::uint64_t block) {
      const auto counter = philox_counter(stream, block);
      const auto key = [](std::uint64_t k) { return static_cast<std::uint32_t>(k); };
      first_block = counter[0];
      const std::uint64_t product1 = std::uint64_t{kPhiloxMultiplier1} * counter[2];
      const auto c0 = static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key(key0[0]);
      const auto c1 = static_cast<std::uint32_t>(product1);
      word2_of_round1 = counter[3] ^ key(key1[0]);
      const std::uint64_t product0 = std::uint64_t{kPhiloxMultiplier0} * c0;
      word0_of_round2 = c1 ^ key(key0[1]);
      word2_of_round2 = static_cast<std::uint32_t>(product0 >> 32) ^ key(key1[1]);
      word2_of_round3 = static_cast<std::uint32_t>(product0) ^ key(key1[2]);
    }
  };

  /// The product of the low halves, in both halves.
  static HWY_INLINE V multiply(V v, std::uint32_t factor) {
    return hn::BitCast(D(), hn::MulEven(hn::BitCast(D32(), v), hn::Set(D32(), factor)));
  }

  /// Brings down the high word as a shift would, and leaves the multiplier's port alone. The high
  /// halves then hold rests of earlier products; the multiplier reads low halves only.
  static HWY_INLINE V swapped(V v) {
    return hn::BitCast(D(), hn::Shuffle2301(hn::BitCast(D32(), v)));
  }

  template <std::size_t kCount>
  HWY_INLINE void make_chains(const Head& head, std::size_t block,
                              std::uint32_t* HWY_RESTRICT out) const {
    const D d;
    const std::size_t lanes = hn::Lanes(d);
    V c0[kCount], c1[kCount], c2[kCount], c3[kCount];
    for (std::size_t i = 0; i < kCount; ++i) {
      // No carry into the high word of the counter: quads of chunks do not cross 2^32.
      const V own = hn::Add(hn::Set(d, head.first_block + block + i * lanes), hn::Iota(d, 0));
      const V product0 = multiply(own, kPhiloxMultiplier0);
      const V word2 = hn::Xor(swapped(product0), hn::Set(d, head.word2_of_round1));
      const V product1 = multiply(word2, kPhiloxMultiplier1);
      c0[i] = hn::Xor(swapped(product1), hn::Set(d, head.word0_of_round2));
      c1[i] = product1;
      c2[i] = hn::Xor(product0, hn::Set(d, head.word2_of_round2));
      c3[i] = hn::Zero(d);
    }
    for (std::size_t round = 2; round < 9; ++round) {
      const V key0 = hn::Set(d, key0_[round]);
      const V key1 = hn::Set(d, round == 2 ? head.word2_of_round3 : key1_[round]);
      for (std::size_t i = 0; i < kCount; ++i) {
        const V product0 = multiply(c0[i], kPhiloxMultiplier0);
        const V product1 = multiply(c2[i], kPhiloxMultiplier1);
        c0[i] = hn::Xor3(swapped(product1), c1[i], key0);
        c2[i] = hn::Xor3(swapped(product0), c3[i], key1);
        c1[i] = product1;
        c3[i] = product0;
      }
    }
    for (std::size_t i = 0; i < kCount; ++i) {
      const V product0 = multiply(c0[i], kPhiloxMultiplier0);
      const V product1 = multiply(c2[i], kPhiloxMultiplier1);
      const V words01 = hn::Xor3(product1, hn::ShiftLeft<32>(c1[i]), hn::Set(d, key0_[9]));
      const V words23 = hn::Xor3(product0, hn::ShiftLeft<32>(c3[i]), hn::Set(d, key1_[9]));
      const std::size_t at = block + i * lanes;
      std::uint32_t* place =
          out + kDrawChunkWords * (at / kDrawChunkBlocks) + 2 * (at % kDrawChunkBlocks);
      hn::StoreU(hn::BitCast(D32(), words01), D32(), place);
      hn::StoreU(hn::BitCast(D32(), words23), D32(), place + 16);
    }
  }

  RandomStream stream_;
  std::uint64_t key0_[10];
  std::uint64_t key1_[10];
};

#endif  // HWY_TARGET == HWY_SCALAR

/// Draws of one chunk in the order of its elements, each in the high half of a word.
HWY_INLINE void spread_draws(const std::uint32_t* HWY_RESTRICT words,
                             std::uint32_t* HWY_RESTRICT out) {
  const hn::CappedTag<std::uint32_t, 16> du;
  for (std::size_t half = 0; half < 2; ++half) {
    for (std::size_t l = 0; l < 16; l += hn::Lanes(du)) {
      const auto word = hn::LoadU(du, words + 16 * half + l);
      hn::StoreU(hn::ShiftLeft<16>(word), du, out + 32 * half + l);
      hn::StoreU(hn::And(word, hn::Set(du, 0xFFFF0000U)), du, out + 32 * half + 16 + l);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
