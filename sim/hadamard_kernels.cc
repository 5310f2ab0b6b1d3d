#include "sim/hadamard_kernels.h"

#include <algorithm>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/hadamard_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Elements of the working memory, inside the L1 cache.
constexpr std::size_t kStrip = 4096;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// Two passes in one: distances `distance` and 2 `distance` of n rows of `width` elements.
void double_pass(float* x, std::size_t n, std::size_t distance, std::size_t width) {
  const D d;
  const std::size_t lanes = hn::Lanes(d), step = distance * width;
  for (std::size_t i = 0; i < n * width; i += 4 * step) {
    for (std::size_t j = i; j < i + step; j += lanes) {
      const V a = hn::Load(d, x + j), b = hn::Load(d, x + j + step);
      const V e = hn::Load(d, x + j + 2 * step), f = hn::Load(d, x + j + 3 * step);
      const V sum1 = hn::Add(a, b), difference1 = hn::Sub(a, b);
      const V sum2 = hn::Add(e, f), difference2 = hn::Sub(e, f);
      hn::Store(hn::Add(sum1, sum2), d, x + j);
      hn::Store(hn::Add(difference1, difference2), d, x + j + step);
      hn::Store(hn::Sub(sum1, sum2), d, x + j + 2 * step);
      hn::Store(hn::Sub(difference1, difference2), d, x + j + 3 * step);
    }
  }
}

void single_pass(float* x, std::size_t n, std::size_t distance, std::size_t width) {
  const D d;
  const std::size_t lanes = hn::Lanes(d), step = distance * width;
  for (std::size_t i = 0; i < n * width; i += 2 * step) {
    for (std::size_t j = i; j < i + step; j += lanes) {
      const V a = hn::Load(d, x + j), b = hn::Load(d, x + j + step);
      hn::Store(hn::Add(a, b), d, x + j);
      hn::Store(hn::Sub(a, b), d, x + j + step);
    }
  }
}

/// The passes from `distance` on over aligned memory; `width` is a multiple of the lanes, or 1 and
/// `distance` is.
void passes_from(float* x, std::size_t n, std::size_t distance, std::size_t width) {
  for (; 4 * distance <= n; distance *= 4) double_pass(x, n, distance, width);
  if (2 * distance <= n) single_pass(x, n, distance, width);
}

/// v with lanes i and i xor distance exchanged.
#if HWY_TARGET != HWY_SCALAR
V exchanged(V v, std::size_t distance) {
  if (distance == 1) return hn::Shuffle2301(v);
  if (distance == 2) return hn::Shuffle1032(v);
#if HWY_MAX_BYTES >= 32
  if (2 * distance == hn::Lanes(D())) return hn::ConcatLowerUpper(D(), v, v);
  return hn::SwapAdjacentBlocks(v);
#else
  return v;
#endif
}
#endif

/// The passes of distances below the lanes, in registers.
V passes_in_register(V v, std::size_t n, const float* negations) {
#if HWY_TARGET != HWY_SCALAR
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t distance = 1; distance < std::min(n, lanes); distance *= 2) {
    const V own = hn::Xor(v, hn::Load(d, negations));
    v = hn::Add(exchanged(v, distance), own);
    negations += lanes;
  }
#endif
  (void)n;
  (void)negations;
  return v;
}

/// For each distance below the lanes, minus zero in the lanes whose own number is subtracted.
void fill_negations(float* out) {
  const std::size_t lanes = hn::Lanes(D());
  for (std::size_t distance = 1; distance < lanes; distance *= 2, out += lanes) {
    for (std::size_t i = 0; i < lanes; ++i) out[i] = (i & distance) != 0 ? -0.0F : 0.0F;
  }
}

