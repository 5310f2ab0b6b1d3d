// Stages one after the other, with the memory between them.
#pragma once

#include <cstddef>
#include <vector>

#include "sim/nn/layer.h"

namespace halfulp::nn {

template <class T>
class LayerChain {
 public:
  /// `max_rows` bounds the rows of one call.
  explicit LayerChain(std::size_t max_rows) : max_rows_(max_rows) {}

  /// `layer` maps rows of `in` to rows of `out` numbers; `in` is the `out` of the layer before.
  void push(LayerPtr<T> layer, std::size_t in, std::size_t out);

  /// y (rows x out of the last) from x (rows x in of the first), which is not changed.
  void forward(const T* x, T* y, std::size_t rows, const StepKey& key);

  /// dx from dy, which is not changed, after forward(). dx may be null.
  void backward(const T* dy, T* dx, std::size_t rows, const StepKey& key);

  void visit_state(StateVisitor& visitor);

 private:
  struct Stage {
    LayerPtr<T> layer;
    AlignedVector<T> input;  ///< max_rows x in
    std::size_t out;
  };

  std::size_t max_rows_;
  std::vector<Stage> stages_;
  AlignedVector<T> gradients_[2];  ///< in turn those of a stage's output and of its input
};

}  // namespace halfulp::nn
