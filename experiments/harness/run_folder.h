// The files of one sweep and what they say about its runs:
//   DIR/NAME/runs/ID.h5       a finished run (done or diverged)
//   DIR/NAME/runs/ID.journal  progress of a run that is running or has failed
//   DIR/NAME/runs/ID.failed   why a run failed
//   DIR/NAME/runs/ID.checkpoint   where an interrupted run goes on
//   DIR/NAME/kept/ID-UPDATES.safetensors   weights that a run has passed by
//   DIR/NAME/results.h5       all finished runs of the sweep, in its order
//   DIR/NAME/sweep.toml       the sweep file, for the record
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/harness/sweep.h"

namespace halfulp::harness {

enum class RunState : std::uint8_t { pending, running, done, diverged, failed };

std::string_view to_text(RunState state);

struct RunInfo {
  RunState state = RunState::pending;
  std::string reason;       ///< of failed and diverged; of a result file that cannot be read
  bool unreadable = false;  ///< a result file is there but read_run() refuses it: pending
  std::int64_t done = 0;    ///< of running and failed: the last journal record
  std::int64_t total = 0;
  double value = 0.0;
  double age_seconds = 0.0;  ///< since that record
};

class RunFolder {
 public:
  RunFolder(const std::string& out, const std::string& sweep_name);

  const std::string& path() const { return path_; }

  std::string run_file(std::string_view id) const { return runs_ + std::string(id) + ".h5"; }

  std::string journal_file(std::string_view id) const {
    return runs_ + std::string(id) + ".journal";
  }

  std::string checkpoint_file(std::string_view id) const {
    return runs_ + std::string(id) + ".checkpoint";
  }

  /// Weights of the run after `updates` updates.
  std::string kept_file(std::string_view id, std::int64_t updates) const {
    return path_ + "/kept/" + std::string(id) + "-" + std::to_string(updates) + ".safetensors";
  }

  std::string failed_file(std::string_view id) const { return runs_ + std::string(id) + ".failed"; }

  std::string results_file() const { return path_ + "/results.h5"; }

  /// Looks at the files of one run; reads only.
  RunInfo inspect(std::string_view id) const;

  /// Creates the folders and writes sweep.toml. Throws IoError.
  void create(const Sweep& sweep) const;

  /// Writes ID.failed. Throws IoError.
  void write_failed(std::string_view id, const std::string& reason) const;

  /// Merges every finished run of `plan` into results.h5, in its order, and returns their number;
  /// with none, writes nothing. Throws IoError.
  std::size_t merge(const Sweep& sweep, const Plan& plan) const;

 private:
  std::string path_;
  std::string runs_;  ///< with a closing slash
};

/// The sweep file's text, followed by the command line's overrides as comments.
std::string sweep_text(const Sweep& sweep);

}  // namespace halfulp::harness
