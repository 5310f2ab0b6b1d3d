#include "sim/nn/optimizer.h"

#include "sim/aligned_vector.h"
#include "sim/nn/kernels.h"

namespace halfulp::nn {
namespace {

/// AdamW with binary32 moments and weights.
class AdamW final : public Optimizer {
 public:
  AdamW(const OptimizerSpec& spec, const std::vector<Parameter>& parameters)
      : spec_(spec), parameters_(parameters) {
    const Parameter& last = parameters.back();
    m_.resize(last.offset + (last.size() + 15) / 16 * 16);
    v_.resize(m_.size());
  }

  void update(const UpdateStep& step, std::span<float> weights,
              std::span<const float> gradients) override {
    powers_[0] *= spec_.beta1;
    powers_[1] *= spec_.beta2;
    AdamWStep own = {.learning_rate = step.learning_rate,
                     .beta1 = spec_.beta1,
                     .beta2 = spec_.beta2,
                     .epsilon = spec_.epsilon,
                     .weight_decay = 0.0,
                     .bias_correction1 = 1.0 - powers_[0],
                     .bias_correction2 = 1.0 - powers_[1],
                     .gradient_scale = step.gradient_scale};
    for (const Parameter& p : parameters_) {
      own.learning_rate = step.learning_rate * p.learning_rate_factor;
      own.weight_decay = p.decays ? spec_.weight_decay * p.weight_decay_factor : 0.0;
      kernels<float>().adamw_update(own, weights.data() + p.offset, gradients.data() + p.offset,
                                    m_.data() + p.offset, v_.data() + p.offset, p.size());
    }
  }

  void visit_state(StateVisitor& visitor) override {
    visitor.visit("optimizer.m", std::span<float>(m_));
    visitor.visit("optimizer.v", std::span<float>(v_));
    visitor.visit("optimizer.beta_powers", std::span<double>(powers_));
  }

 private:
  OptimizerSpec spec_;
  const std::vector<Parameter>& parameters_;
  AlignedVector<float> m_, v_;
  double powers_[2] = {1.0, 1.0};  ///< beta1^t, beta2^t
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const OptimizerSpec& spec,
                                          const std::vector<Parameter>& parameters) {
  return std::make_unique<AdamW>(spec, parameters);
}

}  // namespace halfulp::nn
