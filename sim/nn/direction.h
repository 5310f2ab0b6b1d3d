// From gradients to directions: the part of an optimizer that its learning rate multiplies. Every
// rule computes in binary32 with separate roundings unless it says otherwise, hyper-parameters
// rounded to binary32 first.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "sim/nn/optimizer.h"

namespace halfulp::nn {

class DirectionRule {
 public:
  virtual ~DirectionRule() = default;

  /// Called once at the start of every update.
  virtual void begin() {}

  /// What is subtracted from parameter `index` times the learning rate, and new moments. `gradient`
  /// is clipped; `weights` are the held ones.
  virtual void direction(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                         std::span<const float> weights, std::span<float> out) = 0;

  /// The whole update of binary32 weights at once, with the same bits, where the rule has a kernel
  /// for it: true when done. `gradient` is not clipped yet.
  virtual bool update_in_place(const UpdateStep& /*step*/, std::size_t /*index*/,
                               std::span<const float> /*gradient*/, std::span<float> /*weights*/) {
    return false;
  }

  virtual void visit_state(StateVisitor& visitor) = 0;
};

using ParameterList = std::vector<Parameter>;

/// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, m^ / (sqrt(v^) + epsilon), as the kernel
/// adamw_update in binary32; rounded: each operation in spec.arithmetic.
std::unique_ptr<DirectionRule> make_adam(const OptimizerSpec& spec, const ParameterList& list);
std::unique_ptr<DirectionRule> make_rounded_adam(const OptimizerSpec& spec,
                                                 const ParameterList& list);

/// b = momentum b + g, then b, or g + momentum b with Nesterov (Sutskever et al. 2013, in the form
/// of PyTorch without dampening).
std::unique_ptr<DirectionRule> make_sgd(const OptimizerSpec& spec, const ParameterList& list);
std::unique_ptr<DirectionRule> make_rounded_sgd(const OptimizerSpec& spec,
                                                const ParameterList& list);

/// Shazeer and Stern 2018, algorithms 4 and 5 without a first moment: matrices keep sums of their
/// squared gradients over rows and over columns, vectors a whole second moment.
std::unique_ptr<DirectionRule> make_adafactor(const OptimizerSpec& spec, const ParameterList& list);

/// Jordan 2024: momentum, orthogonalized by Newton-Schulz.
std::unique_ptr<DirectionRule> make_muon(const OptimizerSpec& spec, const ParameterList& list);

/// Vyas et al. 2024, algorithm 3: Adam in the eigenbasis of Shampoo's two Gram matrices.
std::unique_ptr<DirectionRule> make_soap(const OptimizerSpec& spec, const ParameterList& list);

/// Gupta et al. 2018 as in Shi et al. 2023 (facebookresearch/optimizers): L^(-1/4) m R^(-1/4), L
/// and R the running means of g g^T and g^T g, with the norm that Adam's direction has.
std::unique_ptr<DirectionRule> make_shampoo(const OptimizerSpec& spec, const ParameterList& list);

}  // namespace halfulp::nn
