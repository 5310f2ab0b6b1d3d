// Weights quantized after training: rounded as they are, or by GPTQ on calibration text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/config.h"
#include "sim/metrics.h"
#include "sim/nn/trainer.h"

namespace halfulp {

/// What the blocks' layers take; sums over layers.
struct StoredWeights {
  double bits = 0.0;                             ///< of all of them
  double parameters = 0.0;                       ///< of all of them
  double quantized_bits = 0.0, quantized = 0.0;  ///< of the quantized ones: bits and parameters
  double scales = 0.0;                           ///< of the quantized ones
};

struct QuantizedWeights {
  std::vector<float> weights;
  ErrorSums errors;  ///< of the quantized layers' weights
  StoredWeights stored;
};

/// `weights` (as of LanguageModelTask) with `layers` quantized as the keys ptq.* say and the
/// blocks' other layers rounded to ptq.rest. `evaluation`: the model under evaluation_numerics().
/// GPTQ goes through the layers in forward order; the Hessian of each is of the inputs that it has
/// when all layers before it are quantized, on ptq.calibration_sequences windows of the training
/// text that the seed draws. Throws nn::HessianError, naming the layer.
QuantizedWeights quantize_after_training(const Config& config, std::int64_t seed,
                                         const nn::TrainSpec& evaluation,
                                         const std::vector<std::string>& layers,
                                         const std::vector<float>& weights);

}  // namespace halfulp
