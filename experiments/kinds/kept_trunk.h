// Models that a training sweep has kept (train.keep_weights_at), found by what they are.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "experiments/config.h"
#include "experiments/kinds/hidden_states.h"
#include "sim/nn/trainer.h"

namespace halfulp {

/// Positions of the held-out text whose activations are looked at.
inline constexpr std::size_t kHiddenRows = 8192;

struct KeptTrunk {
  std::vector<float> weights;  ///< laid out as LanguageModelTask::weights()
  std::string checksum;        ///< of these numbers
  std::string run_id;          ///< of the run that kept them
  std::int64_t updates = 0;    ///< made before
  double baseline_loss = 0.0;  ///< of the held-out text under the numerics of the training
  std::vector<float> hidden;   ///< its last hidden states, of the first kHiddenRows positions
  OutlierStatistics outliers;  ///< of the same positions
};

/// The model of the keys model.*, data.*, train.* and precision.*, trained with this seed up to
/// ptq.tokens_per_parameter, from the folder kept/ of ptq.trunks. Read and evaluated once in a
/// process, shared by the workers that fork from it. Throws DataError when it is not there: what is
/// missing, how the nearest file differs, and the command that makes it.
const KeptTrunk& kept_trunk(const Config& config, std::int64_t seed);

/// The model, its numerics in training and what is evaluated; nothing about updates.
nn::TrainSpec trunk_spec(const Config& config);

/// Loss of these weights on the held-out text; `states` sees its first positions.
double evaluated_loss(const nn::TrainSpec& spec, const std::vector<float>& weights,
                      const Config& config, std::int64_t seed, HiddenStates& states);

}  // namespace halfulp
