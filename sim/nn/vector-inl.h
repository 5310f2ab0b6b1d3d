// Vector helpers of the training kernels, compiled once per SIMD target: exp and sigmoid with
// pinned bits, and the lane sum (see kernels.h).
#if defined(HALFULP_SIM_NN_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_NN_VECTOR_INL_H_
#undef HALFULP_SIM_NN_VECTOR_INL_H_
#else
#define HALFULP_SIM_NN_VECTOR_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <limits>

HWY_BEFORE_NAMESPACE();

namespace halfulp::nn {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// At most 16 lanes, so that one declared order of sums serves every target.
template <class T>
using Tag = hn::CappedTag<T, 16>;
template <class T>
using Vec = hn::Vec<Tag<T>>;

inline constexpr std::size_t kSumLanes = 16;

template <class T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
  static constexpr float kMagic = 12582912.0F;  // 1.5 2^23: adding it rounds to an integer
  static constexpr float kLog2E = 1.44269504F;
  static constexpr float kLn2High = 0.693359375F;  // 9 bits: k * kLn2High is exact
  static constexpr float kLn2Low = -2.12194440e-4F;
  static constexpr float kLowest = -87.33654F;  // exp of less would be subnormal: flushed to 0
  static constexpr float kHighest = 88.72283F;
  static constexpr int kBias = 127, kMantissa = 23;
  static constexpr int kTerms = 8;  // 1/0! .. 1/7!: omitted term below 2^-27
};

template <>
struct ExpConstants<double> {
  static constexpr double kMagic = 6755399441055744.0;
  static constexpr double kLog2E = 1.4426950408889634074;
  static constexpr double kLn2High = 6.93147180369123816490e-01;
  static constexpr double kLn2Low = 1.90821492927058770002e-10;
  static constexpr double kLowest = -708.39641853226408;
  static constexpr double kHighest = 709.78271289338397;
  static constexpr int kBias = 1023, kMantissa = 52;
  static constexpr int kTerms = 14;
};

/// e^x within 2 ulp; 0 below the smallest normal result, infinity above the largest, NaN for NaN.
template <class T>
HWY_INLINE Vec<T> Exp(Vec<T> x) {
  using C = ExpConstants<T>;
  const Tag<T> d;
  const hn::RebindToSigned<Tag<T>> di;
  const auto bounded = hn::Min(hn::Max(x, hn::Set(d, C::kLowest)), hn::Set(d, C::kHighest));
  const auto magic = hn::Set(d, C::kMagic);
  const auto shifted = hn::Add(hn::Mul(bounded, hn::Set(d, C::kLog2E)), magic);
  const auto k = hn::Sub(shifted, magic);
  auto r = hn::Sub(bounded, hn::Mul(k, hn::Set(d, C::kLn2High)));
  r = hn::Sub(r, hn::Mul(k, hn::Set(d, C::kLn2Low)));
  T factorial = 1;
  for (int i = 2; i < C::kTerms; ++i) factorial *= static_cast<T>(i);
  auto sum = hn::Set(d, T{1} / factorial);
  for (int i = C::kTerms - 1; i > 0; --i) {
    factorial /= static_cast<T>(i);
    sum = hn::Add(hn::Mul(sum, r), hn::Set(d, T{1} / factorial));
  }
  // 2^k in two factors: k reaches bias + 1 at the top.
  const auto integer = hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, magic));
  const auto half = hn::ShiftRight<1>(integer);
  const auto bias = hn::Set(di, C::kBias);
  const auto power = [&](auto e) HWY_ATTR {
    return hn::BitCast(d, hn::ShiftLeft<C::kMantissa>(hn::Add(e, bias)));
  };
  auto result = hn::Mul(hn::Mul(sum, power(half)), power(hn::Sub(integer, half)));
  result = hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, C::kLowest)), result);
  result = hn::IfThenElse(hn::Gt(x, hn::Set(d, C::kHighest)),
                          hn::Set(d, std::numeric_limits<T>::infinity()), result);
  return hn::IfThenElse(hn::Eq(x, x), result, x);
}

/// 1 / (1 + e^-x).
template <class T>
HWY_INLINE Vec<T> Sigmoid(Vec<T> x) {
  const Tag<T> d;
  const auto one = hn::Set(d, T{1});
  return hn::Div(one, hn::Add(one, Exp<T>(hn::Neg(x))));
}

