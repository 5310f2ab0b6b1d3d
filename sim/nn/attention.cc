#include "sim/nn/attention.h"

#include <algorithm>

#include "sim/elementary.h"
#include "sim/nn/kernels.h"
#include "sim/nn/matmul.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kBlock = 64;  ///< rows of scores that are computed together

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

template <class T>
T score_scale(std::size_t head_width) {
  return static_cast<T>(pinned_exp(-0.5 * pinned_log(static_cast<double>(head_width))));
}

}  // namespace

template <class T>
void Attention<T>::forward(const AttentionShape& shape, const T* qkv, T* out, T* probabilities) {
  const std::size_t n = shape.positions;
  const T scale = score_scale<T>(shape.head_width);
  for (std::size_t s = 0; s < shape.sequences; ++s) {
    for (std::size_t h = 0; h < shape.heads; ++h, probabilities += n * n) {
      const Head<T, const T> head(shape, qkv, s, h);
      for (std::size_t first = 0; first < n; first += kBlock) {
        const std::size_t rows = std::min(kBlock, n - first), end = first + rows;
        T* p = probabilities + first * n;
        matmul_nt<T>(head.rows(head.q, first, rows), head.rows(head.k, 0, end), {p, rows, end, n});
        kernels<T>().causal_softmax_forward(p, n, rows, end, first, scale);
        T* o = out + (s * n + first) * shape.width() + h * shape.head_width;
        matmul_nn<T>({p, rows, end, n}, head.rows(head.v, 0, end),
                     {o, rows, shape.head_width, shape.width()});
      }
    }
  }
}

template <class T>
void Attention<T>::backward(const AttentionShape& shape, const T* qkv, const T* probabilities,
                            const T* dout, T* dqkv) {
  const std::size_t n = shape.positions, width = shape.width();
  const T scale = score_scale<T>(shape.head_width);
  dscores_.resize(n * n);
  T* ds = dscores_.data();
  for (std::size_t s = 0; s < shape.sequences; ++s) {
    for (std::size_t h = 0; h < shape.heads; ++h, probabilities += n * n) {
      const Head<T, const T> head(shape, qkv, s, h);
      const Head<T, T> grad(shape, dqkv, s, h);
      const T* dhead = dout + s * n * width + h * shape.head_width;
      for (std::size_t first = 0; first < n; first += kBlock) {
        const std::size_t rows = std::min(kBlock, n - first), end = first + rows;
        T* block = ds + first * n;
        matmul_nt<T>({dhead + first * width, rows, shape.head_width, width},
                     head.rows(head.v, 0, end), {block, rows, end, n});
        kernels<T>().causal_softmax_backward(probabilities + first * n, block, n, rows, end, first,
                                             scale);
        matmul_nn<T>({block, rows, end, n}, head.rows(head.k, 0, end),
                     grad.rows(grad.q, first, rows));
      }
      // Keys and values of a block are seen by rows from the block's start on.
      for (std::size_t first = 0; first < n; first += kBlock) {
        const std::size_t cols = std::min(kBlock, n - first), seen = n - first;
        matmul_tn<T>({ds + first * n + first, seen, cols, n}, head.rows(head.q, first, seen),
                     grad.rows(grad.k, first, cols));
        matmul_tn<T>({probabilities + first * n + first, seen, cols, n},
                     {dhead + first * width, seen, shape.head_width, width},
                     grad.rows(grad.v, first, cols));
      }
    }
  }
}

template class Attention<float>;
template class Attention<double>;

}  // namespace halfulp::nn
