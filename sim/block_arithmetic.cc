#include "sim/block_arithmetic.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/block_arithmetic.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/round_general-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using WideTag = hn::CappedTag<double, kBlockSide>;
using Wide = hn::Vec<WideTag>;

/// x + y rounded to odd: TwoSum (Knuth) gives the rounding error exactly, and the last bit then
/// keeps whether anything was lost (Boldo and Melquiond, "Emulation of FMA and correctly rounded
/// sums", 2008). Infinities and NaN, whose error is NaN, pass unchanged.
HWY_INLINE Wide AddToOdd(Wide x, Wide y) {
  const WideTag d;
  const hn::RebindToUnsigned<WideTag> du;
  const Wide sum = hn::Add(x, y);
  const Wide y_part = hn::Sub(sum, x);
  const Wide x_part = hn::Sub(sum, y_part);
  const Wide error = hn::Add(hn::Sub(x, x_part), hn::Sub(y, y_part));
  const auto inexact = hn::Or(hn::Lt(error, hn::Zero(d)), hn::Gt(error, hn::Zero(d)));
  // The odd neighbour on the exact sum's side: up in magnitude if error and sum have one sign.
  const auto one = hn::Set(du, 1);
  const auto bits = hn::BitCast(du, sum);
  const auto opposite = hn::ShiftRight<63>(hn::Xor(bits, hn::BitCast(du, error)));
  const auto step = hn::Sub(one, hn::Add(opposite, opposite));
  const auto is_even = hn::Sub(hn::Zero(du), hn::AndNot(bits, one));
  const auto moves = hn::And(hn::BitCast(du, hn::VecFromMask(d, inexact)), is_even);
  return hn::BitCast(d, hn::Add(bits, hn::And(step, moves)));
}

/// The sum with the sign of zero that the rounding asks for.
HWY_INLINE Wide ExactSum(Wide x, Wide y, bool zeros_are_negative) {
  const WideTag d;
  const Wide sum = AddToOdd(x, y);
  if (!zeros_are_negative) return sum;
  const Wide sign = hn::And(hn::Or(x, y), hn::Set(d, -0.0));
  return hn::IfThenElse(hn::Eq(sum, hn::Zero(d)), sign, sum);
}

template <Decision kDecision>
void RoundWith(const RoundPlan& plan, const WordBlock& words, NumberBlock& x) {
  using Op = MagnitudeRounding<double, kDecision, double>;
  const Op op(plan);
  const typename Op::D d;
  for (std::size_t i = 0; i < kBlockSize; i += hn::Lanes(d)) {
    hn::Store(op(hn::Load(d, x.value + i), words.word + i), d, x.value + i);
  }
}

void RoundInPlace(const RoundPlan& plan, const WordBlock& words, NumberBlock& x) {
  switch (plan.decision) {
    case Decision::nearest_even:
      return RoundWith<Decision::nearest_even>(plan, words, x);
    case Decision::nearest_away:
      return RoundWith<Decision::nearest_away>(plan, words, x);
    case Decision::toward_zero:
      return RoundWith<Decision::toward_zero>(plan, words, x);
    case Decision::toward_positive:
      return RoundWith<Decision::toward_positive>(plan, words, x);
    case Decision::toward_negative:
      return RoundWith<Decision::toward_negative>(plan, words, x);
    case Decision::to_odd:
      return RoundWith<Decision::to_odd>(plan, words, x);
    case Decision::stochastic:
      return RoundWith<Decision::stochastic>(plan, words, x);
    case Decision::nearest_even_exponent:
      return RoundWith<Decision::nearest_even_exponent>(plan, words, x);
    case Decision::to_odd_exponent:
      return RoundWith<Decision::to_odd_exponent>(plan, words, x);
  }
}

void FusedBlock(const BlockRounding& to, const double* a, const double* b, const NumberBlock& sum,
                const WordBlock& words, NumberBlock& out) {
  const WideTag d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t r = 0; r < kBlockSide; ++r) {
    const Wide left = hn::Set(d, a[r]);
    for (std::size_t c = 0; c < kBlockSide; c += lanes) {
      const std::size_t i = r * kBlockSide + c;
      const Wide product = hn::Mul(left, hn::LoadU(d, b + c));
      const Wide exact = ExactSum(hn::Load(d, sum.value + i), product, to.zeros_are_negative);
      hn::Store(exact, d, out.value + i);
    }
  }
  RoundInPlace(to.plan, words, out);
}

void ProductBlock(const BlockRounding& to, const double* a, const double* b, const WordBlock& words,
                  NumberBlock& out) {
  const WideTag d;
  for (std::size_t r = 0; r < kBlockSide; ++r) {
    for (std::size_t c = 0; c < kBlockSide; c += hn::Lanes(d)) {
      const Wide product = hn::Mul(hn::Set(d, a[r]), hn::LoadU(d, b + c));
      hn::Store(product, d, out.value + r * kBlockSide + c);
    }
  }
  RoundInPlace(to.plan, words, out);
}

void AddBlock(const BlockRounding& to, const NumberBlock& x, const NumberBlock& y, bool subtract,
              const WordBlock& words, NumberBlock& out) {
  const WideTag d;
  const Wide sign = hn::Set(d, subtract ? -0.0 : 0.0);
  for (std::size_t i = 0; i < kBlockSize; i += hn::Lanes(d)) {
    const Wide other = hn::Xor(hn::Load(d, y.value + i), sign);
    const Wide sum = ExactSum(hn::Load(d, x.value + i), other, to.zeros_are_negative);
    hn::Store(sum, d, out.value + i);
  }
  RoundInPlace(to.plan, words, out);
}

void RoundBlock(const BlockRounding& to, const NumberBlock& x, const WordBlock& words,
                NumberBlock& out) {
  out = x;
  RoundInPlace(to.plan, words, out);
}

BlockOperations Operations() { return {FusedBlock, ProductBlock, AddBlock, RoundBlock}; }

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {
namespace {

HWY_EXPORT(Operations);

}  // namespace

BlockOperations block_operations() { return HWY_DYNAMIC_DISPATCH(Operations)(); }

}  // namespace halfulp

#endif  // HWY_ONCE
