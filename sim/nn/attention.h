// Causal multi-head attention between the qkv and output projections: six products, each under its
// own accumulator, a softmax (sim/nn/layer_functions.h), and the formats of what they read and
// give (AttentionNumerics).
#pragma once

#include <cstddef>
#include <cstdint>

#include <optional>
#include <vector>

#include "sim/accumulated_gemm.h"
#include "sim/aligned_vector.h"
#include "sim/nn/attention_rounding.h"
#include "sim/nn/layer_functions.h"
#include "sim/nn/matmul.h"
#include "sim/nn/numerics.h"
#include "sim/nn/parameterization.h"
#include "sim/nn/step_key.h"

namespace halfulp::nn {

/// Shapes: sequences x positions rows; qkv rows hold (q, k, v), each `heads` heads of `head_width`.
struct AttentionShape {
  std::size_t sequences, positions, heads, head_width;

  std::size_t width() const { return heads * head_width; }
};

/// Declared order: rows go in blocks of 64. Scores sum over the head width, contexts and query
/// gradients over positions 0 .. the end of the row's block, key and value gradients over rows from
/// the start of the position's block on; masked positions contribute exact zeros. Each of these
/// sums is one dot product under its accumulator, the binary32 chain being that of sim/gemm.h.
template <class T>
class Attention {
 public:
  /// `index` distinguishes blocks in random streams. Throws SpecError as AccumulatedGemm;
  /// std::invalid_argument for accumulators or quantizers in binary64.
  Attention(const AttentionNumerics& numerics, std::uint32_t index,
            const NumericsSwitch& numerics_switch = {});

  /// In place of logits times 1 / sqrt(head width) and no other factors.
  void set_multipliers(const AttentionMultipliers& multipliers) { multipliers_ = multipliers; }

  /// out (rows x width) from qkv (rows x 3 width). `probabilities` (sequences x heads x positions x
  /// positions) and qkv are rounded in place and kept for backward().
  void forward(const AttentionShape& shape, const LayerFunctions<T>& functions, T* qkv, T* out,
               T* probabilities, const StepKey& key);

  /// dqkv from dout (rows x width), which is rounded in place.
  void backward(const AttentionShape& shape, const T* qkv, const T* probabilities, T* dout, T* dqkv,
                const StepKey& key);

 private:
  enum Product : std::uint32_t {
    scores,
    context,
    grad_probabilities,
    grad_value,
    grad_query,
    grad_key,
  };

  /// `unit` counts the products of one kind in a step: their random streams.
  void multiply(Product product, std::size_t unit, View<const T> a, View<const T> b, View<T> c,
                const StepKey& key) const;

  void run(Product product, std::size_t unit, View<const T> a, View<const T> b, View<T> c,
           const StepKey& key) const;

  /// `number` is sequence x heads + head.
  void forward_head(const AttentionShape& shape, const LayerFunctions<T>& functions,
                    std::size_t number, T* qkv, T* out, T* probabilities, const StepKey& key);

  void round_operands(const AttentionShape& shape, std::size_t number, T* qkv, const StepKey& key);

  void backward_head(const AttentionShape& shape, std::size_t number, const T* qkv,
                     const T* probabilities, T* dout, T* dqkv, const StepKey& key);

  /// The gradient of one head's scores, from that of its context, in dscores_.
  void score_gradients(const AttentionShape& shape, std::size_t number, const T* qkv,
                       const T* probabilities, const T* dhead, const StepKey& key);

  T logit_scale(const AttentionShape& shape) const;
  double multiplier(Product product) const;

  AttentionRounding<T> rounding_;
  std::optional<AttentionMultipliers> multipliers_;
  std::vector<AccumulatedGemm> products_;  ///< by Product
  AlignedVector<T> dscores_;               ///< positions x positions of one head
};

}  // namespace halfulp::nn
