// Keys that kinds which train other models than transformers share with train_language_model:
// train.*, evaluation.* and precision.*, without those that mean nothing to them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiments/config.h"
#include "experiments/kind.h"
#include "sim/nn/numerics.h"
#include "sim/nn/training_loop.h"

namespace halfulp {

/// `own`, then those of language_model_fields() without model.* and data.* that `own` does not have
/// (so `own` may give another default) and that networks without text, attention and stored
/// activations have a use for.
std::vector<Field> network_fields(std::span<const Field> own);

/// train.steps, or none under train.evaluate_only.
std::int64_t network_steps(const Config& config);

/// Numerics of a run of network_steps(), with the switch.
nn::ModelNumerics network_numerics(const Config& config);

std::string network_numerics_text(const Config& config);

/// As check_precision(), check_checkpoint_fields() and check_optimizer(), and learned scales, which
/// these networks do not have.
std::vector<ConfigIssue> check_network(const Config& config, const std::vector<std::string>& layers,
                                       std::size_t blocks);

/// Schedule, optimizer, clipping and evaluation, for network_steps() updates.
nn::LoopSpec network_loop(const Config& config);

/// Bits per code of the operands of a layer that no pattern names, which figures group by.
std::vector<Metric> operand_bits(const nn::LinearNumerics& linear);

}  // namespace halfulp
