#include "sim/hadamard.h"

#include <array>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <string>

namespace halfulp {

namespace {

void check_shape(ConstMatrix in, std::size_t n) {
  if (std::has_single_bit(n) && in.cols % n == 0) return;
  throw std::invalid_argument("a Hadamard rotation of " + std::to_string(n) +
                              " elements needs a power of two that divides the " +
                              std::to_string(in.cols) + " columns");
}

/// x H / sqrt(n) for one run of n elements.
void rotate(float* x, std::size_t n, float factor) {
  for (std::size_t distance = 1; distance < n; distance *= 2) {
    for (std::size_t i = 0; i < n; i += 2 * distance) {
      for (std::size_t j = i; j < i + distance; ++j) {
        const float sum = x[j] + x[j + distance];
        const float difference = x[j] - x[j + distance];
        x[j] = sum;
        x[j + distance] = difference;
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) x[i] *= factor;
}

void rotate_rows(ConstMatrix in, Matrix out, std::span<const float> signs, bool is_inverse) {
  const std::size_t n = signs.size();
  check_shape(in, n);
  const float factor = 1.0F / std::sqrt(static_cast<float>(n));
  for (std::size_t r = 0; r < in.rows; ++r) {
    for (std::size_t c = 0; c < in.cols; c += n) {
      const float* source = in.data + r * in.stride + c;
      float* target = out.data + r * out.stride + c;
      for (std::size_t i = 0; i < n; ++i) target[i] = is_inverse ? source[i] : source[i] * signs[i];
      rotate(target, n, factor);
      for (std::size_t i = 0; i < n && is_inverse; ++i) target[i] *= signs[i];
    }
  }
}

}  // namespace

void hadamard_rows(ConstMatrix in, Matrix out, std::span<const float> signs) {
  rotate_rows(in, out, signs, false);
}

void inverse_hadamard_rows(ConstMatrix in, Matrix out, std::span<const float> signs) {
  rotate_rows(in, out, signs, true);
}

std::vector<float> random_signs(const RandomStream& stream, std::size_t n) {
  std::vector<float> signs(n);
  for (std::size_t i = 0; i < n; ++i) signs[i] = (random_word(stream, i) & 1) == 0 ? 1.0F : -1.0F;
  return signs;
}

std::span<const float> transformer_engine_signs() {
  static constexpr std::array<float, 16> kSigns = {1,  1,  1,  -1, 1,  -1, -1, -1,
                                                   -1, -1, -1, 1,  -1, 1,  -1, -1};
  return kSigns;
}

}  // namespace halfulp
