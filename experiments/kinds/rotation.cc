#include "experiments/kinds/rotation.h"

#include <cmath>

namespace halfulp {

void rotate_blocks(float* x, std::size_t n, std::size_t size) {
  const auto factor = static_cast<float>(1.0 / std::sqrt(static_cast<double>(size)));
  for (float* block = x; block != x + n; block += size) {
    for (std::size_t stride = 1; stride < size; stride *= 2) {
      for (std::size_t i = 0; i < size; i += 2 * stride) {
        for (std::size_t j = i; j < i + stride; ++j) {
          const float a = block[j], b = block[j + stride];
          block[j] = a + b;
          block[j + stride] = a - b;
        }
      }
    }
    for (std::size_t j = 0; j < size; ++j) block[j] *= factor;
  }
}

}  // namespace halfulp
