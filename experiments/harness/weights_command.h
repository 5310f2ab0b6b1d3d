// `run_experiment weights`: the weights of runs as safetensors files.
#pragma once

#include <string>
#include <vector>

#include "experiments/harness/run_folder.h"
#include "experiments/harness/sweep.h"
#include "experiments/store/safetensors.h"

namespace halfulp::harness {

/// Writes DIR/NAME/weights/ID.safetensors for each selected run from its checkpoint: the state
/// after the last update where train.keep_checkpoints was set, else the last one of a run that is
/// not done. Returns the text for standard output, a line for each file; complains of a run without
/// a checkpoint in `problems`. Throws IoError when a file cannot be written or a weight is not a
/// number of `type`.
std::string write_weights(const Sweep& sweep, const Plan& plan,
                          const std::vector<std::size_t>& selected, const RunFolder& folder,
                          TensorType type, std::vector<std::string>& problems);

}  // namespace halfulp::harness