void scalar_run(const Rotation& rotation, const float* in, float* out) {
  const std::size_t n = rotation.n;
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = rotation.is_inverse ? in[i] : in[i] * rotation.signs[i];
  }
  for (std::size_t distance = 1; distance < n; distance *= 2) {
    for (std::size_t i = 0; i < n; i += 2 * distance) {
      for (std::size_t j = i; j < i + distance; ++j) {
        const float a = out[j], b = out[j + distance];
        out[j] = a + b;
        out[j + distance] = a - b;
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    out[i] *= rotation.factor;
    if (rotation.is_inverse) out[i] *= rotation.signs[i];
  }
}

/// `n` elements (a multiple of the lanes) through one strip of working memory.
void rotate_strip(const Rotation& rotation, const float* in, float* out, std::size_t count,
                  const float* signs, const float* negations, float* strip) {
  const D d;
  const std::size_t lanes = hn::Lanes(d), n = rotation.n;
  const std::size_t sign_mask = std::max(n, lanes) - 1;
  const V factor = hn::Set(d, rotation.factor);
  for (std::size_t i = 0; i < count; i += lanes) {
    V v = hn::LoadU(d, in + i);
    if (!rotation.is_inverse) v = hn::Mul(v, hn::Load(d, signs + (i & sign_mask)));
    hn::Store(passes_in_register(v, n, negations), d, strip + i);
  }
  for (std::size_t i = 0; i < count && n > lanes; i += n) passes_from(strip + i, n, lanes, 1);
  for (std::size_t i = 0; i < count; i += lanes) {
    V v = hn::Mul(hn::Load(d, strip + i), factor);
    if (rotation.is_inverse) v = hn::Mul(v, hn::Load(d, signs + (i & sign_mask)));
    hn::StoreU(v, d, out + i);
  }
}

void rotate_runs_kernel(const Rotation& rotation, const float* in, float* out, std::size_t count) {
  const std::size_t lanes = hn::Lanes(D()), n = rotation.n;
  const std::size_t period = std::max(n, lanes);
  std::size_t done = 0;
  if (period <= kStrip) {
    HWY_ALIGN float strip[kStrip];
    HWY_ALIGN float signs[kStrip];
    HWY_ALIGN float negations[8 * HWY_LANES(float)] = {};
    for (std::size_t i = 0; i < period; ++i) signs[i] = rotation.signs[i % n];
    fill_negations(negations);
    const std::size_t piece = kStrip / period * period;
    for (; done + period <= count;) {
      const std::size_t length = std::min(piece, (count - done) / period * period);
      rotate_strip(rotation, in + done, out + done, length, signs, negations, strip);
      done += length;
    }
  }
  for (; done < count; done += n) scalar_run(rotation, in + done, out + done);
}

void rotate_columns_kernel(const Rotation& rotation, const float* in, std::size_t in_stride,
                           float* out, std::size_t out_stride, std::size_t cols) {
  const D d;
  const std::size_t lanes = hn::Lanes(d), n = rotation.n;
  const std::size_t width = std::max(lanes, std::min<std::size_t>(64, kStrip / n / lanes * lanes));
  // One more vector: the last columns are worked on as if there were more.
  static thread_local std::vector<float> memory;
  memory.resize(n * width + 64);
  auto* strip = memory.data();
  while (reinterpret_cast<std::uintptr_t>(strip) % 64 != 0) ++strip;
  for (std::size_t c = 0; c < cols; c += width) {
    const std::size_t used = std::min(width, cols - c);
    for (std::size_t r = 0; r < n; ++r) {
      const float* source = in + r * in_stride + c;
      const float sign = rotation.is_inverse ? 1.0F : rotation.signs[r];
      std::size_t j = 0;
      for (; j + lanes <= used; j += lanes) {
        hn::Store(hn::Mul(hn::LoadU(d, source + j), hn::Set(d, sign)), d, strip + r * width + j);
      }
      for (; j < used; ++j) strip[r * width + j] = source[j] * sign;
    }
    passes_from(strip, n, 1, width);
    for (std::size_t r = 0; r < n; ++r) {
      float* target = out + r * out_stride + c;
      const float sign = rotation.is_inverse ? rotation.signs[r] : 1.0F;
      std::size_t j = 0;
      for (; j + lanes <= used; j += lanes) {
        const V v = hn::Mul(hn::Load(d, strip + r * width + j), hn::Set(d, rotation.factor));
        hn::StoreU(hn::Mul(v, hn::Set(d, sign)), d, target + j);
      }
      for (; j < used; ++j) target[j] = strip[r * width + j] * rotation.factor * sign;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {
namespace {

HWY_EXPORT(rotate_runs_kernel);
HWY_EXPORT(rotate_columns_kernel);

}  // namespace

void rotate_runs(const Rotation& rotation, const float* in, float* out, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(rotate_runs_kernel)(rotation, in, out, count);
}

void rotate_columns(const Rotation& rotation, const float* in, std::size_t in_stride, float* out,
                    std::size_t out_stride, std::size_t cols) {
  HWY_DYNAMIC_DISPATCH(rotate_columns_kernel)(rotation, in, in_stride, out, out_stride, cols);
}

}  // namespace halfulp

#endif  // HWY_ONCE
