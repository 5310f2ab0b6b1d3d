// What the tests of operands share: numbers, and one call of an operand.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sim/nn/operand_quantizer.h"
#include "sim/random.h"

namespace halfulp::nn::testing {

inline std::vector<float> normals(std::uint32_t stream, std::size_t n, double sigma = 1.0) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<float>(sigma * random_normal({5, stream, 0, 0}, i));
  }
  return out;
}

inline OperandQuantizer operand(std::string_view text, bool reduces_rows = false) {
  return OperandQuantizer(with_reduction(parse_operand(text), reduces_rows), true);
}

inline std::vector<float> quantized(OperandQuantizer& operand, const std::vector<float>& x,
                                    std::size_t cols, const OperandCall& call = {}) {
  const std::size_t rows = x.size() / cols;
  std::vector<float> out(x.size());
  operand.quantize({x.data(), rows, cols, cols}, {out.data(), rows, cols, cols}, call);
  return out;
}

inline std::vector<float> quantized(std::string_view text, const std::vector<float>& x,
                                    std::size_t cols) {
  OperandQuantizer own = operand(text);
  return quantized(own, x, cols);
}

/// sum (x - q)^2 / sum x^2.
inline double relative_error(const std::vector<float>& x, const std::vector<float>& q) {
  double error = 0.0, signal = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double difference = static_cast<double>(x[i]) - static_cast<double>(q[i]);
    error += difference * difference;
    signal += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
  return error / signal;
}

}  // namespace halfulp::nn::testing
