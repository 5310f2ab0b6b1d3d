#include <utility>

#include "sim/nn/adam_factors.h"
#include "sim/nn/direction.h"
#include "sim/nn/gram_basis.h"
#include "sim/nn/moments.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

constexpr double kTolerance = 1e-7;  ///< of an eigenbasis

/// Gram matrices, bases and rotations in binary64; moments and the direction in binary32. The order
/// of an update: Gram matrices, bases (when due, and at the first update), moments, direction.
class Soap final : public DirectionRule {
 public:
  Soap(const OptimizerSpec& spec, const ParameterList& list)
      : spec_(spec),
        list_(list),
        others_(make_adam(spec, list)),
        m_("optimizer.soap_m", spec.first_moment, RandomPurpose::first_moment, list),
        v_("optimizer.soap_v", spec.second_moment, RandomPurpose::second_moment, list) {
    for (const Parameter& p : list) {
      const bool is_matrix = is_hidden_matrix(p);
      bases_.emplace_back(is_matrix ? p.rows : 0, is_matrix ? p.cols : 0, spec_.soap);
    }
  }

  void begin() override {
    others_->begin();
    powers_[0] *= spec_.beta1;
    powers_[1] *= spec_.beta2;
    ++updates_;
  }

  void direction(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                 std::span<const float> weights, std::span<float> out) override {
    if (!is_hidden_matrix(list_[index])) {
      return others_->direction(step, index, gradient, weights, out);
    }
    GramBasis& basis = bases_[index];
    const DenseMatrix g(gradient.begin(), gradient.end());
    basis.add(g);
    if ((updates_ - 1) % spec_.soap.frequency == 0) basis.refresh(kTolerance);
    const AdamFactors adam(spec_, powers_[0], powers_[1]);
    const std::span<float> m = m_.of(index), v = v_.of(index);
    for (std::size_t i = 0; i < m.size(); ++i) m[i] = adam.first(m[i], gradient[i]);
    const DenseMatrix rotated_g = basis.into(g);
    DenseMatrix rotated = basis.into(DenseMatrix(m.begin(), m.end()));
    for (std::size_t i = 0; i < rotated.size(); ++i) {
      v[i] = adam.second(v[i], static_cast<float>(rotated_g[i]));
      rotated[i] = static_cast<double>(adam.direction(static_cast<float>(rotated[i]), v[i]));
    }
    const DenseMatrix direction = basis.out_of(std::move(rotated));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(direction[i]);
    m_.requantize(step, index);
    v_.requantize(step, index);
  }

  bool update_in_place(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                       std::span<float> weights) override {
    return !is_hidden_matrix(list_[index]) &&
           others_->update_in_place(step, index, gradient, weights);
  }

  void visit_state(StateVisitor& visitor) override {
    others_->visit_state(visitor);
    m_.visit_state(visitor);
    v_.visit_state(visitor);
    visitor.visit("optimizer.soap_beta_powers", std::span<double>(powers_));
    visitor.visit("optimizer.updates", std::span<std::int64_t>(&updates_, 1));
    for (std::size_t i = 0; i < bases_.size(); ++i) {
      if (!is_hidden_matrix(list_[i])) continue;
      bases_[i].visit_bases("optimizer.soap." + list_[i].name, visitor);
    }
  }

 private:
  OptimizerSpec spec_;
  const ParameterList& list_;
  std::unique_ptr<DirectionRule> others_;
  Moments m_, v_;
  std::vector<GramBasis> bases_;
  double powers_[2] = {1.0, 1.0};
  std::int64_t updates_ = 0;
};

}  // namespace

std::unique_ptr<DirectionRule> make_soap(const OptimizerSpec& spec, const ParameterList& list) {
  return std::make_unique<Soap>(spec, list);
}

}  // namespace halfulp::nn
