#include <cmath>
#include <utility>
#include <vector>

#include "sim/nn/adam_factors.h"
#include "sim/nn/gram_rule.h"

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
class Shampoo final : public GramRule {
 public:
  Shampoo(const OptimizerSpec& spec, const ParameterList& list) : GramRule("shampoo", spec, list) {}

  void begin() override {
    GramRule::begin();
    gram_power_ *= spec_.soap.decay;
  }

  void visit_state(StateVisitor& visitor) override {
    GramRule::visit_state(visitor);
    visitor.visit("optimizer.gram_power", std::span<double>(&gram_power_, 1));
    visitor.visit("optimizer.refresh_power", std::span<double>(&refresh_power_, 1));
    for (std::size_t i = 0; i < bases_.size(); ++i) {
      if (!is_hidden_matrix(list_[i])) continue;
      bases_[i].visit_values("optimizer.shampoo." + list_[i].name, visitor);
    }
  }

 private:
  void matrix_direction(std::size_t index, std::span<const float> gradient, std::span<float> m,
                        std::span<float> v, std::span<float> out) override {
    if (is_refresh()) {
      bases_[index].refresh(kTolerance);
      refresh_power_ = gram_power_;
    }
    const AdamFactors adam(spec_, powers_[0], powers_[1]);
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
  }

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

  double gram_power_ = 1.0, refresh_power_ = 1.0;  ///< decay^t, and at the last refresh
};

}  // namespace

std::unique_ptr<DirectionRule> make_shampoo(const OptimizerSpec& spec, const ParameterList& list) {
  return std::make_unique<Shampoo>(spec, list);
}

}  // namespace halfulp::nn
