#include "sim/nn/direction.h"
#include "sim/nn/moments.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

class Sgd final : public DirectionRule {
 public:
  Sgd(const OptimizerSpec& spec, const ParameterList& list)
      : momentum_(static_cast<float>(spec.momentum)),
        nesterov_(spec.nesterov),
        m_("optimizer.m", spec.first_moment, RandomPurpose::first_moment, list) {}

  void direction(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                 std::span<const float> /*weights*/, std::span<float> out) override {
    const std::span<float> m = m_.of(index);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      m[i] = momentum_ * m[i] + gradient[i];
      out[i] = nesterov_ ? gradient[i] + momentum_ * m[i] : m[i];
    }
    m_.requantize(step, index);
  }

  void visit_state(StateVisitor& visitor) override { m_.visit_state(visitor); }

 private:
  float momentum_;
  bool nesterov_;
  Moments m_;
};

}  // namespace

std::unique_ptr<DirectionRule> make_sgd(const OptimizerSpec& spec, const ParameterList& list) {
  return std::make_unique<Sgd>(spec, list);
}

}  // namespace halfulp::nn
