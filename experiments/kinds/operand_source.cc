#include "experiments/kinds/operand_source.h"

#include <cmath>
#include <optional>

#include "sim/distribution.h"
#include "sim/random_purpose.h"

namespace halfulp {

namespace {

double draw(const std::string& name, const std::optional<Distribution>& distribution,
            const RandomStream& stream, std::uint64_t index) {
  if (name == "constant") return 1.0;
  if (name == "uniform") return random_unit(stream, index);
  const double x = sample(*distribution, stream, index);
  return name == "half_normal" ? std::fabs(x) : x;
}

std::optional<Distribution> distribution_of(const std::string& name) {
  if (name == "constant" || name == "uniform") return std::nullopt;
  return parse_distribution(name == "half_normal" ? "normal" : name);
}

}  // namespace

OperandSource::OperandSource(const std::string& name, double scale, const QuantizerSpec& quantizer)
    : name_(name), scale_(scale), quantizer_(with_reduction(quantizer, false)) {}

void OperandSource::fill(const RandomStream& stream, Matrix out) const {
  const std::optional<Distribution> distribution = distribution_of(name_);
  for (std::size_t r = 0; r < out.rows; ++r) {
    for (std::size_t c = 0; c < out.cols; ++c) {
      const double x = draw(name_, distribution, stream, r * out.cols + c);
      out.data[r * out.stride + c] = static_cast<float>(x * scale_);
    }
  }
  RandomStream rounding = stream;
  rounding.stream = static_cast<std::uint32_t>(RandomPurpose::rounding);
  if (!quantizer_.is_identity()) quantizer_.quantize(out, out, rounding);
}

}  // namespace halfulp
