#include "sim/nn/optimizer.h"

#include <algorithm>
#include <string_view>

#include "formats/spec.h"
#include "sim/nn/direction.h"
#include "sim/nn/held_weights.h"
#include "sim/nn/rounded_arithmetic.h"

namespace halfulp::nn {
namespace {

std::unique_ptr<DirectionRule> make_rule(const OptimizerSpec& spec, const ParameterList& list) {
  const bool rounds = !Quantizer(spec.arithmetic).is_identity();
  switch (spec.kind) {
    case OptimizerKind::adamw:
      return rounds ? make_rounded_adam(spec, list) : make_adam(spec, list);
    case OptimizerKind::sgd:
      return rounds ? make_rounded_sgd(spec, list) : make_sgd(spec, list);
    case OptimizerKind::adafactor:
      return make_adafactor(spec, list);
    case OptimizerKind::muon:
      return make_muon(spec, list);
    case OptimizerKind::soap:
      return make_soap(spec, list);
    case OptimizerKind::shampoo:
      return make_shampoo(spec, list);
  }
  return nullptr;
}

void check(const OptimizerSpec& spec) {
  const bool rounds = !Quantizer(spec.arithmetic).is_identity();
  if (rounds && spec.kind != OptimizerKind::adamw && spec.kind != OptimizerKind::sgd) {
    throw SpecError("rounded arithmetic is there for AdamW and SGD", 0);
  }
  if (spec.weights.rule != WeightRule::collage_plus) return;
  // A second moment in the format of the arithmetic is what it is anyway.
  const bool keeps_second =
      Quantizer(spec.second_moment).is_identity() || spec.second_moment == spec.arithmetic;
  if (spec.kind != OptimizerKind::adamw || spec.arithmetic != spec.weights.held() ||
      !keeps_second) {
    throw SpecError(
        "collage_plus keeps AdamW's second moment as a pair: it and its arithmetic must be in the "
        "format that holds the weights",
        0);
  }
}

/// A direction rule, the step against its direction, and the weights that it goes to.
class SteppedOptimizer final : public Optimizer {
 public:
  SteppedOptimizer(const OptimizerSpec& spec, const std::vector<Parameter>& parameters)
      : spec_(spec), parameters_(parameters), held_(spec.weights, parameters) {
    check(spec);
    rule_ = make_rule(spec, parameters);
    if (!Quantizer(spec.arithmetic).is_identity()) to_.emplace(spec.arithmetic);
    const auto largest =
        std::max_element(parameters.begin(), parameters.end(),
                         [](const auto& a, const auto& b) { return a.size() < b.size(); });
    gradient_.resize(largest->size());
    direction_.resize(largest->size());
  }

  void initialize(std::uint64_t seed, std::span<float> weights) override {
    held_.initialize(seed, weights);
  }

  void update(const UpdateStep& step, std::span<float> weights,
              std::span<const float> gradients) override {
    rule_->begin();
    const bool can_fuse = held_.are_plain() && step.observer == nullptr;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const Parameter& p = parameters_[i];
      const std::span<const float> gradient = gradients.subspan(p.offset, p.size());
      const std::span<float> held = held_.of(i, weights);
      if (can_fuse && rule_->update_in_place(step, i, gradient, held)) continue;
      const auto scale = static_cast<float>(step.gradient_scale);
      const std::span<float> scaled = std::span(gradient_).first(p.size());
      for (std::size_t j = 0; j < p.size(); ++j) scaled[j] = scale * gradient[j];
      const std::span<float> direction = std::span(direction_).first(p.size());
      rule_->direction(step, i, scaled, held, direction);
      to_decrement(step, p, held, direction);
      held_.subtract(step, i, direction, weights);
    }
    held_.publish(step.seed, step.step, weights);
  }

  void visit_state(StateVisitor& visitor) override {
    rule_->visit_state(visitor);
    held_.visit_state(visitor);
  }

 private:
  /// d becomes rate (d + decay w).
  void to_decrement(const UpdateStep& step, const Parameter& p, std::span<const float> weights,
                    std::span<float> d) const {
    const double learning_rate = step.learning_rate * p.learning_rate_factor;
    const double weight_decay = p.decays ? spec_.weight_decay * p.weight_decay_factor : 0.0;
    if (to_) {
      const Values decayed = to_->mul(load(weights), to_->constant(weight_decay));
      store(to_->mul(to_->add(load(d), decayed), to_->constant(learning_rate)), d);
      return;
    }
    const auto rate = static_cast<float>(learning_rate), decay = static_cast<float>(weight_decay);
    for (std::size_t j = 0; j < d.size(); ++j) d[j] = rate * (d[j] + decay * weights[j]);
  }

  OptimizerSpec spec_;
  const std::vector<Parameter>& parameters_;
  HeldWeights held_;
  std::unique_ptr<DirectionRule> rule_;
  std::optional<RoundedArithmetic> to_;
  AlignedVector<float> gradient_, direction_;  ///< of one parameter
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const OptimizerSpec& spec,
                                          const std::vector<Parameter>& parameters) {
  return std::make_unique<SteppedOptimizer>(spec, parameters);
}

bool is_hidden_matrix(const Parameter& parameter) {
  const std::string_view name = parameter.name;
  return parameter.rows > 1 && parameter.cols > 1 &&
         name.find("embedding") == std::string_view::npos && name != "head";
}

std::size_t flat_size(const std::vector<Parameter>& parameters) {
  const Parameter& last = parameters.back();
  return last.offset + (last.size() + 15) / 16 * 16;
}

}  // namespace halfulp::nn
