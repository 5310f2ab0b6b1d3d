// The plug-in interface of experiments: what a kind declares and what one run returns.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "experiments/config.h"

namespace halfulp {

namespace nn {
struct Checkpoint;
}
struct Safetensors;

/// A number of a run, with what a reader needs to label an axis.
struct Metric {
  std::string name;  ///< snake_case with unit suffix where there is one; a column of /runs
  double value;
  std::string units;  ///< "nats/byte", "1", "s"
  std::string long_name;
  bool reproducible = true;  ///< false for wall-clock times: left out of the content hash
};

/// A series over training steps (or another integer axis); a dataset of /curves.
struct Curve {
  std::string name;
  std::string units;
  std::string long_name;
  std::vector<std::int64_t> steps;
  std::vector<double> values;  ///< same length as steps
};

/// What happened to tensors at sampled steps: a share, a magnitude; the group /counters.
struct CounterTable {
  struct Tensor {
    std::string layer;  ///< of a linear layer, or the name of a parameter
    std::string role;   ///< which of its tensors
  };

  struct Counter {
    std::string name;  ///< snake_case; a dataset of /counters
    std::string units;
    std::string long_name;
    std::vector<double> values;  ///< steps x tensors, NaN where it does not apply
  };

  std::vector<std::int64_t> steps;  ///< ascending
  std::vector<Tensor> tensors;
  std::vector<Counter> counters;
};

enum class RunStatus : std::uint8_t { done, diverged };

struct RunResult {
  RunStatus status = RunStatus::done;
  std::string reason;  ///< for diverged: what and at which step
  std::vector<Metric> metrics;
  std::vector<Curve> curves;
  std::vector<std::pair<std::string, std::string>> facts;  ///< text columns: data checksum, ...
  CounterTable counters = {};                              ///< empty: nothing was counted
};

/// How a run talks to the harness while it works.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  /// `done` of `total` units of work; `value` is what a progress line shows (the loss). Also
  /// appended to the run's journal.
  virtual void progress(std::int64_t done, std::int64_t total, double value) = 0;

  /// True when an interrupted process has left a checkpoint of this run that this program wrote
  /// from the same `inputs` (data, initial weights); one that is damaged or of something else is
  /// reported and not used.
  virtual bool load_checkpoint(const std::string& /*inputs*/, nn::Checkpoint& /*checkpoint*/) {
    return false;
  }

  /// Replaces the run's checkpoint. A disk that is full is reported and ends no run.
  virtual void save_checkpoint(const std::string& /*inputs*/,
                               const nn::Checkpoint& /*checkpoint*/) {}

  /// Whether keep_weights() has stored the run's weights after this many updates, now or in an
  /// interrupted process.
  virtual bool has_kept_weights(std::int64_t /*updates*/) { return true; }

  /// Stores weights that the run passes by in the folder of the sweep, with the run's id among the
  /// metadata. Throws IoError.
  virtual void keep_weights(std::int64_t /*updates*/, const Safetensors& /*weights*/) {}

  /// Something that the user should read now.
  virtual void remark(const std::string& /*text*/) {}
};

/// When a run counts as diverged ([stop.diverged] of the sweep file).
struct StopRules {
  bool non_finite = true;
  double loss_above = 1e308;
};

struct ExperimentKind {
  std::string_view name;
  std::string_view summary;
  std::span<const Field> fields;
  /// Cross-field checks of one resolved point; empty when it can run.
  std::vector<ConfigIssue> (*check)(const Config&);
  /// Work of one run in seconds on one core of the reference machine; for ETA and --dry-run.
  double (*estimate_seconds)(const Config&);
  /// The complete numerics string: every format, rounding, overflow, scale and accumulation rule.
  std::string (*numerics)(const Config&);
  /// Loads what runs share (data), once in the parent process before workers start. Throws
  /// DataError.
  void (*prepare)(std::span<const Config>);
  /// One run: a pure function of (config, seed); `stop` only ends it early. Throws on failure.
  RunResult (*run)(const Config&, std::int64_t seed, const StopRules& stop, RunObserver&);
  std::string_view progress_name = "loss";  ///< of the value that RunObserver::progress gets
  /// Makes what runs of equal seed share (a trained model); called after prepare() for each run
  /// that is to be computed, in the parent process. Throws DataError.
  void (*prepare_run)(const Config&, std::int64_t seed) = nullptr;
};

/// experiments/registry.cc: the one table, sorted by name.
std::span<const ExperimentKind> experiment_kinds();
/// nullptr when there is none of that name.
const ExperimentKind* find_experiment_kind(std::string_view name);

}  // namespace halfulp
