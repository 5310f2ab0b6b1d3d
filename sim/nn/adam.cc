#include "sim/nn/adam_factors.h"
#include "sim/nn/direction.h"
#include "sim/nn/kernels.h"
#include "sim/nn/moments.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

class Adam final : public DirectionRule {
 public:
  Adam(const OptimizerSpec& spec, const ParameterList& list)
      : spec_(spec),
        list_(list),
        m_("optimizer.m", spec.first_moment, RandomPurpose::first_moment, list),
        v_("optimizer.v", spec.second_moment, RandomPurpose::second_moment, list) {}

  void begin() override {
    powers_[0] *= spec_.beta1;
    powers_[1] *= spec_.beta2;
  }

  void direction(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                 std::span<const float> /*weights*/, std::span<float> out) override {
    const AdamFactors adam(spec_, powers_[0], powers_[1]);
    const std::span<float> m = m_.of(index), v = v_.of(index);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      m[i] = adam.first(m[i], gradient[i]);
      v[i] = adam.second(v[i], gradient[i]);
      out[i] = adam.direction(m[i], v[i]);
    }
    m_.requantize(step, index);
    v_.requantize(step, index);
  }

  bool update_in_place(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                       std::span<float> weights) override {
    if (!m_.are_binary32() || !v_.are_binary32()) return false;
    const Parameter& p = list_[index];
    const AdamWStep own = {
        .learning_rate = step.learning_rate * p.learning_rate_factor,
        .beta1 = spec_.beta1,
        .beta2 = spec_.beta2,
        .epsilon = spec_.epsilon,
        .weight_decay = p.decays ? spec_.weight_decay * p.weight_decay_factor : 0.0,
        .bias_correction1 = 1.0 - powers_[0],
        .bias_correction2 = 1.0 - powers_[1],
        .gradient_scale = step.gradient_scale};
    kernels<float>().adamw_update(own, weights.data(), gradient.data(), m_.of(index).data(),
                                  v_.of(index).data(), p.size());
    return true;
  }

  void visit_state(StateVisitor& visitor) override {
    m_.visit_state(visitor);
    v_.visit_state(visitor);
    visitor.visit("optimizer.beta_powers", std::span<double>(powers_));
  }

 private:
  OptimizerSpec spec_;
  const ParameterList& list_;
  Moments m_, v_;
  double powers_[2] = {1.0, 1.0};  ///< beta1^t, beta2^t
};

}  // namespace

std::unique_ptr<DirectionRule> make_adam(const OptimizerSpec& spec, const ParameterList& list) {
  return std::make_unique<Adam>(spec, list);
}

}  // namespace halfulp::nn
