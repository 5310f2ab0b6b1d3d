// The file of an interrupted run, which the next process goes on from. Layout: docs/RESULTS.md,
// section "Checkpoints".
#pragma once

#include <string>

#include "sim/nn/checkpoint.h"

namespace halfulp {

/// Whose state it is. Any difference makes a checkpoint foreign.
struct CheckpointIdentity {
  std::string run_id;   ///< of everything in the configuration that changes numbers
  std::string program;  ///< checksum of the program
  std::string inputs;   ///< numerics and what the run reads: data, initial weights
};

/// Checksum of the file of the running program; empty where the system does not show it.
std::string program_checksum();

/// Replaces `path` as write_run() does. Throws IoError.
void write_checkpoint(const std::string& path, const CheckpointIdentity& identity,
                      const nn::Checkpoint& checkpoint);

struct CheckpointFile {
  CheckpointIdentity identity;
  nn::Checkpoint checkpoint;
};

/// Throws IoError, naming the file, when it is missing, damaged or of another schema.
CheckpointFile read_checkpoint(const std::string& path);

/// Which part of `found` is not as `wanted`, in words; empty when all is.
std::string difference(const CheckpointIdentity& found, const CheckpointIdentity& wanted);

}  // namespace halfulp
