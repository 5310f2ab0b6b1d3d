// Functions of neural networks with every operation rounded to a format (formats/functions.h), on
// arrays: the same bits as the readable definition, on every SIMD target.
#pragma once

#include <cstddef>
#include <memory>

#include "formats/functions.h"
#include "sim/random.h"

namespace halfulp {

/// Arrays are row-major; `out` may be `x`. Step s of element i of row r draws random_bits(stream, s
/// 2^40 + first_index + r cols + i, N), steps in brackets with i = 0 (formats/functions.h numbers
/// them); gelu, silu and swiglu see one row. Errors: OverflowError under Overflow::error.
///
/// Exactness: sums, products, quotients and roots are computed in binary64 and rounded to odd, then
/// rounded once more, as if once (sim/exact_kernels.h). exp and tanh are computed within 2^-50 and
/// rounded at both ends of that interval; where the ends differ the readable definition decides.
class FormatFunctions {
 public:
  /// Throws SpecError for codebooks and logarithmic formats, formats outside binary32, wrap,
  /// stochastic rounding with so many bits that precision + bits exceeds 50, and sums with
  /// stochastic rounding.
  explicit FormatFunctions(const FunctionArithmetic& arithmetic);
  ~FormatFunctions();
  FormatFunctions(FormatFunctions&&) noexcept;
  FormatFunctions& operator=(FormatFunctions&&) noexcept;

  const FunctionArithmetic& arithmetic() const;

  void softmax(const float* x, float* out, std::size_t rows, std::size_t cols, float scale = 1.0F,
               const RandomStream& stream = {}, std::size_t first_index = 0) const;
  void rms_norm(const float* x, const float* gain, float* out, std::size_t rows, std::size_t cols,
                double epsilon = 1e-5, const RandomStream& stream = {},
                std::size_t first_index = 0) const;
  void layer_norm(const float* x, const float* gain, const float* bias, float* out,
                  std::size_t rows, std::size_t cols, double epsilon = 1e-5,
                  const RandomStream& stream = {}, std::size_t first_index = 0) const;
  void gelu(const float* x, float* out, std::size_t n, const RandomStream& stream = {},
            std::size_t first_index = 0) const;
  void silu(const float* x, float* out, std::size_t n, const RandomStream& stream = {},
            std::size_t first_index = 0) const;
  void swiglu(const float* gate, const float* up, float* out, std::size_t n,
              const RandomStream& stream = {}, std::size_t first_index = 0) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace halfulp
