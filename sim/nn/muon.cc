#include <algorithm>
#include <cmath>

#include "sim/nn/direction.h"
#include "sim/nn/moments.h"
#include "sim/nn/newton_schulz.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

/// Hidden matrices: b = m b + (1 - m) g; with Nesterov (1 - m) g + m b, else b; orthogonalized,
/// then times MuonScale. Everything else: AdamW.
class Muon final : public DirectionRule {
 public:
  Muon(const OptimizerSpec& spec, const ParameterList& list)
      : spec_(spec.muon),
        list_(list),
        others_(make_adam(spec, list)),
        momentum_("optimizer.momentum", spec.first_moment, RandomPurpose::first_moment, list),
        iterates_(spec.muon.iterates) {}

  void begin() override { others_->begin(); }

  void direction(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                 std::span<const float> weights, std::span<float> out) override {
    const Parameter& p = list_[index];
    if (!is_hidden_matrix(p)) return others_->direction(step, index, gradient, weights, out);
    const auto keep = static_cast<float>(spec_.momentum);
    const auto rest = static_cast<float>(1.0 - spec_.momentum);
    const std::span<float> b = momentum_.of(index);
    for (std::size_t i = 0; i < b.size(); ++i) {
      b[i] = keep * b[i] + rest * gradient[i];
      out[i] = spec_.nesterov ? rest * gradient[i] + keep * b[i] : b[i];
    }
    momentum_.requantize(step, index);
    orthogonalize(out, p.rows, p.cols, spec_.steps, iterates_,
                  {step.seed, static_cast<std::uint32_t>(RandomPurpose::newton_schulz),
                   static_cast<std::uint32_t>(index) << 8, static_cast<std::uint32_t>(step.step)});
    const auto factor = static_cast<float>(scale(p));
    for (float& value : out) value *= factor;
  }

  bool update_in_place(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                       std::span<float> weights) override {
    return !is_hidden_matrix(list_[index]) &&
           others_->update_in_place(step, index, gradient, weights);
  }

  void visit_state(StateVisitor& visitor) override {
    others_->visit_state(visitor);
    momentum_.visit_state(visitor);
  }

 private:
  double scale(const Parameter& p) const {
    const auto rows = static_cast<double>(p.rows), cols = static_cast<double>(p.cols);
    return spec_.scale == MuonScale::match_rms ? 0.2 * std::sqrt(std::max(rows, cols))
                                               : std::sqrt(std::max(1.0, rows / cols));
  }

  OptimizerSpec::Muon spec_;
  const ParameterList& list_;
  std::unique_ptr<DirectionRule> others_;
  Moments momentum_;
  Quantizer iterates_;
};

}  // namespace

std::unique_ptr<DirectionRule> make_muon(const OptimizerSpec& spec, const ParameterList& list) {
  return std::make_unique<Muon>(spec, list);
}

}  // namespace halfulp::nn
