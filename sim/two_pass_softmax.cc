#include "sim/two_pass_softmax.h"

#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/two_pass_softmax.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/fused-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::CappedTag<float, 16>;
using DI = hn::RebindToSigned<DF>;
using V = hn::Vec<DF>;

constexpr std::size_t kSums = 16;
/// Exponent of nothing: so low that its factor is 0 beside any term.
constexpr float kNoExponent = -std::numeric_limits<float>::max();
constexpr float kLargestExponent = 4194304.0F;

/// v 2^n on each lane.
struct Pairs {
  V v, n;
};

HWY_INLINE V FusedOf(V a, V b, V c) { return FusedMulAdd(DF(), a, b, c); }

/// Polynomial in t and n with exp x = polynomial 2^n.
HWY_INLINE Pairs Exponential(V x) {
  const DF d;
  const auto constant = [&](float c) HWY_ATTR { return hn::Set(d, c); };
  const V n = hn::Round(hn::Mul(x, constant(0x1.715476p+0F)));
  const V minus_n = hn::Neg(n);
  V t = FusedOf(minus_n, constant(0x1.62E430p-1F), x);
  t = FusedOf(minus_n, constant(-0x1.05C610p-29F), t);
  V p = FusedOf(constant(0x1.0F9F9Cp-7F), t, constant(0x1.573A1Ap-5F));
  p = FusedOf(p, t, constant(0x1.555A80p-3F));
  p = FusedOf(p, t, constant(0x1.FFFDC6p-2F));
  p = FusedOf(p, t, constant(0x1.FFFFF6p-1F));
  p = FusedOf(p, t, constant(1.0F));
  const auto limit = constant(kLargestExponent);
  const auto is_empty = hn::Lt(n, hn::Neg(limit));
  const auto is_lost = hn::Not(hn::Le(n, limit));  // NaN too
  p = hn::IfThenElse(is_lost, hn::Set(d, std::numeric_limits<float>::quiet_NaN()), p);
  const V whole = hn::IfThenZeroElse(is_lost, n);
  return {hn::IfThenZeroElse(is_empty, p),
          hn::IfThenElse(is_empty, hn::Set(d, kNoExponent), whole)};
}

/// 2^(n - top), 0 from 2^-127 on; n at most top.
HWY_INLINE V Factor(V n, V top) {
  const DF d;
  const DI di;
  const V delta = hn::Max(hn::Sub(n, top), hn::Set(d, -127.0F));
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, delta), hn::Set(di, 127))));
}

/// Of two empty pairs the top is kNoExponent, and the factors are 1.
HWY_INLINE Pairs Added(const Pairs& sum, const Pairs& term) {
  const V top = hn::Max(sum.n, term.n);
  const V before = hn::Mul(sum.v, Factor(sum.n, top));
  return {FusedOf(term.v, Factor(term.n, top), before), top};
}

struct Scalar {
  float v, n;
};

/// The pair of 16 lanes, folded in halves.
HWY_INLINE Scalar Folded(float* v, float* n) {
  const DF d;
  for (std::size_t half = kSums / 2; half > 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j) {
      const Pairs one = {hn::Set(d, v[j]), hn::Set(d, n[j])};
      const Pairs other = {hn::Set(d, v[j + half]), hn::Set(d, n[j + half])};
      const Pairs both = Added(one, other);
      v[j] = hn::GetLane(both.v);
      n[j] = hn::GetLane(both.n);
    }
  }
  return {v[0], n[0]};
}

void Row(const float* x, float* out, std::size_t cols) {
  const DF d;
  constexpr std::size_t kLanes = hn::MaxLanes(DF());
  constexpr std::size_t kVectors = kSums / kLanes;
  Pairs sums[kVectors];
  for (Pairs& sum : sums) sum = {hn::Zero(d), hn::Set(d, kNoExponent)};
  std::size_t i = 0;
  for (; i + kSums <= cols; i += kSums) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      sums[v] = Added(sums[v], Exponential(hn::LoadU(d, x + i + v * kLanes)));
    }
  }
  HWY_ALIGN float rest[kSums];
  for (std::size_t j = 0; j < kSums; ++j) {
    rest[j] = i + j < cols ? x[i + j] : -std::numeric_limits<float>::infinity();
  }
  HWY_ALIGN float v_lanes[kSums];
  HWY_ALIGN float n_lanes[kSums];
  for (std::size_t v = 0; v < kVectors; ++v) {
    sums[v] = Added(sums[v], Exponential(hn::Load(d, rest + v * kLanes)));
    hn::Store(sums[v].v, d, v_lanes + v * kLanes);
    hn::Store(sums[v].n, d, n_lanes + v * kLanes);
  }
  const Scalar sum = Folded(v_lanes, n_lanes);
  const V inverse = hn::Set(d, 1.0F / sum.v), top = hn::Set(d, sum.n);
  const auto share = [&](V value) HWY_ATTR {
    const Pairs term = Exponential(value);
    return hn::Mul(hn::Mul(term.v, inverse), Factor(term.n, top));
  };
  for (i = 0; i + kLanes <= cols; i += kLanes) {
    hn::StoreU(share(hn::LoadU(d, x + i)), d, out + i);
  }
  if (i == cols) return;
  for (std::size_t j = 0; j < kLanes; ++j) rest[j] = i + j < cols ? x[i + j] : 0.0F;
  hn::Store(share(hn::Load(d, rest)), d, rest);
  for (std::size_t j = 0; i + j < cols; ++j) out[i + j] = rest[j];
}

void Rows(const float* x, float* out, std::size_t rows, std::size_t cols) {
  for (std::size_t r = 0; r < rows; ++r) Row(x + r * cols, out + r * cols, cols);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace halfulp {

HWY_EXPORT(Rows);

TwoPassSoftmax binary32_two_pass_softmax() {
  const Destination binary32 = {FloatFormat{8, 23, 127},
                                {Rounding::nearest_even, Overflow::infinity}};
  return {binary32, binary32, 16};
}

void two_pass_softmax(const float* x, float* out, std::size_t rows, std::size_t cols) {
  HWY_DYNAMIC_DISPATCH(Rows)(x, out, rows, cols);
}

}  // namespace halfulp
#endif
