// A mixture of experts in the place of a block's feed-forward layer: a linear router chooses one or
// two experts for every row (sim/nn/routing.h), each a pair of linear layers around the activation
// function; y = sum over the chosen experts, best first, of gate * expert(x).
//
// Experts see their rows in ascending order. A gate's gradient is the binary64 sum over columns of
// dy times the expert's output, ascending.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/nn/layer_functions.h"
#include "sim/nn/model_config.h"
#include "sim/nn/model_parts.h"
#include "sim/nn/parameter_set.h"
#include "sim/nn/routing.h"

namespace halfulp::nn {

struct ExpertsShape {
  std::size_t width, hidden;
  std::size_t experts;
  std::size_t per_token;
  Activation activation;
  double balance;  ///< coefficient of Routing::imbalance() in what is minimized
};

ExpertsShape experts_shape(const ModelConfig& config);

/// BLOCK.router, BLOCK.experts.0.up, BLOCK.experts.0.down, ...; `residual` scales the standard
/// deviation of .down.
std::vector<Parameter> expert_parameters(const std::string& block, const ExpertsShape& shape,
                                         double residual);

std::vector<std::string> expert_layer_names(const std::string& block, std::size_t experts);

template <class T>
class Experts {
 public:
  /// Throws as Linear. `index` distinguishes blocks in random streams.
  Experts(const std::string& block, const ExpertsShape& shape, const ModelParts<T>& parts,
          std::uint32_t index, std::size_t max_rows);

  /// y from x (rows x width), which stays as it is.
  void forward(const T* x, T* y, std::size_t rows, const LayerFunctions<T>& functions,
               const StepKey& key);

  /// dx from dy; gradients are overwritten, those of experts without rows with zeros. The load
  /// balance's part, times key.loss_scale, is in them.
  void backward(const T* dy, T* dx, std::size_t rows, const StepKey& key);

  /// Running statistics of the linear layers' operands.
  void visit_state(StateVisitor& visitor) {
    router_.visit_state(visitor);
    for (Expert& expert : experts_) {
      for (LinearLayer<T>* layer : {&expert.up, &expert.down}) layer->visit_state(visitor);
    }
  }

  /// Of the last forward().
  const Routing& routing() const { return routing_; }

  double balance_loss() const { return shape_.balance * routing_.imbalance(); }

 private:
  struct Expert {
    LinearLayer<T> up, down;
    T *up_gradient, *down_gradient;
  };

  std::size_t raised_width() const {
    return shape_.activation == Activation::swiglu ? 2 * shape_.hidden : shape_.hidden;
  }

  void run_expert(std::size_t number, const LayerFunctions<T>& functions, const StepKey& key);
  void expert_backward(std::size_t number, const StepKey& key);

  ExpertsShape shape_;
  LinearLayer<T> router_;
  std::vector<Expert> experts_;
  std::uint32_t index_;
  Routing routing_;
  AlignedVector<T> router_input_, logits_;
  // One row for each assignment, in Routing::order.
  AlignedVector<T> gathered_, raised_, activated_, results_;
  AlignedVector<T> dresults_, dactivated_, draised_, dgathered_;
};

}  // namespace halfulp::nn
