// Optimizers: from gradients to weights, with a format for everything that is kept between updates.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/nn/model_config.h"
#include "sim/nn/saved_state.h"
#include "sim/quantizer.h"

namespace halfulp::nn {

/// Muon, SOAP and Shampoo are for hidden matrices; AdamW serves vectors, embeddings and the head.
enum class OptimizerKind : std::uint8_t { adamw, sgd, adafactor, muon, soap, shampoo };

/// How an update is added to the held weights.
enum class WeightRule : std::uint8_t {
  nearest,        ///< the sum in binary32, rounded as the held format says
  stochastic,     ///< the same, rounded stochastically (16 random bits unless the format says)
  kahan,          ///< with a compensation in the held format
  collage_light,  ///< weights are the sum of two numbers of the held format
  collage_plus,   ///< so are the second moment and its decay
};

enum class MuonScale : std::uint8_t {
  match_rms,  ///< 0.2 sqrt(max(rows, cols)): the RMS of AdamW's updates (Moonlight, 2025)
  spectral,   ///< sqrt(max(1, rows / cols)) (Jordan, 2024)
};

struct WeightSpec {
  /// Where updates accumulate; none: `storage` is all there is.
  std::optional<QuantizerSpec> master = parse_quantizer("binary32");
  QuantizerSpec storage = parse_quantizer("binary32");  ///< of the weights that the model reads
  WeightRule rule = WeightRule::nearest;

  /// The quantizer of the weights that updates are added to.
  const QuantizerSpec& held() const { return master ? *master : storage; }
};

struct OptimizerSpec {
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weight_decay = 0.1;
  OptimizerKind kind = OptimizerKind::adamw;
  double momentum = 0.9;  ///< SGD
  bool nesterov = false;  ///< SGD

  struct Muon {
    double momentum = 0.95;
    bool nesterov = true;
    int steps = 5;  ///< of the Newton-Schulz iteration
    MuonScale scale = MuonScale::match_rms;
    QuantizerSpec iterates = parse_quantizer("binary32");  ///< and operands of their products
  } muon = {};

  struct Adafactor {
    double decay = 0.8;          ///< beta2 of update t is 1 - t^-decay
    double clip = 1.0;           ///< largest RMS of a direction
    bool relative_step = false;  ///< directions times max(1e-3, RMS(weights))
  } adafactor = {};

  struct Soap {                       ///< and Shampoo
    double decay = 0.95;              ///< of the Gram matrices
    std::int64_t frequency = 10;      ///< updates between eigenbases
    std::size_t max_dimension = 512;  ///< longer sides keep the identity as their basis
  } soap = {};

  /// Moments are computed from their dequantized values in binary32 and requantized with new
  /// scales after the weights have been updated.
  QuantizerSpec first_moment = parse_quantizer("binary32");
  QuantizerSpec second_moment = parse_quantizer("binary32");
  /// Every operation of AdamW and SGD is rounded to this format, to nearest even; constants first.
  QuantizerSpec arithmetic = parse_quantizer("binary32");
  WeightSpec weights = {};
};

/// What an update did to the held weights of one parameter.
struct WeightUpdate {
  const Parameter& parameter;
  std::span<const float> decrement;              ///< what was to be subtracted
  std::span<const float> before, after;          ///< the leading parts under a rule with two parts
  std::span<const float> low_before, low_after;  ///< the second parts; empty without
};

/// Looks on in the updates that it is given to; the memory is valid during the call.
class UpdateObserver {
 public:
  virtual ~UpdateObserver() = default;
  virtual void on_weights(const WeightUpdate& update) = 0;
  /// Second moments before and after they were requantized, where they are.
  virtual void on_second_moment(const Parameter& parameter, std::span<const float> before,
                                std::span<const float> after) = 0;
};

struct UpdateStep {
  std::uint64_t seed = 0;
  std::int64_t step = 0;               ///< 0-based number of this update
  double learning_rate = 0.0;          ///< of the schedule; each parameter has a factor to it
  double gradient_scale = 1.0;         ///< from clipping
  UpdateObserver* observer = nullptr;  ///< changes no bit
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// Rounds the initial weights to their formats; called once before the first update.
  virtual void initialize(std::uint64_t seed, std::span<float> weights) = 0;
  virtual void update(const UpdateStep& step, std::span<float> weights,
                      std::span<const float> gradients) = 0;
  /// Moments, held weights and counters, under names that start with "optimizer.".
  virtual void visit_state(StateVisitor& visitor) = 0;
};

/// For weights laid out as `parameters`, which must outlive it. Throws SpecError for formats that
/// cannot be used where they are named, and for rules that do not go together.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerSpec& spec,
                                          const std::vector<Parameter>& parameters);

/// True for the matrices that Muon, SOAP and Shampoo treat as such: all but embeddings and the
/// head.
bool is_hidden_matrix(const Parameter& parameter);

/// Floats of all `parameters` at their offsets, with the gaps between them.
std::size_t flat_size(const std::vector<Parameter>& parameters);

}  // namespace halfulp::nn
