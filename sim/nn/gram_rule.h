// What SOAP and Shampoo share: the hidden matrices have Gram matrices, bases and two moments of
// their own, all other parameters go to AdamW.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/nn/direction.h"
#include "sim/nn/gram_basis.h"
#include "sim/nn/moments.h"

namespace halfulp::nn {

/// Names of its state begin with "optimizer.NAME".
class GramRule : public DirectionRule {
 public:
  GramRule(const std::string& name, const OptimizerSpec& spec, const ParameterList& list);

  void begin() override;
  void direction(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                 std::span<const float> weights, std::span<float> out) final;
  bool update_in_place(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                       std::span<float> weights) final;
  void visit_state(StateVisitor& visitor) override;

 protected:
  /// The direction of a hidden matrix whose gradient the basis has: moments m and v are updated in
  /// binary32 and not yet requantized.
  virtual void matrix_direction(std::size_t index, std::span<const float> gradient,
                                std::span<float> m, std::span<float> v, std::span<float> out) = 0;

  /// Whether bases are made anew in this update: in the first, and then at the frequency.
  bool is_refresh() const { return (updates_ - 1) % spec_.soap.frequency == 0; }

  const OptimizerSpec spec_;
  const ParameterList& list_;
  std::vector<GramBasis> bases_;
  double powers_[2] = {1.0, 1.0};  ///< beta1^t, beta2^t

 private:
  std::string name_;
  std::unique_ptr<DirectionRule> others_;
  Moments m_, v_;
  std::int64_t updates_ = 0;
};

}  // namespace halfulp::nn
