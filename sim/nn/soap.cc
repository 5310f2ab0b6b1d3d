#include <utility>

#include "sim/nn/adam_factors.h"
#include "sim/nn/gram_rule.h"

namespace halfulp::nn {
namespace {

constexpr double kTolerance = 1e-7;  ///< of an eigenbasis

/// Gram matrices, bases and rotations in binary64; moments and the direction in binary32. The order
/// of an update: Gram matrices, bases (when due, and at the first update), moments, direction.
class Soap final : public GramRule {
 public:
  Soap(const OptimizerSpec& spec, const ParameterList& list) : GramRule("soap", spec, list) {}

 private:
  void matrix_direction(std::size_t index, std::span<const float> gradient, std::span<float> m,
                        std::span<float> v, std::span<float> out) override {
    GramBasis& basis = bases_[index];
    if (is_refresh()) basis.refresh(kTolerance);
    const AdamFactors adam(spec_, powers_[0], powers_[1]);
    for (std::size_t i = 0; i < m.size(); ++i) m[i] = adam.first(m[i], gradient[i]);
    const DenseMatrix rotated_g = basis.into(DenseMatrix(gradient.begin(), gradient.end()));
    DenseMatrix rotated = basis.into(DenseMatrix(m.begin(), m.end()));
    for (std::size_t i = 0; i < rotated.size(); ++i) {
      v[i] = adam.second(v[i], static_cast<float>(rotated_g[i]));
      rotated[i] = static_cast<double>(adam.direction(static_cast<float>(rotated[i]), v[i]));
    }
    const DenseMatrix direction = basis.out_of(std::move(rotated));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(direction[i]);
  }
};

}  // namespace

std::unique_ptr<DirectionRule> make_soap(const OptimizerSpec& spec, const ParameterList& list) {
  return std::make_unique<Soap>(spec, list);
}

}  // namespace halfulp::nn
