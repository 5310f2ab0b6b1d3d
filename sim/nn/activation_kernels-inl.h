// GELU and SwiGLU, forward and backward. Compiled once per SIMD target by kernels.cc.
#if defined(HALFULP_SIM_NN_ACTIVATION_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_NN_ACTIVATION_KERNELS_INL_H_
#undef HALFULP_SIM_NN_ACTIVATION_KERNELS_INL_H_
#else
#define HALFULP_SIM_NN_ACTIVATION_KERNELS_INL_H_
#endif

#include "sim/nn/kernels.h"
#include "sim/nn/vector-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp::nn {
namespace HWY_NAMESPACE {

constexpr double kSqrtTwoOverPi = 0.79788456080286535588;
constexpr double kGeluCubic = 0.044715;

/// sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)) = (1 + tanh(...)) / 2.
template <class T>
HWY_INLINE Vec<T> GeluGate(Vec<T> x) {
  const Tag<T> d;
  const auto cubic = hn::Set(d, static_cast<T>(2 * kSqrtTwoOverPi * kGeluCubic));
  const auto linear = hn::Set(d, static_cast<T>(2 * kSqrtTwoOverPi));
  return Sigmoid<T>(hn::Mul(x, hn::Add(linear, hn::Mul(cubic, hn::Mul(x, x)))));
}

template <class T>
void GeluForward(const T* x, T* y, std::size_t n) {
  Map<T>(
      y, n, [](auto v) HWY_ATTR { return hn::Mul(v, GeluGate<T>(v)); }, x);
}

/// d(x s)/dx = s + x s (1 - s) (a + 3 b x^2) with s = sigmoid(a x + b x^3).
template <class T>
void GeluBackward(const T* x, const T* dy, T* dx, std::size_t n) {
  const Tag<T> d;
  const auto linear = hn::Set(d, static_cast<T>(2 * kSqrtTwoOverPi));
  const auto cubic = hn::Set(d, static_cast<T>(6 * kSqrtTwoOverPi * kGeluCubic));
  const auto one = hn::Set(d, T{1});
  Map<T>(
      dx, n,
      [&](auto v, auto up) HWY_ATTR {
        const auto s = GeluGate<T>(v);
        const auto slope = hn::Add(linear, hn::Mul(cubic, hn::Mul(v, v)));
        const auto curve = hn::Mul(hn::Mul(v, slope), hn::Sub(one, s));
        return hn::Mul(up, hn::Mul(s, hn::Add(one, curve)));
      },
      x, dy);
}

template <class T>
void SwigluForward(const T* x, T* y, std::size_t rows, std::size_t cols) {
  for (std::size_t r = 0; r < rows; ++r, x += 2 * cols, y += cols) {
    Map<T>(
        y, cols,
        [](auto gate, auto up) HWY_ATTR { return hn::Mul(hn::Mul(gate, Sigmoid<T>(gate)), up); }, x,
        x + cols);
  }
}

/// silu'(g) = s (1 + g (1 - s)).
template <class T>
void SwigluBackward(const T* x, const T* dy, T* dx, std::size_t rows, std::size_t cols) {
  const Tag<T> d;
  const auto one = hn::Set(d, T{1});
  for (std::size_t r = 0; r < rows; ++r, x += 2 * cols, dx += 2 * cols, dy += cols) {
    MapPair<T>(
        dx, dx + cols, cols,
        [&](auto gate, auto up, auto grad) HWY_ATTR {
          const auto s = Sigmoid<T>(gate);
          const auto slope = hn::Mul(s, hn::Add(one, hn::Mul(gate, hn::Sub(one, s))));
          return Pair<T>{hn::Mul(hn::Mul(grad, up), slope), hn::Mul(hn::Mul(gate, s), grad)};
        },
        x, x + cols, dy);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp::nn

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_NN_ACTIVATION_KERNELS_INL_H_
