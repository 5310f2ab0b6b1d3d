// The element-wise and row-wise kernels of training, for binary32 and, through the same source,
// binary64 (the gradient checks). Shapes: row-major, contiguous unless a stride is named. Products
// and sums are separate roundings (nothing fused), divisions and square roots are IEEE's, so every
// SIMD target gives the same bits.
//
// Declared order of a row sum ("lane sum"): sixteen partial sums, partial j adding elements j, j +
// 16, j + 32, ... in ascending order, then folded in halves: j + (j + 8), j + (j + 4), j + (j + 2),
// 0 + 1.
#pragma once

#include <cstddef>

namespace halfulp::nn {

enum class Norm : unsigned char { layer_norm, rms_norm };

struct AdamWStep {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  double bias_correction1;  ///< 1 - beta1^t
  double bias_correction2;  ///< 1 - beta2^t
  double gradient_scale;    ///< from clipping; 1 for none
};

/// The kernels of one scalar type on the SIMD target in use.
template <class T>
struct Kernels {
  /// y = (x - mean) rstd gain + bias per row (layer norm) or x rstd gain (RMS norm; `bias` and
  /// `mean` null). rstd = 1 / sqrt(variance + 1e-5), variance over the row with divisor cols. Keeps
  /// mean and rstd.
  void (*norm_forward)(Norm kind, const T* x, const T* gain, const T* bias, T* y, T* mean, T* rstd,
                       std::size_t rows, std::size_t cols);

  /// dx += gradient through the norm; dgain, dbias += sums over rows, ascending.
  void (*norm_backward)(Norm kind, const T* x, const T* gain, const T* mean, const T* rstd,
                        const T* dy, T* dx, T* dgain, T* dbias, std::size_t rows, std::size_t cols);

  /// GELU in its tanh form, 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) = x sigmoid(2 ...).
  void (*gelu_forward)(const T* x, T* y, std::size_t n);
  /// dx = dy gelu'(x); dx may be dy.
  void (*gelu_backward)(const T* x, const T* dy, T* dx, std::size_t n);

  /// Row r of x is (gate, up), 2 cols wide; y = gate sigmoid(gate) up, cols wide.
  void (*swiglu_forward)(const T* x, T* y, std::size_t rows, std::size_t cols);
  void (*swiglu_backward)(const T* x, const T* dy, T* dx, std::size_t rows, std::size_t cols);

  /// Causal softmax of `rows` rows of scores in place: row r keeps columns 0 .. first + r and
  /// becomes softmax(scale * scores); later columns up to `cols` become 0.
  void (*causal_softmax_forward)(T* scores, std::size_t stride, std::size_t rows, std::size_t cols,
                                 std::size_t first, T scale);
  /// dp becomes p (dp - sum_k p dp) scale; columns after the diagonal become 0.
  void (*causal_softmax_backward)(const T* p, T* dp, std::size_t stride, std::size_t rows,
                                  std::size_t cols, std::size_t first, T scale);

  /// Cross entropy of rows of logits: losses[r] = log sum exp(logits[r]) - logits[r, target]. With
  /// `gradient`, logits become (softmax - onehot) * gradient_scale.
  void (*cross_entropy)(T* logits, const unsigned char* targets, T* losses, std::size_t rows,
                        std::size_t cols, bool gradient, T gradient_scale);

  /// Rotary positions, half-split pairs (i, i + head_width / 2), in place on `heads` consecutive
  /// heads of each row; row r has position r mod positions. `cosines`, `sines`: positions x
  /// head_width / 2. `inverse` rotates back (the gradient).
  void (*rotate_positions)(T* x, std::size_t stride, std::size_t rows, std::size_t heads,
                           std::size_t head_width, std::size_t positions, const T* cosines,
                           const T* sines, bool inverse);

  /// y = a + b; y may be a or b.
  void (*add)(const T* a, const T* b, T* y, std::size_t n);
  /// x = factor x.
  void (*scale)(T factor, T* x, std::size_t n);
  /// y = fa a + fb b, three roundings; y may be a or b.
  void (*weighted_add)(T fa, const T* a, T fb, const T* b, T* y, std::size_t n);

  /// Sum of squares: lane sums of chunks of 4096 elements, chunks added ascending in binary64.
  double (*sum_of_squares)(const T* x, std::size_t n);

  /// m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2; w -= lr (m^ / (sqrt(v^) + eps) + decay w),
  /// decoupled decay.
  void (*adamw_update)(const AdamWStep& step, T* weights, const T* gradients, T* m, T* v,
                       std::size_t n);
};

/// float and double.
template <class T>
const Kernels<T>& kernels();

/// x = factor x; nothing for a factor of 1.
template <class T>
void scale_by(double factor, T* x, std::size_t n) {
  if (factor != 1.0) kernels<T>().scale(static_cast<T>(factor), x, n);
}

}  // namespace halfulp::nn
