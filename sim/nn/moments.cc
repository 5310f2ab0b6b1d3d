#include "sim/nn/moments.h"
#include "sim/random_purpose.h"

#include <utility>

namespace halfulp::nn {

Moments::Moments(std::string name, const QuantizerSpec& format, RandomPurpose purpose,
                 const std::vector<Parameter>& parameters)
    : name_(std::move(name)),
      quantizer_(format),
      purpose_(purpose),
      parameters_(parameters),
      values_(flat_size(parameters)) {}

void Moments::requantize(const UpdateStep& step, std::size_t index) {
  if (are_binary32()) return;
  const Parameter& p = parameters_[index];
  const std::span<float> values = of(index);
  const bool is_shown = step.observer != nullptr && purpose_ == RandomPurpose::second_moment;
  const std::vector<float> before =
      is_shown ? std::vector<float>(values.begin(), values.end()) : std::vector<float>();
  const Matrix matrix = {values.data(), p.rows, p.cols, p.cols};
  quantizer_.quantize(matrix, matrix,
                      {step.seed, static_cast<std::uint32_t>(purpose_),
                       static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(step.step)});
  if (is_shown) step.observer->on_second_moment(p, before, values);
}

}  // namespace halfulp::nn
