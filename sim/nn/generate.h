// Greedy decoding of a trained transformer under an emulated arithmetic in which the order of
// additions is a parameter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "formats/format.h"
#include "sim/aligned_vector.h"
#include "sim/matrix.h"
#include "sim/nn/model_config.h"
#include "sim/nn/ordered_product.h"
#include "sim/nn/rotation.h"
#include "sim/nn/term_order.h"

namespace halfulp::nn {

/// Formats of inference; every rounding is to nearest even, to infinity beyond the range. Each
/// operation is one kernel that computes in binary32 and rounds what it stores: a projection, a
/// norm, the rotation of queries and keys, scores, softmax (with the scale of the scores),
/// attention's output, activation, addition to the residual stream, logits. Keys and values are
/// cached as they were rounded.
struct InferenceArithmetic {
  Format weights;       ///< all parameters, embedding, gains and rotation tables as they are stored
  Format results;       ///< of every operation
  Format sums;          ///< of each addition within a part of a product
  Format partial_sums;  ///< of the parts of a split reduction
};

/// A batch of sequences that advance together. What one row gives does not depend on the others.
class Decoder {
 public:
  /// `weights` as Transformer::weights(). The reduction holds for the projections, the head and
  /// both products of attention; norms and softmax add in the order of kernels.h. Throws SpecError
  /// for formats that do not fit binary32, std::invalid_argument for weights of another size
  /// and models with multipliers.
  Decoder(const ModelConfig& config, std::span<const float> weights,
          const InferenceArithmetic& arithmetic, const Reduction& reduction, std::size_t rows);

  /// Appends a byte to each row: logits (rows x vocabulary) of what comes next, valid until the
  /// next call. With binary32 everywhere and the default reduction they are those of
  /// Transformer::logits() bit for bit. Throws std::length_error beyond config.context positions.
  ConstMatrix step(std::span<const std::uint8_t> bytes);

  /// Forgets all rows.
  void restart() { position_ = 0; }

 private:
  struct Block {
    std::size_t norm1, norm2;                    ///< parameter numbers of the gains
    AlignedVector<float> qkv, output, up, down;  ///< transposed: in x out
    AlignedVector<float> keys;                   ///< row, head, dimension, position
    AlignedVector<float> values;                 ///< row, position, width
  };

  std::size_t find(const std::string& name) const;
  AlignedVector<float> transposed(const std::string& name) const;
  const float* weight(std::size_t parameter) const;
  void embed(std::span<const std::uint8_t> bytes);
  void norm(std::size_t gain, const float* x, float* y);
  void project(const AlignedVector<float>& x, std::size_t in, const AlignedVector<float>& w,
               AlignedVector<float>& y, std::size_t out);
  void add_to_stream(const AlignedVector<float>& x);
  void rotate();
  void attend(Block& block);
  void attend_row(Block& block, std::size_t row);
  void feed_forward(Block& block);

  ModelConfig config_;
  std::size_t rows_, position_ = 0;
  std::size_t padded_context_;
  std::vector<Parameter> parameters_;
  AlignedVector<float> weights_;
  std::vector<Block> blocks_;
  AlignedVector<float> head_;
  RotationTables<float> rotations_;
  float score_scale_;
  NearestRounding round_;
  OrderedProduct product_;
  AlignedVector<float> x_, normed_, mean_, rstd_, qkv_, attended_, raised_, activated_, narrow_;
  AlignedVector<float> scores_, logits_;
};

/// Sees row r's logits before token number t of its output is chosen from them.
using LogitObserver =
    std::function<void(std::size_t row, std::size_t token, std::span<const float> logits)>;

/// `tokens` bytes for each row of `prompts` (rows x prompt_bytes), rows x tokens. Each is the byte
/// of the largest logit, the smallest such byte on a tie; NaN is never the largest. The decoder is
/// restarted; prompt_bytes + tokens - 1 positions are used.
std::vector<std::uint8_t> decode_greedily(Decoder& decoder, std::span<const std::uint8_t> prompts,
                                          std::size_t rows, std::size_t tokens,
                                          const LogitObserver& observer = {});

}  // namespace halfulp::nn
