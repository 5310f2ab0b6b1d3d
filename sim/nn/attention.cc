#include "sim/nn/attention.h"

#include <algorithm>
#include <stdexcept>
#include <type_traits>

#include "sim/elementary.h"
#include "sim/nn/kernels.h"
#include "sim/nn/matmul.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kBlock = 64;  ///< rows of scores that are computed together

ConstMatrix operand(const View<const float>& view) {
  return {view.data, view.rows, view.cols, view.stride};
}

/// The strided slices of one head of one sequence.
template <class T, class Element>
struct Head {
  Element *q, *k, *v;
  std::size_t stride, width;

  Head(const AttentionShape& shape, Element* qkv, std::size_t number)
      : stride(3 * shape.width()), width(shape.head_width) {
    q = qkv + number / shape.heads * shape.positions * stride + number % shape.heads * width;
    k = q + shape.width();
    v = k + shape.width();
  }

  View<Element> rows(Element* part, std::size_t first, std::size_t count) const {
    return {part + first * stride, count, width, stride};
  }
};

/// Zeros after the block of each row, which no product has written.
template <class T>
void clear_masked(T* square, std::size_t n) {
  for (std::size_t row = 0; row < n; ++row) {
    const std::size_t end = std::min((row / kBlock + 1) * kBlock, n);
    std::fill(square + row * n + end, square + (row + 1) * n, T{0});
  }
}

}  // namespace

