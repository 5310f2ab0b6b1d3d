// A sweep file as read and checked, and its expansion into the runs it asks for. docs/SWEEPS.md is
// the reference of the file.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "experiments/config.h"
#include "experiments/harness/diagnostics.h"
#include "experiments/kind.h"
#include "experiments/laws/fit_request.h"

namespace halfulp::harness {

/// One key given one value somewhere.
struct Setting {
  std::string key;
  Value value;
  std::string written;     ///< the value as the user wrote it: the label of a run
  Location at;             ///< of the key, or of the value inside an axis
  bool from_base = false;  ///< inside an axis: read from a base file
};

/// One position along an axis: the settings that change together.
struct AxisChoice {
  std::vector<Setting> settings;
};

/// A key of [sweep.grid], a table [sweep.zip.NAME], or [sweep.random] as the list of its draws.
struct Axis {
  std::string name;
  std::vector<AxisChoice> choices;
  Location at;
};

/// [[sweep.exclude]]: a point is dropped when each condition's key has one of its values.
struct Exclusion {
  struct Condition {
    std::string key;
    std::vector<Value> any_of;
  };

  std::vector<Condition> conditions;
  Location at;
};

/// [[fit]]: a law for the merged runs.
struct SweepFit {
  std::string name;  ///< of the group under /fits
  laws::FitRequest request;
  std::map<std::string, Location> places;  ///< of its keys
  Location at;
};

struct Sweep {
  std::string path;
  std::string text;  ///< the file verbatim
  std::string name;
  const ExperimentKind* kind = nullptr;
  Location kind_at;
  std::vector<std::int64_t> seeds = {0};
  StopRules stop;
  std::vector<std::string> figures;
  std::vector<SweepFit> fits;
  std::vector<Setting> constants;  ///< base files, [set], command line: later wins
  std::vector<Axis> axes;          ///< in file order; the first varies slowest
  std::vector<Exclusion> exclusions;
  std::vector<std::string> overrides;     ///< the key=value arguments as typed
  std::vector<std::string> tainted_keys;  ///< keys whose values were refused
};

/// Reads the sweep file and everything it includes, and applies `overrides` ("key=value"). Adds
/// every mistake it finds to `diagnostics`; the result is then good for finding more mistakes only.
Sweep read_sweep(const std::string& path, const std::vector<std::string>& overrides,
                 std::span<const ExperimentKind> kinds, Diagnostics& diagnostics);

/// One run: a resolved configuration and a seed.
struct RunPoint {
  std::string id;  ///< 16 hex digits, see run_id()
  Config config;
  std::int64_t seed = 0;
  std::vector<std::pair<std::string, std::string>> labels;  ///< swept keys and values as written
  double estimate_seconds = 0.0;
};

struct Plan {
  std::vector<RunPoint> points;         ///< in sweep order: axes, then seeds fastest
  std::vector<std::string> swept_keys;  ///< in axis order
  std::vector<std::string> remarks;     ///< merged duplicates, exclusions that match nothing
  std::int64_t excluded = 0;            ///< runs
};

/// Expands the sweep and runs the kind's cross-field checks. Adds mistakes to `diagnostics`.
Plan expand(const Sweep& sweep, Diagnostics& diagnostics);

/// The name of a run: XXH3-64, as 16 hex digits, of the experiment, every key with changes_numbers,
/// the seed and the stop rules. Independent of the order of keys, comments, names and paths.
std::string run_id(const ExperimentKind& kind, const Config& config, std::int64_t seed,
                   const StopRules& stop);

/// read_sweep and expand; throws ConfigError with every mistake.
std::pair<Sweep, Plan> load_plan(const std::string& path, const std::vector<std::string>& overrides,
                                 std::span<const ExperimentKind> kinds);

}  // namespace halfulp::harness
