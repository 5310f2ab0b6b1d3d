// The element-wise work of a state-space mixer (sim/nn/state_space.h), for binary32 and binary64.
// Products and sums are separate roundings and lanes are channels, so every SIMD target gives the
// same bits; sums over channels are lane sums (sim/nn/kernels.h).
#pragma once

#include <cstddef>

namespace halfulp::nn {

/// What one position of a sequence is made of. Rows of `width` channels; states are states x width.
template <class T>
struct ScanPosition {
  std::size_t width, states;
  const T* step;            ///< of each channel
  const T* x;               ///< of each channel
  const T *input, *output;  ///< B and C: of each state
  const T* rate;            ///< states x width
};

template <class T>
struct StateSpaceKernels {
  /// after[n, c] = exp(step[c] rate[n, c]) before[n, c] + (step[c] x[c]) B[n]; in place too.
  void (*advance)(const ScanPosition<T>& at, const T* before, T* after);

  /// y[c] = skip[c] x[c] + C[0] state[0, c] + C[1] state[1, c] + ..., from the left.
  void (*read)(const ScanPosition<T>& at, const T* state, const T* skip, T* y);

  /// Backward through read() and advance(): `dstate` (states x width) is the gradient from later
  /// positions and becomes that for the position before; dstep, dx, dB and dC are overwritten,
  /// drate and dskip are added to. `scratch`: width.
  void (*back)(const ScanPosition<T>& at, const T* before, const T* after, const T* skip,
               const T* dy, T* dstate, T* dstep, T* dx, T* dinput, T* doutput, T* drate, T* dskip,
               T* scratch);

  /// y = x sigmoid(x).
  void (*silu_forward)(const T* x, T* y, std::size_t n);
  /// dx = dy silu'(x); dx may be dy.
  void (*silu_backward)(const T* x, const T* dy, T* dx, std::size_t n);
};

template <class T>
const StateSpaceKernels<T>& state_space_kernels();

}  // namespace halfulp::nn
