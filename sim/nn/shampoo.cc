#include <cmath>
#include <utility>
#include <vector>

#include "sim/nn/adam_factors.h"
#include "sim/nn/direction.h"
#include "sim/nn/gram_basis.h"
#include "sim/nn/moments.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

// Roots magnify what is left off the diagonal of small eigenvalues, so that it is smaller than
// SOAP's.
constexpr double kTolerance = 1e-13;
// Defaults of facebookresearch/optimizers: what is added to eigenvalues, and to a norm divided by.
constexpr double kEpsilon = 1e-12, kLeastNorm = 1e-16;

double norm(const DenseMatrix& x) {
  double sum = 0.0;
  for (const double value : x) sum += value * value;
  return std::sqrt(sum);
}

/// (max(values, 0) / correction + epsilon)^(-1/4) by square roots alone, and 1 for a side without
/// a Gram matrix.
std::vector<double> inverse_roots(std::span<const double> values, std::size_t n,
                                  double correction) {
  std::vector<double> roots(n, 1.0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = values[i] > 0.0 ? values[i] / correction : 0.0;
    roots[i] = 1.0 / std::sqrt(std::sqrt(value + kEpsilon));
  }
  return roots;
}

/// Gram matrices, roots and the preconditioned direction in binary64; m, v and Adam's direction as
/// in AdamW. The order of an update: Gram matrices, roots (when due, and at the first update),
/// moments, direction.
class Shampoo final : public DirectionRule {
 public:
  Shampoo(const OptimizerSpec& spec, const ParameterList& list)
      : spec_(spec),
        list_(list),
        others_(make_adam(spec, list)),
        m_("optimizer.shampoo_m", spec.first_moment, RandomPurpose::first_moment, list),
        v_("optimizer.shampoo_v", spec.second_moment, RandomPurpose::second_moment, list) {
    for (const Parameter& p : list) {
      const bool is_matrix = is_hidden_matrix(p);
      bases_.emplace_back(is_matrix ? p.rows : 0, is_matrix ? p.cols : 0, spec_.soap);
    }
  }

  void begin() override {
    others_->begin();
    powers_[0] *= spec_.beta1;
    powers_[1] *= spec_.beta2;
    gram_power_ *= spec_.soap.decay;
    ++updates_;
  }

  void direction(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                 std::span<const float> weights, std::span<float> out) override {
    if (!is_hidden_matrix(list_[index])) {
      return others_->direction(step, index, gradient, weights, out);
    }
    GramBasis& basis = bases_[index];
    basis.add(DenseMatrix(gradient.begin(), gradient.end()));
    if ((updates_ - 1) % spec_.soap.frequency == 0) {
      basis.refresh(kTolerance);
      refresh_power_ = gram_power_;
    }
    const AdamFactors adam(spec_, powers_[0], powers_[1]);
    const std::span<float> m = m_.of(index), v = v_.of(index);
    double squares = 0.0;
    for (std::size_t i = 0; i < m.size(); ++i) {
      m[i] = adam.first(m[i], gradient[i]);
      v[i] = adam.second(v[i], gradient[i]);
      const auto d = static_cast<double>(adam.direction(m[i], v[i]));
      squares += d * d;
    }
    const DenseMatrix preconditioned = precondition(index, DenseMatrix(m.begin(), m.end()));
    const double factor = std::sqrt(squares) / (norm(preconditioned) + kLeastNorm);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<float>(factor * preconditioned[i]);
    }
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
    visitor.visit("optimizer.shampoo_beta_powers", std::span<double>(powers_));
    visitor.visit("optimizer.gram_power", std::span<double>(&gram_power_, 1));
    visitor.visit("optimizer.refresh_power", std::span<double>(&refresh_power_, 1));
    visitor.visit("optimizer.updates", std::span<std::int64_t>(&updates_, 1));
    for (std::size_t i = 0; i < bases_.size(); ++i) {
      if (!is_hidden_matrix(list_[i])) continue;
      bases_[i].visit_bases("optimizer.shampoo." + list_[i].name, visitor);
      bases_[i].visit_values("optimizer.shampoo." + list_[i].name, visitor);
    }
  }

 private:
  /// L^(-1/4) x R^(-1/4) with the Gram matrices of the last refresh.
  DenseMatrix precondition(std::size_t index, DenseMatrix x) const {
    const Parameter& p = list_[index];
    const GramBasis& basis = bases_[index];
    const double correction = 1.0 - refresh_power_;
    const auto left = inverse_roots(basis.left_values(), p.rows, correction);
    const auto right = inverse_roots(basis.right_values(), p.cols, correction);
    DenseMatrix rotated = basis.into(std::move(x));
    for (std::size_t r = 0; r < p.rows; ++r) {
      for (std::size_t c = 0; c < p.cols; ++c) rotated[r * p.cols + c] *= left[r] * right[c];
    }
    return basis.out_of(std::move(rotated));
  }

  OptimizerSpec spec_;
  const ParameterList& list_;
  std::unique_ptr<DirectionRule> others_;
  Moments m_, v_;
  std::vector<GramBasis> bases_;
  double powers_[2] = {1.0, 1.0};
  double gram_power_ = 1.0, refresh_power_ = 1.0;  ///< decay^t, and at the last refresh
  std::int64_t updates_ = 0;
};

}  // namespace

std::unique_ptr<DirectionRule> make_shampoo(const OptimizerSpec& spec, const ParameterList& list) {
  return std::make_unique<Shampoo>(spec, list);
}

}  // namespace halfulp::nn
