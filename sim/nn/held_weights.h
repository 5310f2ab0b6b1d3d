// The weights that updates are added to, in the format that holds them, and the weights that the
// model reads.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "sim/aligned_vector.h"
#include "sim/nn/optimizer.h"
#include "sim/nn/rounded_arithmetic.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {

/// Without a master, or with a storage format that changes nothing, the model's weights are the
/// held ones; else held weights are kept apart and rounded to the storage format after each update.
class HeldWeights {
 public:
  /// Throws SpecError for a rule with two parts unless the held format is an unscaled float below
  /// binary32, and for stochastic rounding of binary32.
  HeldWeights(const WeightSpec& spec, const std::vector<Parameter>& parameters);

  void initialize(std::uint64_t seed, std::span<float> weights);

  /// Held in binary32, in the model's memory, under WeightRule::nearest.
  bool are_plain() const { return is_plain_; }

  /// The leading parts of parameter `index`; `weights` are the model's.
  std::span<float> of(std::size_t index, std::span<float> weights);

  /// Subtracts `decrement` from parameter `index` under the rule:
  ///   nearest, stochastic  w - d in binary32, rounded to the held format with new scales
  ///   kahan                y = r(-d) + l, t = w + y, l = y - (t - w), w = t
  ///   collage_*            (w, l) = grow((w, l), r(-d)), as RoundedArithmetic
  /// where every operation of the last two is rounded to the held format.
  void subtract(const UpdateStep& step, std::size_t index, std::span<const float> decrement,
                std::span<float> weights);

  /// The model's weights from the held ones, after all parameters of an update.
  void publish(std::uint64_t seed, std::int64_t step, std::span<float> weights);

  void visit_state(StateVisitor& visitor);

 private:
  void subtract_rounded(const UpdateStep& step, std::size_t index, std::span<const float> decrement,
                        std::span<float> held);
  void subtract_pairs(std::size_t index, std::span<const float> decrement, std::span<float> held);
  void quantize(const Quantizer& quantizer, RandomPurpose purpose, std::uint64_t seed,
                std::int64_t step, std::size_t index, const float* in, float* out) const;

  WeightSpec spec_;
  const std::vector<Parameter>& parameters_;
  Quantizer held_, storage_;
  bool is_apart_, is_plain_;
  std::optional<RoundedArithmetic> to_;  ///< of the rules with two parts
  AlignedVector<float> master_, low_;    ///< empty where there is none
};

}  // namespace halfulp::nn
