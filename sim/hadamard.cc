#include "sim/hadamard.h"

#include <array>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <string>

#include "sim/hadamard_kernels.h"

namespace halfulp {

namespace {

void check_length(std::size_t length, std::size_t n, const char* what) {
  if (std::has_single_bit(n) && length % n == 0) return;
  throw std::invalid_argument("a Hadamard rotation of " + std::to_string(n) +
                              " elements needs a power of two that divides the " +
                              std::to_string(length) + " " + what);
}

Rotation rotation_of(std::span<const float> signs, bool is_inverse) {
  const std::size_t n = signs.size();
  return {signs.data(), n, 1.0F / std::sqrt(static_cast<float>(n)), is_inverse};
}

void rotate_rows(ConstMatrix in, Matrix out, std::span<const float> signs, bool is_inverse) {
  check_length(in.cols, signs.size(), "columns");
  const Rotation rotation = rotation_of(signs, is_inverse);
  const bool is_dense = in.stride == in.cols && out.stride == in.cols;
  const std::size_t lines = is_dense ? 1 : in.rows;
  const std::size_t length = is_dense ? in.rows * in.cols : in.cols;
  for (std::size_t r = 0; r < lines; ++r) {
    rotate_runs(rotation, in.data + r * in.stride, out.data + r * out.stride, length);
  }
}

}  // namespace

void hadamard_rows(ConstMatrix in, Matrix out, std::span<const float> signs) {
  rotate_rows(in, out, signs, false);
}

void inverse_hadamard_rows(ConstMatrix in, Matrix out, std::span<const float> signs) {
  rotate_rows(in, out, signs, true);
}

void hadamard_columns(ConstMatrix in, Matrix out, std::span<const float> signs) {
  const std::size_t n = signs.size();
  check_length(in.rows, n, "rows");
  const Rotation rotation = rotation_of(signs, false);
  for (std::size_t r = 0; r < in.rows; r += n) {
    rotate_columns(rotation, in.data + r * in.stride, in.stride, out.data + r * out.stride,
                   out.stride, in.cols);
  }
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
