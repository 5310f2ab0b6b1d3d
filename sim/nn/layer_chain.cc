#include "sim/nn/layer_chain.h"

#include <algorithm>
#include <utility>

namespace halfulp::nn {

template <class T>
void LayerChain<T>::push(LayerPtr<T> layer, std::size_t in, std::size_t out) {
  stages_.push_back({std::move(layer), AlignedVector<T>(max_rows_ * in), out});
  for (AlignedVector<T>& memory : gradients_) {
    memory.resize(std::max(memory.size(), max_rows_ * std::max(in, out)));
  }
}

template <class T>
void LayerChain<T>::forward(const T* x, T* y, std::size_t rows, const StepKey& key) {
  std::copy_n(x, rows * stages_[0].input.size() / max_rows_, stages_[0].input.data());
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    T* out = i + 1 < stages_.size() ? stages_[i + 1].input.data() : y;
    stages_[i].layer->forward(stages_[i].input.data(), out, rows, key);
  }
}

template <class T>
void LayerChain<T>::backward(const T* dy, T* dx, std::size_t rows, const StepKey& key) {
  T* above = gradients_[0].data();
  T* below = gradients_[1].data();
  std::copy_n(dy, rows * stages_.back().out, above);
  for (std::size_t i = stages_.size(); i-- > 0; std::swap(above, below)) {
    stages_[i].layer->backward(stages_[i].input.data(), above, i > 0 ? below : dx, rows, key);
  }
}

template <class T>
void LayerChain<T>::visit_state(StateVisitor& visitor) {
  for (Stage& stage : stages_) stage.layer->visit_state(visitor);
}

template class LayerChain<float>;
template class LayerChain<double>;

}  // namespace halfulp::nn
