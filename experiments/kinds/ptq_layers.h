// Which layers are quantized after training, and what that takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/config.h"
#include "sim/nn/model_config.h"
#include "sim/nn/numerics.h"
#include "sim/nn/operand_spec.h"

namespace halfulp {

/// Names of those that the keys ptq.share, ptq.share_order, ptq.draw and ptq.keep_high mean, in
/// forward order: layers are taken, first to last or in a drawn order, while that brings their
/// share of the blocks' parameters nearer to ptq.share.
std::vector<std::string> layers_to_quantize(const Config& config, const nn::ModelConfig& model,
                                            std::int64_t seed);

/// The numerics of an evaluation with weights that are quantized already: those of the training,
/// with the weights of `layers` as they are and their inputs through `activation` (binary32: as in
/// training).
nn::ModelNumerics evaluation_numerics(const nn::ModelNumerics& training,
                                      const nn::ModelConfig& model,
                                      const std::vector<std::string>& layers,
                                      const nn::OperandSpec& activation);

}  // namespace halfulp
