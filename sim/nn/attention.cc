#include "sim/nn/attention.h"

#include <algorithm>
#include <stdexcept>
#include <type_traits>

#include "sim/elementary.h"
#include "sim/nn/kernels.h"
#include "sim/nn/matmul.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kBlock = 64;  ///< rows of scores that are computed together

// Random streams: the tensor number is unit * 2^13 + block * 8 + product, below 2^31.
constexpr std::uint32_t kMostBlocks = 1U << 10;
constexpr std::size_t kMostUnits = 1U << 18;

ConstMatrix operand(const View<const float>& view) {
  return {view.data, view.rows, view.cols, view.stride};
}

/// The strided slices of one head of one sequence.
template <class T, class Element>
struct Head {
  Element *q, *k, *v;
  std::size_t stride, width;

  Head(const AttentionShape& shape, Element* qkv, std::size_t sequence, std::size_t head)
      : stride(3 * shape.width()), width(shape.head_width) {
    q = qkv + sequence * shape.positions * stride + head * width;
    k = q + shape.width();
    v = k + shape.width();
  }

  View<Element> rows(Element* part, std::size_t first, std::size_t count) const {
    return {part + first * stride, count, width, stride};
  }
};

}  // namespace

template <class T>
Attention<T>::Attention(const AttentionNumerics& numerics, std::uint32_t index) : index_(index) {
  for (const AccumulatorSpec* spec :
       {&numerics.scores, &numerics.context, &numerics.grad_probabilities, &numerics.grad_value,
        &numerics.grad_query, &numerics.grad_key}) {
    products_.emplace_back(*spec);
    if (!std::is_same_v<T, float> && !products_.back().is_binary32_chain()) {
      throw std::invalid_argument("accumulators need a binary32 model");
    }
  }
}

template <class T>
T Attention<T>::logit_scale(const AttentionShape& shape) const {
  if (multipliers_) return static_cast<T>(multipliers_->logits);
  return static_cast<T>(pinned_exp(-0.5 * pinned_log(static_cast<double>(shape.head_width))));
}

template <class T>
void Attention<T>::multiply(Product product, std::size_t unit, View<const T> a, View<const T> b,
                            View<T> c, const StepKey& key) const {
  const bool is_nt = product == scores || product == grad_probabilities;
  const bool is_nn = product == context || product == grad_query;
  const AccumulatedGemm& gemm = products_[product];
  if (gemm.is_binary32_chain()) {
    return is_nt ? matmul_nt<T>(a, b, c) : is_nn ? matmul_nn<T>(a, b, c) : matmul_tn<T>(a, b, c);
  }
  if constexpr (std::is_same_v<T, float>) {
    if (unit >= kMostUnits || index_ >= kMostBlocks) {
      throw std::length_error("too many products in a step for distinct random streams");
    }
    const RandomStream stream = {
        key.seed, static_cast<std::uint32_t>(RandomPurpose::attention_accumulation),
        static_cast<std::uint32_t>(unit) * (8 * kMostBlocks) + index_ * 8 + product, key.step};
    const Matrix result = {c.data, c.rows, c.cols, c.stride};
    if (is_nt) return gemm.nt(operand(a), operand(b), result, {}, stream);
    if (is_nn) return gemm.nn(operand(a), operand(b), result, {}, stream);
    return gemm.tn(operand(a), operand(b), result, {}, stream);
  }
}

template <class T>
void Attention<T>::forward(const AttentionShape& shape, const LayerFunctions<T>& functions,
                           const T* qkv, T* out, T* probabilities, const StepKey& key) {
  const std::size_t n = shape.positions;
  const T scale = logit_scale(shape);
  std::size_t unit = 0;
  for (std::size_t s = 0; s < shape.sequences; ++s) {
    for (std::size_t h = 0; h < shape.heads; ++h, probabilities += n * n) {
      const Head<T, const T> head(shape, qkv, s, h);
      for (std::size_t first = 0; first < n; first += kBlock, ++unit) {
        const std::size_t rows = std::min(kBlock, n - first), end = first + rows;
        T* p = probabilities + first * n;
        multiply(scores, unit, head.rows(head.q, first, rows), head.rows(head.k, 0, end),
                 {p, rows, end, n}, key);
        functions.causal_softmax(p, n, rows, end, first, scale, (s * shape.heads + h) * n + first,
                                 index_, key);
        T* o = out + (s * n + first) * shape.width() + h * shape.head_width;
        multiply(context, unit, {p, rows, end, n}, head.rows(head.v, 0, end),
                 {o, rows, shape.head_width, shape.width()}, key);
      }
    }
  }
  if (multipliers_) scale_by(multipliers_->output, out, shape.sequences * n * shape.width());
}

template <class T>
void Attention<T>::backward_head(const AttentionShape& shape, std::size_t sequence,
                                 std::size_t number, const T* qkv, const T* probabilities,
                                 const T* dout, T* dqkv, const StepKey& key) {
  const std::size_t n = shape.positions, width = shape.width();
  const T scale = logit_scale(shape);
  T* ds = dscores_.data();
  const Head<T, const T> head(shape, qkv, sequence, number);
  const Head<T, T> grad(shape, dqkv, sequence, number);
  const T* dhead = dout + sequence * n * width + number * shape.head_width;
  const std::size_t blocks = (n + kBlock - 1) / kBlock;
  const std::size_t first_unit = (sequence * shape.heads + number) * blocks;
  for (std::size_t first = 0; first < n; first += kBlock) {
    const std::size_t unit = first_unit + first / kBlock;
    const std::size_t rows = std::min(kBlock, n - first), end = first + rows;
    T* block = ds + first * n;
    multiply(grad_probabilities, unit, {dhead + first * width, rows, shape.head_width, width},
             head.rows(head.v, 0, end), {block, rows, end, n}, key);
    kernels<T>().causal_softmax_backward(probabilities + first * n, block, n, rows, end, first,
                                         scale);
    multiply(grad_query, unit, {block, rows, end, n}, head.rows(head.k, 0, end),
             grad.rows(grad.q, first, rows), key);
  }
  // Keys and values of a block are seen by rows from the block's start on.
  for (std::size_t first = 0; first < n; first += kBlock) {
    const std::size_t unit = first_unit + first / kBlock;
    const std::size_t cols = std::min(kBlock, n - first), seen = n - first;
    multiply(grad_key, unit, {ds + first * n + first, seen, cols, n},
             head.rows(head.q, first, seen), grad.rows(grad.k, first, cols), key);
    multiply(grad_value, unit, {probabilities + first * n + first, seen, cols, n},
             {dhead + first * width, seen, shape.head_width, width}, grad.rows(grad.v, first, cols),
             key);
  }
}

template <class T>
void Attention<T>::backward(const AttentionShape& shape, const T* qkv, const T* probabilities,
                            const T* dout, T* dqkv, const StepKey& key) {
  const std::size_t n = shape.positions;
  dscores_.resize(n * n);
  for (std::size_t s = 0; s < shape.sequences; ++s) {
    for (std::size_t h = 0; h < shape.heads; ++h, probabilities += n * n) {
      backward_head(shape, s, h, qkv, probabilities, dout, dqkv, key);
    }
  }
  if (multipliers_)
    scale_by(multipliers_->grad_input, dqkv, shape.sequences * n * 3 * shape.width());
}

template class Attention<float>;
template class Attention<double>;

}  // namespace halfulp::nn
