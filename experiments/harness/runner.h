// Runs the missing points of a sweep in worker processes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "experiments/harness/progress.h"
#include "experiments/harness/run_folder.h"
#include "experiments/harness/sweep.h"
#include "experiments/store/run_record.h"

namespace halfulp::harness {

struct RunnerOptions {
  int jobs = 1;
  bool retry_failed = false;
  ProgressMode progress = ProgressMode::automatic;
  Provenance provenance;
};

struct FailedRun {
  std::string id;
  std::string reason;  ///< first line
};

/// What became of the runs asked for.
struct RunSummary {
  std::size_t total = 0;
  std::size_t done = 0;  ///< diverged ones not counted
  std::size_t diverged = 0;
  std::size_t found = 0;  ///< of done and diverged: finished before
  std::size_t taken = 0;  ///< another process is at them
  std::vector<FailedRun> failed;
  std::string io_error;  ///< why nothing more was started, when a file could not be written
  int signal = 0;        ///< SIGINT, SIGTERM or SIGHUP when stopped by one
  bool killed = false;   ///< by a second Ctrl-C
  double seconds = 0.0;

  std::size_t remaining() const { return total - done - diverged - failed.size() - taken; }
};

/// Number of CPUs this process may use.
int usable_cpus();

/// Runs `selected` (indices into plan.points), most expensive first, and returns when all have
/// ended or a signal stopped it. Results do not depend on jobs or order. Throws IoError when
/// folders cannot be written, DataError of the kind's prepare().
RunSummary run_points(const Sweep& sweep, const Plan& plan,
                      const std::vector<std::size_t>& selected, const RunFolder& folder,
                      const RunnerOptions& options);

}  // namespace halfulp::harness
