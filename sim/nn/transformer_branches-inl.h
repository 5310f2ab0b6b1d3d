// How a transformer's residual branches leave the stream and join it, forward and backward.
// Included by transformer.cc.
#pragma once

#include <algorithm>

#include "sim/nn/transformer.h"

namespace halfulp::nn {

template <class T>
void Transformer<T>::norm_forward(std::size_t gain, const T* x, T* y, T* mean, T* rstd,
                                  std::size_t rows, const StepKey& key) {
  const T* bias = config_.norm == Norm::layer_norm ? used(gain + 1) : nullptr;
  const auto number = static_cast<std::uint32_t>(gain);
  functions_.norm(config_.norm, x, used(gain), bias, y, mean, rstd, rows, config_.width, number,
                  key);
  rounding_.apply(rounding_.norm_output, number, y, rows, config_.width, key);
}

/// Adds to dx and to the gradients of gain and bias.
template <class T>
void Transformer<T>::norm_backward(std::size_t gain, const T* x, const T* mean, const T* rstd,
                                   const T* dy, T* dx, std::size_t rows) {
  T* dbias = config_.norm == Norm::layer_norm ? gradient(gain + 1) : nullptr;
  kernels<T>().norm_backward(config_.norm, x, used(gain), mean, rstd, dy, dx, gradient(gain), dbias,
                             rows, config_.width);
}

template <class T>
void Transformer<T>::round_stream_gradient(std::size_t gain, std::size_t rows, const StepKey& key) {
  rounding_.apply(rounding_.residual_gradient, static_cast<std::uint32_t>(gain), dx_.data(), rows,
                  config_.width, key);
}

template <class T>
void Transformer<T>::enter_branch(const Branch& branch, const T* stream, T* operand,
                                  std::size_t rows, const StepKey& key) {
  if (multipliers_.norms_branch_output) {
    std::copy_n(stream, rows * config_.width, operand);
  } else {
    norm_forward(branch.gain, stream, operand, branch.mean, branch.rstd, rows, key);
  }
}

template <class T>
void Transformer<T>::leave_branch(const Branch& branch, const T* stream, T* next, std::size_t rows,
                                  const StepKey& key) {
  if (multipliers_.norms_branch_output) {
    norm_forward(branch.gain, branch.raw, next, branch.mean, branch.rstd, rows, key);
  }
  const auto [skip, own] = branch.multipliers;
  if (skip == 1.0 && own == 1.0) {
    kernels<T>().add(stream, next, next, rows * config_.width);
  } else {
    kernels<T>().weighted_add(static_cast<T>(skip), stream, static_cast<T>(own), next, next,
                              rows * config_.width);
  }
  rounding_.apply(rounding_.residual, branch.number, next, rows, config_.width, key);
}

template <class T>
T* Transformer<T>::leave_branch_backward(const Branch& branch, std::size_t rows) {
  if (!multipliers_.norms_branch_output) return dx_.data();
  const std::size_t n = rows * config_.width;
  std::copy_n(dx_.data(), n, dnarrow_.data());
  scale_by(branch.multipliers.branch, dnarrow_.data(), n);
  std::fill_n(dbranch_.data(), n, T{0});
  norm_backward(branch.gain, branch.raw, branch.mean, branch.rstd, dnarrow_.data(), dbranch_.data(),
                rows);
  return dbranch_.data();
}

template <class T>
void Transformer<T>::enter_branch_backward(const Branch& branch, const T* stream, std::size_t rows,
                                           const StepKey& key) {
  const auto [skip, own] = branch.multipliers;
  const std::size_t n = rows * config_.width;
  if (multipliers_.norms_branch_output) {
    kernels<T>().weighted_add(static_cast<T>(skip), dx_.data(), T{1}, dnarrow_.data(), dx_.data(),
                              n);
  } else {
    // skip dx + own (gradient through the norm), whose gains see no factor.
    const bool delays = multipliers_.delays_branch_gradient;
    scale_by(delays ? skip / own : skip, dx_.data(), n);
    norm_backward(branch.gain, stream, branch.mean, branch.rstd, dnarrow_.data(), dx_.data(), rows);
    if (delays) scale_by(own, dx_.data(), n);
  }
  round_stream_gradient(branch.gain, rows, key);
}

}  // namespace halfulp::nn
