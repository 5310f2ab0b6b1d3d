// Rotary positions, addition, sums of squares and the AdamW update. Compiled once per SIMD target
// by kernels.cc.
#if defined(HALFULP_SIM_NN_ELEMENTWISE_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_NN_ELEMENTWISE_KERNELS_INL_H_
#undef HALFULP_SIM_NN_ELEMENTWISE_KERNELS_INL_H_
#else
#define HALFULP_SIM_NN_ELEMENTWISE_KERNELS_INL_H_
#endif

#include "sim/nn/kernels.h"
#include "sim/nn/vector-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp::nn {
namespace HWY_NAMESPACE {

template <class T>
void RotatePositions(T* x, std::size_t stride, std::size_t rows, std::size_t heads,
                     std::size_t head_width, std::size_t positions, const T* cosines,
                     const T* sines, bool inverse) {
  const std::size_t half = head_width / 2;
  const auto sign = hn::Set(Tag<T>(), inverse ? T{-1} : T{1});
  for (std::size_t r = 0; r < rows; ++r, x += stride) {
    const T* cosine = cosines + (r % positions) * half;
    const T* sine = sines + (r % positions) * half;
    for (std::size_t h = 0; h < heads; ++h) {
      T* low = x + h * head_width;
      T* high = low + half;
      MapPair<T>(
          low, high, half,
          [&](auto a, auto b, auto c, auto s) HWY_ATTR {
            const auto turn = hn::Mul(sign, s);
            return Pair<T>{hn::Sub(hn::Mul(a, c), hn::Mul(b, turn)),
                           hn::Add(hn::Mul(b, c), hn::Mul(a, turn))};
          },
          low, high, cosine, sine);
    }
  }
}

template <class T>
void Add(const T* a, const T* b, T* y, std::size_t n) {
  Map<T>(
      y, n, [](auto u, auto v) HWY_ATTR { return hn::Add(u, v); }, a, b);
}

template <class T>
void Scale(T factor, T* x, std::size_t n) {
  const auto f = hn::Set(Tag<T>(), factor);
  Map<T>(
      x, n, [&](auto v) HWY_ATTR { return hn::Mul(f, v); }, x);
}

template <class T>
void WeightedAdd(T fa, const T* a, T fb, const T* b, T* y, std::size_t n) {
  const auto va = hn::Set(Tag<T>(), fa);
  const auto vb = hn::Set(Tag<T>(), fb);
  Map<T>(
      y, n, [&](auto u, auto v) HWY_ATTR { return hn::Add(hn::Mul(va, u), hn::Mul(vb, v)); }, a, b);
}

template <class T>
double SumOfSquares(const T* x, std::size_t n) {
  const Tag<T> d;
  constexpr std::size_t kChunk = 4096;
  double total = 0.0;
  for (std::size_t start = 0; start < n; start += kChunk) {
    const std::size_t count = n - start < kChunk ? n - start : kChunk;
    const T* chunk = x + start;
    total += static_cast<double>(LaneSum<T>(
        count,
        [&](std::size_t i) HWY_ATTR {
          const auto v = hn::LoadU(d, chunk + i);
          return hn::Mul(v, v);
        },
        [&](std::size_t i) { return chunk[i] * chunk[i]; }));
  }
  return total;
}

template <class T>
void AdamWUpdate(const AdamWStep& step, T* weights, const T* gradients, T* m, T* v, std::size_t n) {
  const Tag<T> d;
  const auto constant = [&](double value) HWY_ATTR { return hn::Set(d, static_cast<T>(value)); };
  const auto beta1 = constant(step.beta1);
  const auto beta2 = constant(step.beta2);
  const auto rest1 = constant(1.0 - step.beta1);
  const auto rest2 = constant(1.0 - step.beta2);
  const auto clip = constant(step.gradient_scale);
  const auto scale1 = constant(1.0 / step.bias_correction1);
  const auto scale2 = constant(1.0 / step.bias_correction2);
  const auto epsilon = constant(step.epsilon);
  const auto rate = constant(step.learning_rate);
  const auto decay = constant(step.weight_decay);
  Map<T>(
      m, n,
      [&](auto old, auto g)
          HWY_ATTR { return hn::Add(hn::Mul(beta1, old), hn::Mul(rest1, hn::Mul(clip, g))); },
      m, gradients);
  Map<T>(
      v, n,
      [&](auto old, auto g) HWY_ATTR {
        const auto clipped = hn::Mul(clip, g);
        return hn::Add(hn::Mul(beta2, old), hn::Mul(rest2, hn::Mul(clipped, clipped)));
      },
      v, gradients);
  Map<T>(
      weights, n,
      [&](auto w, auto first, auto second) HWY_ATTR {
        const auto denominator = hn::Add(hn::Sqrt(hn::Mul(second, scale2)), epsilon);
        const auto update = hn::Div(hn::Mul(first, scale1), denominator);
        return hn::Sub(w, hn::Mul(rate, hn::Add(update, hn::Mul(decay, w))));
      },
      weights, m, v);
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp::nn

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_NN_ELEMENTWISE_KERNELS_INL_H_
