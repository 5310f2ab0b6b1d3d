// Vector form of random.h, for kernels that consume words as they are made.
// Included once per SIMD target, hence the guard by HWY_TARGET_TOGGLE.
#if defined(HALFULP_SIM_RANDOM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_RANDOM_INL_H_
#undef HALFULP_SIM_RANDOM_INL_H_
#else
#define HALFULP_SIM_RANDOM_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "sim/philox.h"
#include "sim/random.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Elements that random_words_of_pair() makes at once.
inline constexpr std::uint64_t kRandomPair = 2 * kRandomChunk;

#if HWY_TARGET == HWY_SCALAR

// One lane of 64 bits cannot be seen as two of 32 here, which the vector form needs.
HWY_INLINE void random_words_of_pair(const RandomStream& stream, std::uint64_t pair,
                                     std::uint32_t* HWY_RESTRICT out) {
  for (std::uint64_t j = 0; j < kRandomPair / 4; ++j) {
    const std::uint64_t block = pair * (kRandomPair / 4) + j;
    const auto words = philox4x32(philox_counter(stream, block), philox_key(stream));
    for (std::size_t w = 0; w < 4; ++w) out[64 * (j / 16) + 16 * w + j % 16] = words[w];
  }
}

#else

/// States of a vector of even blocks and the odd blocks between them: a 32-bit word in the low half
/// of each 64-bit lane. The high halves hold what is left of earlier products; the multiplier reads
/// low halves only.
struct PhiloxPair {
  using D = hn::CappedTag<std::uint64_t, 8>;
  using D32 = hn::Repartition<std::uint32_t, D>;
  using V = hn::Vec<D>;

  V even0, even1, even2, even3;
  V odd0, odd1, odd2, odd3;

  HWY_INLINE PhiloxPair(const RandomStream& stream, std::uint64_t first_block) {
    const D d;
    const auto counter = philox_counter(stream, first_block);
    even0 = hn::Add(hn::Set(d, counter[0]), hn::ShiftLeft<1>(hn::Iota(d, 0)));
    odd0 = hn::Add(even0, hn::Set(d, 1));  // no carry: vectors do not cross a chunk
    even1 = odd1 = hn::Set(d, counter[1]);
    even2 = odd2 = hn::Set(d, counter[2]);
    even3 = odd3 = hn::Set(d, counter[3]);
  }

  /// Brings down the high word as a shift would, and leaves the multiplier's port alone.
  static HWY_INLINE V swap_halves(V v) {
    return hn::BitCast(D(), hn::Shuffle2301(hn::BitCast(D32(), v)));
  }

  static HWY_INLINE void round(V& c0, V& c1, V& c2, V& c3, V key0, V key1) {
    const D32 d32;
    const V product0 = hn::MulEven(hn::BitCast(d32, c0), hn::Set(d32, kPhiloxMultiplier0));
    const V product1 = hn::MulEven(hn::BitCast(d32, c2), hn::Set(d32, kPhiloxMultiplier1));
    c0 = hn::Xor3(swap_halves(product1), c1, key0);
    c2 = hn::Xor3(swap_halves(product0), c3, key1);
    c1 = product1;
    c3 = product0;
  }

  HWY_INLINE void round(V key0, V key1) {
    round(even0, even1, even2, even3, key0, key1);
    round(odd0, odd1, odd2, odd3, key0, key1);
  }

  static HWY_INLINE void store_word(V even, V odd, std::uint32_t* HWY_RESTRICT out) {
    const D d;
    const V low = hn::And(even, hn::Set(d, 0xFFFFFFFFULL));
    hn::StoreU(hn::BitCast(D32(), hn::Or(low, hn::ShiftLeft<32>(odd))), D32(), out);
  }

  HWY_INLINE void store(std::uint32_t* HWY_RESTRICT out) const {
    store_word(even0, odd0, out);
    store_word(even1, odd1, out + 16);
    store_word(even2, odd2, out + 32);
    store_word(even3, odd3, out + 48);
  }
};

/// The words of elements 128 pair .. 128 pair + 127. Four chains of rounds hide the multiplier's
/// latency.
HWY_INLINE void random_words_of_pair(const RandomStream& stream, std::uint64_t pair,
                                     std::uint32_t* HWY_RESTRICT out) {
  const PhiloxPair::D d;
  const std::size_t step = 2 * hn::Lanes(d);  // blocks of one PhiloxPair
  const std::uint64_t first_block = pair * (kRandomPair / 4);
  const auto key = philox_key(stream);
  const auto place = [&](std::size_t block) { return out + 64 * (block / 16) + block % 16; };
  for (std::size_t block = 0; block < kRandomPair / 4; block += 2 * step) {
    PhiloxPair a(stream, first_block + block);
    PhiloxPair b(stream, first_block + block + step);
    std::uint32_t key0 = key[0];
    std::uint32_t key1 = key[1];
    for (int round = 0; round < 10; ++round) {
      const auto k0 = hn::Set(d, key0);
      const auto k1 = hn::Set(d, key1);
      a.round(k0, k1);
      b.round(k0, k1);
      key0 += kPhiloxWeyl0;
      key1 += kPhiloxWeyl1;
    }
    a.store(place(block));
    b.store(place(block + step));
  }
}

#endif  // HWY_TARGET == HWY_SCALAR

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
