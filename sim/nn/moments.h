// A number for each weight that an optimizer keeps between updates, in a format of its own.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sim/aligned_vector.h"
#include "sim/nn/optimizer.h"
#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {

class Moments {
 public:
  /// Zeros. `purpose` is what stochastic rounding draws for; the second moment is shown to
  /// observers.
  Moments(std::string name, const QuantizerSpec& format, RandomPurpose purpose,
          const std::vector<Parameter>& parameters);

  /// The values of parameter `index`, dequantized.
  std::span<float> of(std::size_t index) {
    return {values_.data() + parameters_[index].offset, parameters_[index].size()};
  }

  /// Ends an update of parameter `index`: its values are requantized, with new scales.
  void requantize(const UpdateStep& step, std::size_t index);

  bool are_binary32() const { return quantizer_.is_identity(); }

  void visit_state(StateVisitor& visitor) { visitor.visit(name_, std::span<float>(values_)); }

 private:
  std::string name_;
  Quantizer quantizer_;
  RandomPurpose purpose_;
  const std::vector<Parameter>& parameters_;
  AlignedVector<float> values_;
};

}  // namespace halfulp::nn