template <class T>
Attention<T>::Attention(const AttentionNumerics& numerics, std::uint32_t index,
                        const NumericsSwitch& numerics_switch)
    : rounding_(numerics, numerics_switch, index) {
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
double Attention<T>::multiplier(Product product) const {
  if (!multipliers_ || product == scores || product == grad_probabilities) return 1.0;
  return product == context ? multipliers_->output : multipliers_->grad_input;
}

template <class T>
void Attention<T>::multiply(Product product, std::size_t unit, View<const T> a, View<const T> b,
                            View<T> c, const StepKey& key) const {
  run(product, unit, a, b, c, key);
  for (std::size_t row = 0; row < c.rows; ++row) {
    scale_by(multiplier(product), c.data + row * c.stride, c.cols);
  }
  rounding_.apply_output(product, c, unit, key);
}

template <class T>
void Attention<T>::run(Product product, std::size_t unit, View<const T> a, View<const T> b,
                       View<T> c, const StepKey& key) const {
  const bool is_nt = product == scores || product == grad_probabilities;
  const bool is_nn = product == context || product == grad_query;
  const AccumulatedGemm& gemm = products_[product];
  if (gemm.is_binary32_chain()) {
    return is_nt ? matmul_nt<T>(a, b, c) : is_nn ? matmul_nn<T>(a, b, c) : matmul_tn<T>(a, b, c);
  }
  if constexpr (std::is_same_v<T, float>) {
    const RandomStream stream = {key.seed,
                                 static_cast<std::uint32_t>(RandomPurpose::attention_accumulation),
                                 rounding_.number(unit, product), key.step};
    const Matrix result = {c.data, c.rows, c.cols, c.stride};
    if (is_nt) return gemm.nt(operand(a), operand(b), result, {}, stream);
    if (is_nn) return gemm.nn(operand(a), operand(b), result, {}, stream);
    return gemm.tn(operand(a), operand(b), result, {}, stream);
  }
}

template <class T>
void Attention<T>::round_operands(const AttentionShape& shape, std::size_t number, T* qkv,
                                  const StepKey& key) {
  using Rounding = AttentionRounding<T>;
  const Head<T, T> head(shape, qkv, number);
  const auto round = [&](typename Rounding::Tensor tensor, T* part) {
    rounding_.apply(tensor, head.rows(part, 0, shape.positions), number, key);
  };
  round(Rounding::key_cache, head.k);
  round(Rounding::value_cache, head.v);
  round(Rounding::query, head.q);
  round(Rounding::key, head.k);
  round(Rounding::value, head.v);
}

template <class T>
void Attention<T>::forward_head(const AttentionShape& shape, const LayerFunctions<T>& functions,
                                std::size_t number, T* qkv, T* out, T* probabilities,
                                const StepKey& key) {
  const std::size_t n = shape.positions, blocks = (n + kBlock - 1) / kBlock;
  const T scale = logit_scale(shape);
  round_operands(shape, number, qkv, key);
  const Head<T, const T> head(shape, qkv, number);
  out += number / shape.heads * n * shape.width() + number % shape.heads * shape.head_width;
  const auto add_contexts = [&](std::size_t first) {
    const std::size_t rows = std::min(kBlock, n - first), end = first + rows;
    multiply(context, number * blocks + first / kBlock, {probabilities + first * n, rows, end, n},
             head.rows(head.v, 0, end),
             {out + first * shape.width(), rows, shape.head_width, shape.width()}, key);
  };
  const bool rounds = rounding_.rounds(AttentionRounding<T>::probabilities, key);
  for (std::size_t first = 0; first < n; first += kBlock) {
    const std::size_t rows = std::min(kBlock, n - first), end = first + rows;
    T* p = probabilities + first * n;
    multiply(scores, number * blocks + first / kBlock, head.rows(head.q, first, rows),
             head.rows(head.k, 0, end), {p, rows, end, n}, key);
    functions.causal_softmax(p, n, rows, end, first, scale, number * n + first, rounding_.index(),
                             key);
    if (!rounds) add_contexts(first);
  }
  if (!rounds) return;
  clear_masked(probabilities, n);
  rounding_.apply(AttentionRounding<T>::probabilities, {probabilities, n, n, n}, number, key);
  for (std::size_t first = 0; first < n; first += kBlock) add_contexts(first);
}

template <class T>
void Attention<T>::forward(const AttentionShape& shape, const LayerFunctions<T>& functions, T* qkv,
                           T* out, T* probabilities, const StepKey& key) {
  const std::size_t n = shape.positions;
  for (std::size_t head = 0; head < shape.sequences * shape.heads; ++head) {
    forward_head(shape, functions, head, qkv, out, probabilities + head * n * n, key);
  }
}

template <class T>
void Attention<T>::score_gradients(const AttentionShape& shape, std::size_t number, const T* qkv,
                                   const T* probabilities, const T* dhead, const StepKey& key) {
  const std::size_t n = shape.positions, width = shape.width();
  const std::size_t blocks = (n + kBlock - 1) / kBlock;
  const T scale = logit_scale(shape);
  const Head<T, const T> head(shape, qkv, number);
  T* ds = dscores_.data();
  for (std::size_t first = 0; first < n; first += kBlock) {
    const std::size_t rows = std::min(kBlock, n - first), end = first + rows;
    multiply(grad_probabilities, number * blocks + first / kBlock,
             {dhead + first * width, rows, shape.head_width, width}, head.rows(head.v, 0, end),
             {ds + first * n, rows, end, n}, key);
    kernels<T>().causal_softmax_backward(probabilities + first * n, ds + first * n, n, rows, end,
                                         first, scale);
  }
  if (!rounding_.rounds(AttentionRounding<T>::grad_scores, key)) return;
  clear_masked(ds, n);
  rounding_.apply(AttentionRounding<T>::grad_scores, {ds, n, n, n}, number, key);
}

template <class T>
void Attention<T>::backward_head(const AttentionShape& shape, std::size_t number, const T* qkv,
                                 const T* probabilities, T* dout, T* dqkv, const StepKey& key) {
  const std::size_t n = shape.positions, width = shape.width();
  const Head<T, const T> head(shape, qkv, number);
  const Head<T, T> grad(shape, dqkv, number);
  T* dhead = dout + number / shape.heads * n * width + number % shape.heads * shape.head_width;
  rounding_.apply(AttentionRounding<T>::grad_output, {dhead, n, shape.head_width, width}, number,
                  key);
  score_gradients(shape, number, qkv, probabilities, dhead, key);
  const T* ds = dscores_.data();
  const std::size_t first_unit = number * ((n + kBlock - 1) / kBlock);
  for (std::size_t first = 0; first < n; first += kBlock) {
    const std::size_t unit = first_unit + first / kBlock;
    const std::size_t rows = std::min(kBlock, n - first), end = first + rows, seen = n - first;
    multiply(grad_query, unit, {ds + first * n, rows, end, n}, head.rows(head.k, 0, end),
             grad.rows(grad.q, first, rows), key);
    // Keys and values of a block are seen by rows from the block's start on.
    multiply(grad_key, unit, {ds + first * n + first, seen, rows, n},
             head.rows(head.q, first, seen), grad.rows(grad.k, first, rows), key);
    multiply(grad_value, unit, {probabilities + first * n + first, seen, rows, n},
             {dhead + first * width, seen, shape.head_width, width}, grad.rows(grad.v, first, rows),
             key);
  }
}

template <class T>
void Attention<T>::backward(const AttentionShape& shape, const T* qkv, const T* probabilities,
                            T* dout, T* dqkv, const StepKey& key) {
  const std::size_t n = shape.positions;
  dscores_.resize(n * n);
  for (std::size_t head = 0; head < shape.sequences * shape.heads; ++head) {
    backward_head(shape, head, qkv, probabilities + head * n * n, dout, dqkv, key);
  }
}

template class Attention<float>;
template class Attention<double>;

}  // namespace halfulp::nn
