// Layer norm and RMS norm, forward and backward. Compiled once per SIMD target by kernels.cc.
#if defined(HALFULP_SIM_NN_NORM_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_NN_NORM_KERNELS_INL_H_
#undef HALFULP_SIM_NN_NORM_KERNELS_INL_H_
#else
#define HALFULP_SIM_NN_NORM_KERNELS_INL_H_
#endif

#include "sim/nn/kernels.h"
#include "sim/nn/vector-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp::nn {
namespace HWY_NAMESPACE {

constexpr double kEpsilon = 1e-5;

template <class T>
T RowMean(const T* x, std::size_t cols) {
  const Tag<T> d;
  const T sum = LaneSum<T>(
      cols, [&](std::size_t i) HWY_ATTR { return hn::LoadU(d, x + i); },
      [&](std::size_t i) { return x[i]; });
  return sum / static_cast<T>(cols);
}

/// 1 / sqrt(mean((x - mean)^2) + epsilon).
template <class T>
T RowRstd(const T* x, T mean, std::size_t cols) {
  const Tag<T> d;
  const auto centre = hn::Set(d, mean);
  const T sum = LaneSum<T>(
      cols,
      [&](std::size_t i) HWY_ATTR {
        const auto c = hn::Sub(hn::LoadU(d, x + i), centre);
        return hn::Mul(c, c);
      },
      [&](std::size_t i) {
        const T c = x[i] - mean;
        return c * c;
      });
  const auto variance = hn::Set(d, sum / static_cast<T>(cols) + static_cast<T>(kEpsilon));
  return hn::GetLane(hn::Div(hn::Set(d, T{1}), hn::Sqrt(variance)));
}

template <class T>
void NormForward(Norm kind, const T* x, const T* gain, const T* bias, T* y, T* mean, T* rstd,
                 std::size_t rows, std::size_t cols) {
  const Tag<T> d;
  for (std::size_t r = 0; r < rows; ++r, x += cols, y += cols) {
    const T m = kind == Norm::layer_norm ? RowMean(x, cols) : T{0};
    const T s = RowRstd(x, m, cols);
    if (kind == Norm::layer_norm) mean[r] = m;
    rstd[r] = s;
    const auto vm = hn::Set(d, m);
    const auto vs = hn::Set(d, s);
    if (kind == Norm::layer_norm) {
      Map<T>(
          y, cols,
          [&](auto v, auto g, auto b)
              HWY_ATTR { return hn::Add(hn::Mul(hn::Mul(hn::Sub(v, vm), vs), g), b); },
          x, gain, bias);
    } else {
      Map<T>(
          y, cols, [&](auto v, auto g) HWY_ATTR { return hn::Mul(hn::Mul(v, vs), g); }, x, gain);
    }
  }
}

/// With n = (x - mean) rstd and w = dy gain:  dx += rstd (w - mean(w) - n mean(w n)); mean(w) only
/// for layer norm.
template <class T>
void NormBackwardRow(Norm kind, const T* x, const T* gain, T mean, T rstd, const T* dy, T* dx,
                     std::size_t cols) {
  const Tag<T> d;
  const auto vm = hn::Set(d, mean);
  const auto vs = hn::Set(d, rstd);
  T mean_w = 0;
  if (kind == Norm::layer_norm) {
    mean_w = LaneSum<T>(
                 cols,
                 [&](std::size_t i)
                     HWY_ATTR { return hn::Mul(hn::LoadU(d, dy + i), hn::LoadU(d, gain + i)); },
                 [&](std::size_t i) { return dy[i] * gain[i]; }) /
             static_cast<T>(cols);
  }
  const T mean_wn = LaneSum<T>(
                        cols,
                        [&](std::size_t i) HWY_ATTR {
                          const auto w = hn::Mul(hn::LoadU(d, dy + i), hn::LoadU(d, gain + i));
                          return hn::Mul(w, hn::Mul(hn::Sub(hn::LoadU(d, x + i), vm), vs));
                        },
                        [&](std::size_t i) { return (dy[i] * gain[i]) * ((x[i] - mean) * rstd); }) /
                    static_cast<T>(cols);
  const auto vw = hn::Set(d, mean_w);
  const auto vwn = hn::Set(d, mean_wn);
  Map<T>(
      dx, cols,
      [&](auto old, auto v, auto g, auto up) HWY_ATTR {
        const auto n = hn::Mul(hn::Sub(v, vm), vs);
        const auto inner = hn::Sub(hn::Sub(hn::Mul(up, g), vw), hn::Mul(n, vwn));
        return hn::Add(old, hn::Mul(vs, inner));
      },
      dx, x, gain, dy);
}

template <class T>
void NormBackward(Norm kind, const T* x, const T* gain, const T* mean, const T* rstd, const T* dy,
                  T* dx, T* dgain, T* dbias, std::size_t rows, std::size_t cols) {
  const Tag<T> d;
  for (std::size_t r = 0; r < rows; ++r, x += cols, dy += cols, dx += cols) {
    const T m = kind == Norm::layer_norm ? mean[r] : T{0};
    NormBackwardRow(kind, x, gain, m, rstd[r], dy, dx, cols);
    const auto vm = hn::Set(d, m);
    const auto vs = hn::Set(d, rstd[r]);
    Map<T>(
        dgain, cols,
        [&](auto old, auto v, auto up)
            HWY_ATTR { return hn::Add(old, hn::Mul(up, hn::Mul(hn::Sub(v, vm), vs))); },
        dgain, x, dy);
    if (kind == Norm::layer_norm) {
      Map<T>(
          dbias, cols, [&](auto old, auto up) HWY_ATTR { return hn::Add(old, up); }, dbias, dy);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp::nn

HWY_AFTER_NAMESPACE();

#endif  // HALFULP_SIM_NN_NORM_KERNELS_INL_H_
