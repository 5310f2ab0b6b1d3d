// Compiled once per SIMD target by state_space_kernels.cc.
#if defined(HALFULP_SIM_NN_STATE_SPACE_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_NN_STATE_SPACE_KERNELS_INL_H_
#undef HALFULP_SIM_NN_STATE_SPACE_KERNELS_INL_H_
#else
#define HALFULP_SIM_NN_STATE_SPACE_KERNELS_INL_H_
#endif

#include "sim/nn/state_space_kernels.h"
#include "sim/nn/vector-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp::nn {
namespace HWY_NAMESPACE {

template <class T>
void Advance(const ScanPosition<T>& at, const T* before, T* after) {
  const Tag<T> d;
  for (std::size_t n = 0; n < at.states; ++n) {
    const std::size_t row = n * at.width;
    const auto b = hn::Set(d, at.input[n]);
    Map<T>(
        after + row, at.width,
        [&](auto h, auto step, auto rate, auto x) HWY_ATTR {
          const auto decay = Exp<T>(hn::Mul(step, rate));
          return hn::Add(hn::Mul(decay, h), hn::Mul(hn::Mul(step, x), b));
        },
        before + row, at.step, at.rate + row, at.x);
  }
}

template <class T>
void Read(const ScanPosition<T>& at, const T* state, const T* skip, T* y) {
  const Tag<T> d;
  Map<T>(
      y, at.width, [](auto s, auto x) HWY_ATTR { return hn::Mul(s, x); }, skip, at.x);
  for (std::size_t n = 0; n < at.states; ++n) {
    const auto c = hn::Set(d, at.output[n]);
    Map<T>(
        y, at.width, [&](auto sum, auto h) HWY_ATTR { return hn::Add(sum, hn::Mul(c, h)); }, y,
        state + n * at.width);
  }
}

/// Sum over channels of a[c] b[c].
template <class T>
T Dot(const T* a, const T* b, std::size_t width) {
  const Tag<T> d;
  return LaneSum<T>(
      width,
      [&](std::size_t i) HWY_ATTR { return hn::Mul(hn::LoadU(d, a + i), hn::LoadU(d, b + i)); },
      [&](std::size_t i) { return a[i] * b[i]; });
}

/// Backward through state n alone; `decay` is scratch.
template <class T>
void BackState(const ScanPosition<T>& at, std::size_t n, const T* before, const T* dy, T* dstate,
               T* dstep, T* dx, T* dinput, T* drate, T* decay) {
  const Tag<T> d;
  const std::size_t width = at.width;
  const auto b = hn::Set(d, at.input[n]), c = hn::Set(d, at.output[n]);
  Map<T>(
      dstate, width, [&](auto g, auto up) HWY_ATTR { return hn::Add(g, hn::Mul(c, up)); }, dstate,
      dy);
  Map<T>(
      decay, width, [](auto step, auto x) HWY_ATTR { return hn::Mul(step, x); }, at.step, at.x);
  *dinput = Dot<T>(dstate, decay, width);
  const T* rate = at.rate + n * width;
  Map<T>(
      decay, width, [](auto step, auto r) HWY_ATTR { return Exp<T>(hn::Mul(step, r)); }, at.step,
      rate);
  Map<T>(
      dstep, width,
      [&](auto sum, auto g, auto a, auto h, auto r, auto x) HWY_ATTR {
        const auto through_decay = hn::Mul(hn::Mul(hn::Mul(g, a), h), r);
        return hn::Add(sum, hn::Add(through_decay, hn::Mul(hn::Mul(g, b), x)));
      },
      dstep, dstate, decay, before, rate, at.x);
  Map<T>(
      drate, width,
      [](auto sum, auto g, auto a, auto h, auto step)
          HWY_ATTR { return hn::Add(sum, hn::Mul(hn::Mul(hn::Mul(g, a), h), step)); },
      drate, dstate, decay, before, at.step);
  Map<T>(
      dx, width,
      [&](auto sum, auto g, auto step)
          HWY_ATTR { return hn::Add(sum, hn::Mul(hn::Mul(g, b), step)); },
      dx, dstate, at.step);
  Map<T>(
      dstate, width, [](auto g, auto a) HWY_ATTR { return hn::Mul(g, a); }, dstate, decay);
}

template <class T>
void Back(const ScanPosition<T>& at, const T* before, const T* after, const T* skip, const T* dy,
          T* dstate, T* dstep, T* dx, T* dinput, T* doutput, T* drate, T* dskip, T* scratch) {
  const std::size_t width = at.width;
  Map<T>(
      dx, width, [](auto up, auto s) HWY_ATTR { return hn::Mul(up, s); }, dy, skip);
  Map<T>(
      dskip, width, [](auto sum, auto up, auto x) HWY_ATTR { return hn::Add(sum, hn::Mul(up, x)); },
      dskip, dy, at.x);
  for (std::size_t c = 0; c < width; ++c) dstep[c] = 0;
  for (std::size_t n = 0; n < at.states; ++n) {
    const std::size_t row = n * width;
    doutput[n] = Dot<T>(dy, after + row, width);
    BackState<T>(at, n, before + row, dy, dstate + row, dstep, dx, dinput + n, drate + row,
                 scratch);
  }
}

template <class T>
void SiluForward(const T* x, T* y, std::size_t n) {
  Map<T>(
      y, n, [](auto v) HWY_ATTR { return hn::Mul(v, Sigmoid<T>(v)); }, x);
}

/// silu'(x) = s (1 + x (1 - s)).
template <class T>
void SiluBackward(const T* x, const T* dy, T* dx, std::size_t n) {
  const Tag<T> d;
  const auto one = hn::Set(d, T{1});
  Map<T>(
      dx, n,
      [&](auto v, auto up) HWY_ATTR {
        const auto s = Sigmoid<T>(v);
        return hn::Mul(up, hn::Mul(s, hn::Add(one, hn::Mul(v, hn::Sub(one, s)))));
      },
      x, dy);
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp::nn

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_NN_STATE_SPACE_KERNELS_INL_H_
