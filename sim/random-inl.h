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

#if HWY_TARGET == HWY_SCALAR

// One lane of 64 bits cannot be seen as two of 32 here, which the vector form needs.
HWY_INLINE void random_chunk(const RandomStream& stream, std::uint64_t chunk,
                             std::uint32_t* HWY_RESTRICT out) {
  for (std::uint64_t j = 0; j < 16; ++j) {
    const auto block = philox4x32(philox_counter(stream, 16 * chunk + j), philox_key(stream));
    for (std::size_t w = 0; w < 4; ++w) out[16 * w + j] = block[w];
  }
}

#else

/// Philox state of one vector of blocks: a 32-bit word in the low half of each 64-bit lane. The
/// high halves hold what is left of earlier products; the multiplier reads low halves only.
template <class V>
struct PhiloxLanes {
  V c0, c1, c2, c3;
};

template <class D, class V = hn::Vec<D> >
HWY_INLINE void philox_round(D d, PhiloxLanes<V>& s, V key0, V key1) {
  const hn::Repartition<std::uint32_t, D> du32;
  const V product0 = hn::MulEven(hn::BitCast(du32, s.c0), hn::Set(du32, kPhiloxMultiplier0));
  const V product1 = hn::MulEven(hn::BitCast(du32, s.c2), hn::Set(du32, kPhiloxMultiplier1));
  // Swapping halves brings down the high word as a shift would, and leaves the multiplier's port alone.
  const V high0 = hn::BitCast(d, hn::Shuffle2301(hn::BitCast(du32, product0)));
  const V high1 = hn::BitCast(d, hn::Shuffle2301(hn::BitCast(du32, product1)));
  s.c0 = hn::Xor3(high1, s.c1, key0);
  s.c2 = hn::Xor3(high0, s.c3, key1);
  s.c1 = product1;
  s.c3 = product0;
}

template <class D, class V = hn::Vec<D> >
HWY_INLINE void store_interleaved(D d, V even, V odd, std::uint32_t* HWY_RESTRICT out) {
  const V low = hn::And(even, hn::Set(d, 0xFFFFFFFFULL));
  const hn::Repartition<std::uint32_t, D> du32;
  hn::StoreU(hn::BitCast(du32, hn::Or(low, hn::ShiftLeft<32>(odd))), du32, out);
}

/// The 64 words of elements 64 chunk .. 64 chunk + 63.
HWY_INLINE void random_chunk(const RandomStream& stream, std::uint64_t chunk,
                             std::uint32_t* HWY_RESTRICT out) {
  const hn::CappedTag<std::uint64_t, 8> d;
  using V = hn::Vec<decltype(d)>;
  const std::size_t lanes = hn::Lanes(d);
  const auto first = philox_counter(stream, 16 * chunk);  // no carry within 16 blocks
  const auto key = philox_key(stream);
  for (std::size_t j = 0; j < 16; j += 2 * lanes) {
    const V index = hn::Add(hn::Set(d, first[0] + j), hn::ShiftLeft<1>(hn::Iota(d, 0)));
    const V c1 = hn::Set(d, first[1]);
    const V c2 = hn::Set(d, first[2]);
    const V c3 = hn::Set(d, first[3]);
    PhiloxLanes<V> even{index, c1, c2, c3};
    PhiloxLanes<V> odd{hn::Add(index, hn::Set(d, 1)), c1, c2, c3};
    std::uint32_t key0 = key[0];
    std::uint32_t key1 = key[1];
    for (int round = 0; round < 10; ++round) {
      philox_round(d, even, hn::Set(d, key0), hn::Set(d, key1));
      philox_round(d, odd, hn::Set(d, key0), hn::Set(d, key1));
      key0 += kPhiloxWeyl0;
      key1 += kPhiloxWeyl1;
    }
    store_interleaved(d, even.c0, odd.c0, out + j);
    store_interleaved(d, even.c1, odd.c1, out + 16 + j);
    store_interleaved(d, even.c2, odd.c2, out + 32 + j);
    store_interleaved(d, even.c3, odd.c3, out + 48 + j);
  }
}

#endif  // HWY_TARGET == HWY_SCALAR

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
