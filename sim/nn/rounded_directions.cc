// AdamW and SGD with every operation rounded to OptimizerSpec::arithmetic. Constants are computed
// in binary64 and rounded once: so beta2 = 0.999 is 1 in bfloat16, and 1 - beta2 is not 0 for all
// that.
#include <algorithm>
#include <optional>

#include "sim/nn/direction.h"
#include "sim/nn/moments.h"
#include "sim/nn/rounded_arithmetic.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

/// Elements that go through the operations together: they stay in the L1 and L2 caches.
constexpr std::size_t kChunk = 1024;

template <class Body>
void for_each_chunk(std::size_t n, const Body& body) {
  for (std::size_t start = 0; start < n; start += kChunk) body(start, std::min(kChunk, n - start));
}

/// Steps, each rounded, where g is the gradient rounded first and s1 = 1 / (1 - beta1^t):
///   m = (b1 m) + (r1 g);  v = (b2 v) + (r2 (g g));  (m s1) / (sqrt(v s2) + epsilon)
/// With collage_plus v and b2 are pairs: v = grow(scale(v, b2), r2 (g g)); v's leading part counts.
class RoundedAdam final : public DirectionRule {
 public:
  RoundedAdam(const OptimizerSpec& spec, const ParameterList& list)
      : spec_(spec),
        to_(spec.arithmetic),
        m_("optimizer.m", spec.first_moment, RandomPurpose::first_moment, list),
        v_("optimizer.v", spec.second_moment, RandomPurpose::second_moment, list) {
    if (spec.weights.rule == WeightRule::collage_plus) {
      v_low_.emplace("optimizer.v_low", spec.second_moment, RandomPurpose::second_moment, list);
    }
  }

  void begin() override {
    powers_[0] *= spec_.beta1;
    powers_[1] *= spec_.beta2;
  }

  void direction(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                 std::span<const float> /*weights*/, std::span<float> out) override {
    for_each_chunk(gradient.size(), [&](std::size_t start, std::size_t count) {
      chunk(index, start, gradient.subspan(start, count), out.subspan(start, count));
    });
    m_.requantize(step, index);
    v_.requantize(step, index);
  }

  void visit_state(StateVisitor& visitor) override {
    m_.visit_state(visitor);
    v_.visit_state(visitor);
    if (v_low_) v_low_->visit_state(visitor);
    visitor.visit("optimizer.beta_powers", std::span<double>(powers_));
  }

 private:
  void chunk(std::size_t index, std::size_t start, std::span<const float> gradient,
             std::span<float> out) {
    const auto constant = [&](double x) { return to_.constant(x); };
    const std::span<float> m_kept = m_.of(index).subspan(start, gradient.size());
    const Values g = to_.round(gradient);
    const Values m = to_.add(to_.mul(load(m_kept), constant(spec_.beta1)),
                             to_.mul(g, constant(1.0 - spec_.beta1)));
    const Values v =
        second_moment(index, start, to_.mul(to_.mul(g, g), constant(1.0 - spec_.beta2)));
    store(m, m_kept);
    const Values root = to_.sqrt(to_.mul(v, constant(1.0 / (1.0 - powers_[1]))));
    store(to_.div(to_.mul(m, constant(1.0 / (1.0 - powers_[0]))),
                  to_.add(root, constant(spec_.epsilon))),
          out);
  }

  Values second_moment(std::size_t index, std::size_t start, const Values& squares) {
    const std::span<float> kept = v_.of(index).subspan(start, squares.size());
    const double beta2 = to_.constant(spec_.beta2);
    if (!v_low_) {
      const Values v = to_.add(to_.mul(load(kept), beta2), squares);
      store(v, kept);
      return v;
    }
    const std::span<float> low = v_low_->of(index).subspan(start, squares.size());
    const ValuePairs decayed =
        to_.scale({load(kept), load(low)}, beta2, to_.constant(spec_.beta2 - beta2));
    const ValuePairs v = to_.grow(decayed, squares);
    store(v.high, kept);
    store(v.low, low);
    return v.high;
  }

  OptimizerSpec spec_;
  RoundedArithmetic to_;
  Moments m_, v_;
  std::optional<Moments> v_low_;
  double powers_[2] = {1.0, 1.0};
};

/// b = (momentum b) + g; Nesterov: g + (momentum b).
class RoundedSgd final : public DirectionRule {
 public:
  RoundedSgd(const OptimizerSpec& spec, const ParameterList& list)
      : spec_(spec),
        to_(spec.arithmetic),
        m_("optimizer.m", spec.first_moment, RandomPurpose::first_moment, list) {}

  void direction(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                 std::span<const float> /*weights*/, std::span<float> out) override {
    const double momentum = to_.constant(spec_.momentum);
    for_each_chunk(gradient.size(), [&](std::size_t start, std::size_t count) {
      const std::span<float> kept = m_.of(index).subspan(start, count);
      const Values g = to_.round(gradient.subspan(start, count));
      const Values m = to_.add(to_.mul(load(kept), momentum), g);
      store(m, kept);
      store(spec_.nesterov ? to_.add(g, to_.mul(m, momentum)) : m, out.subspan(start, count));
    });
    m_.requantize(step, index);
  }

  void visit_state(StateVisitor& visitor) override { m_.visit_state(visitor); }

 private:
  OptimizerSpec spec_;
  RoundedArithmetic to_;
  Moments m_;
};

}  // namespace

std::unique_ptr<DirectionRule> make_rounded_adam(const OptimizerSpec& spec,
                                                 const ParameterList& list) {
  return std::make_unique<RoundedAdam>(spec, list);
}

std::unique_ptr<DirectionRule> make_rounded_sgd(const OptimizerSpec& spec,
                                                const ParameterList& list) {
  return std::make_unique<RoundedSgd>(spec, list);
}

}  // namespace halfulp::nn
