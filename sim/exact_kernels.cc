#include "sim/exact_kernels.h"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/exact_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/fused-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<double>;
using DU = hn::RebindToUnsigned<D>;
using V = hn::Vec<D>;

/// The exact result nearest + rest (of which only the sign of `rest` counts), rounded to odd.
HWY_INLINE V to_odd(V nearest, V rest) {
  const D d;
  const DU du;
  // NaN rests, of infinities and NaN, compare false: those results stay.
  const auto inexact = hn::Or(hn::Lt(rest, hn::Zero(d)), hn::Gt(rest, hn::Zero(d)));
  const auto one = hn::Set(du, std::uint64_t{1});
  const auto bits = hn::BitCast(du, nearest);
  const auto inward = hn::ShiftRight<63>(hn::Xor(bits, hn::BitCast(du, rest)));
  const auto step = hn::Sub(one, hn::Add(inward, inward));
  const auto even = hn::Sub(hn::Zero(du), hn::AndNot(bits, one));
  const auto moves = hn::And(hn::BitCast(du, hn::VecFromMask(d, inexact)), even);
  return hn::BitCast(d, hn::Add(bits, hn::And(step, moves)));
}

/// a + b by Knuth's two-sum, whose error is exact.
HWY_INLINE V add_to_odd(V a, V b, V minus_zero) {
  const D d;
  const V sum = hn::Add(a, b);
  const V b_part = hn::Sub(sum, a);
  const V rest = hn::Add(hn::Sub(a, hn::Sub(sum, b_part)), hn::Sub(b, b_part));
  // Zeros of one sign keep it, and so does every other sum.
  const auto is_zero = hn::Eq(sum, hn::Zero(d));
  const auto both_plus = hn::Eq(hn::BitCast(DU(), hn::Or(a, b)), hn::Zero(DU()));
  const auto changes = hn::AndNot(hn::RebindMask(d, both_plus), is_zero);
  return hn::IfThenElse(changes, hn::Or(sum, minus_zero), to_odd(sum, rest));
}

template <Operation kOperation>
HWY_INLINE V one(V a, V b, V c, V minus_zero) {
  const D d;
  if constexpr (kOperation == Operation::add) return add_to_odd(a, b, minus_zero);
  if constexpr (kOperation == Operation::sub) return add_to_odd(a, hn::Neg(b), minus_zero);
  if constexpr (kOperation == Operation::mul) return hn::Mul(a, b);
  if constexpr (kOperation == Operation::fma) return add_to_odd(hn::Mul(a, b), c, minus_zero);
  if constexpr (kOperation == Operation::sqrt) {
    const V root = hn::Sqrt(a);
    return to_odd(root, FusedMulAdd(d, hn::Neg(root), root, a));
  }
  const V quotient = hn::Div(a, b);
  const V rest = FusedMulAdd(d, hn::Neg(quotient), b, a);
  // a / b = quotient + rest / b.
  return to_odd(quotient, hn::Xor(rest, hn::And(b, hn::Set(d, -0.0))));
}

template <Operation kOperation>
void loop(const double* a, const double* b, const double* c, double* out, std::size_t n,
          bool down) {
  const D d;
  const V minus_zero = hn::Set(d, down ? -0.0 : 0.0);
  const std::size_t lanes = hn::Lanes(d);
  const bool has_b = kOperation != Operation::sqrt;
  const bool has_c = kOperation == Operation::fma;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const V x = hn::LoadU(d, a + i);
    const V y = has_b ? hn::LoadU(d, b + i) : x;
    const V z = has_c ? hn::LoadU(d, c + i) : x;
    hn::StoreU(one<kOperation>(x, y, z, minus_zero), d, out + i);
  }
  if (i == n) return;
  HWY_ALIGN double x[HWY_LANES(double)] = {};
  HWY_ALIGN double y[HWY_LANES(double)] = {};
  HWY_ALIGN double z[HWY_LANES(double)] = {};
  std::copy(a + i, a + n, x);
  if (has_b) std::copy(b + i, b + n, y);
  if (has_c) std::copy(c + i, c + n, z);
  const V result = one<kOperation>(hn::Load(d, x), hn::Load(d, y), hn::Load(d, z), minus_zero);
  hn::Store(result, d, x);
  std::copy(x, x + (n - i), out + i);
}

void to_odd_kernel(Operation operation, const double* a, const double* b, const double* c,
                   double* out, std::size_t n, bool down) {
  if (operation == Operation::add) return loop<Operation::add>(a, b, c, out, n, down);
  if (operation == Operation::sub) return loop<Operation::sub>(a, b, c, out, n, down);
  if (operation == Operation::mul) return loop<Operation::mul>(a, b, c, out, n, down);
  if (operation == Operation::div) return loop<Operation::div>(a, b, c, out, n, down);
  if (operation == Operation::sqrt) return loop<Operation::sqrt>(a, b, c, out, n, down);
  loop<Operation::fma>(a, b, c, out, n, down);
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {

namespace {
HWY_EXPORT(to_odd_kernel);
}  // namespace

void evaluate_to_odd(Operation operation, const double* a, const double* b, const double* c,
                     double* out, std::size_t n, bool down) {
  HWY_DYNAMIC_DISPATCH(to_odd_kernel)(operation, a, b, c, out, n, down);
}

}  // namespace halfulp

#endif  // HWY_ONCE
