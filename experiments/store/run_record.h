// One finished run as the results store keeps it. docs/RESULTS.md describes the file that comes of
// it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "experiments/config.h"
#include "experiments/kind.h"

namespace halfulp {

/// Where and with what a number was computed. Recorded, never part of the run id or the content
/// hash.
struct Provenance {
  std::string version, commit, dirty_diff, compiler, flags, build_type, cpu, simd_target, libraries,
      host_os, started_utc, finished_utc, command_line;
};

/// Reads the commit and the uncommitted difference of the source tree (empty when it is not there),
/// the CPU, the SIMD target and library versions.
Provenance collect_provenance();

struct RunRecord {
  std::string run_id;      ///< 16 hex digits
  std::string experiment;  ///< kind
  std::string numerics;
  std::int64_t seed = 0;
  Config config;  ///< resolved
  RunResult result;
  double wall_seconds = 0.0;
  double cpu_seconds = 0.0;
  Provenance provenance;
};

/// Writes `path` as a new file beside it, flushes, fsyncs, renames, fsyncs the folder. Throws
/// IoError.
void write_run(const std::string& path, const RunRecord& record);

/// Reads a file of write_run(). Throws IoError when it is missing, incomplete or of another schema.
RunRecord read_run(const std::string& path);

/// Rebuilds `path` from nothing out of the given run files, in the order given (the sweep's), with
/// the sweep file's text and the names of the swept keys; written and renamed like write_run().
/// Idempotent. Curves of equal name but different steps are NaN-padded to the longest.
void merge_runs(const std::string& path, const std::vector<std::string>& run_files,
                const std::string& sweep_name, const std::string& sweep_text,
                const std::vector<std::string>& swept_keys);

/// Checks a merged file against the schema and returns its problems (empty: none).
std::vector<std::string> check_results(const std::string& path);

/// Hash of everything reproducible in a merged file (wall-clock columns, provenance apart),
/// independent of the order of runs: 32 hex digits. Throws IoError.
std::string content_hash(const std::string& path);

}  // namespace halfulp