/// Folds sixteen partial sums in halves.
template <class T>
HWY_INLINE T FoldLanes(T* lanes) {
  for (std::size_t width = kSumLanes / 2; width > 0; width /= 2) {
    for (std::size_t j = 0; j < width; ++j) lanes[j] += lanes[j + width];
  }
  return lanes[0];
}

/// The lane sum of term(i) for i in [0, n): `term(pointer offset)` gives the vector of elements
/// offset .. offset + Lanes - 1; `tail(i)` gives the single element i.
template <class T, class Term, class Tail>
HWY_INLINE T LaneSum(std::size_t n, const Term& term, const Tail& tail) {
  const Tag<T> d;
  constexpr std::size_t kLanes = hn::MaxLanes(Tag<T>());
  constexpr std::size_t kVectors = kSumLanes / kLanes;
  Vec<T> sums[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) sums[v] = hn::Zero(d);
  std::size_t i = 0;
  for (; i + kSumLanes <= n; i += kSumLanes) {
    for (std::size_t v = 0; v < kVectors; ++v) sums[v] = hn::Add(sums[v], term(i + v * kLanes));
  }
  HWY_ALIGN T lanes[kSumLanes];
  for (std::size_t v = 0; v < kVectors; ++v) hn::Store(sums[v], d, lanes + v * kLanes);
  for (std::size_t j = 0; i + j < n; ++j) lanes[j] += tail(i + j);
  return FoldLanes(lanes);
}

/// Applies body(vector offset) to full vectors and, for the rest, last(offset, count).
template <class T, class Body, class Last>
HWY_INLINE void ForEachVector(std::size_t n, const Body& body, const Last& last) {
  constexpr std::size_t kLanes = hn::MaxLanes(Tag<T>());
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i);
  if (i < n) last(i, n - i);
}

// Targets whose masked loads and stores do not touch what the mask excludes.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
#define HALFULP_HAS_MASKED_MEMORY 1
#else
#define HALFULP_HAS_MASKED_MEMORY 0
#endif

/// Loads `count` < Lanes elements, zeros elsewhere.
template <class T>
HWY_INLINE Vec<T> LoadPart(const T* p, std::size_t count) {
  const Tag<T> d;
#if HALFULP_HAS_MASKED_MEMORY
  return hn::MaskedLoad(hn::FirstN(d, count), d, p);
#else
  HWY_ALIGN T buffer[kSumLanes] = {};
  for (std::size_t j = 0; j < count; ++j) buffer[j] = p[j];
  return hn::Load(d, buffer);
#endif
}

template <class T>
HWY_INLINE void StorePart(Vec<T> v, T* p, std::size_t count) {
  const Tag<T> d;
#if HALFULP_HAS_MASKED_MEMORY
  hn::BlendedStore(v, hn::FirstN(d, count), d, p);
#else
  HWY_ALIGN T buffer[kSumLanes];
  hn::Store(v, d, buffer);
  for (std::size_t j = 0; j < count; ++j) p[j] = buffer[j];
#endif
}

#undef HALFULP_HAS_MASKED_MEMORY

/// The two results of a map.
template <class T>
struct Pair {
  Vec<T> first, second;
};

/// (out1[i], out2[i]) = f(in1[i], in2[i], ...); all inputs of a vector are read before it is
/// written.
template <class T, class F, class... In>
HWY_INLINE void MapPair(T* out1, T* out2, std::size_t n, const F& f, const In*... in) {
  const Tag<T> d;
  ForEachVector<T>(
      n,
      [&](std::size_t i) HWY_ATTR {
        const Pair<T> pair = f(hn::LoadU(d, in + i)...);
        hn::StoreU(pair.first, d, out1 + i);
        hn::StoreU(pair.second, d, out2 + i);
      },
      [&](std::size_t i, std::size_t count) HWY_ATTR {
        const Pair<T> pair = f(LoadPart<T>(in + i, count)...);
        StorePart<T>(pair.first, out1 + i, count);
        StorePart<T>(pair.second, out2 + i, count);
      });
}

/// out[i] = f(in1[i], in2[i], ...) for whole arrays; f works on vectors.
template <class T, class F, class... In>
HWY_INLINE void Map(T* out, std::size_t n, const F& f, const In*... in) {
  const Tag<T> d;
  ForEachVector<T>(
      n, [&](std::size_t i) HWY_ATTR { hn::StoreU(f(hn::LoadU(d, in + i)...), d, out + i); },
      [&](std::size_t i, std::size_t count)
          HWY_ATTR { StorePart<T>(f(LoadPart<T>(in + i, count)...), out + i, count); });
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp::nn

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_NN_VECTOR_INL_H_
