// Names that the writers and the readers of the results store share. docs/RESULTS.md explains them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "experiments/store/run_record.h"

namespace halfulp {

inline constexpr char kResultsSchema[] = "halfulp-results";
inline constexpr std::int64_t kResultsSchemaVersion = 2;  ///< version 1 is read too

/// Attribute of a configuration key's column; 0 leaves the key out of the content hash.
inline constexpr char kChangesNumbers[] = "changes_numbers";

inline constexpr char kFitsSchema[] = "halfulp-fits";
inline constexpr std::int64_t kFitsSchemaVersion = 1;

inline constexpr char kDone[] = "done";
inline constexpr char kDiverged[] = "diverged";

/// Columns of /runs that every file has; no metric, fact or configuration key may take these names.
inline constexpr std::array<std::string_view, 9> kReservedColumns = {
    "run",  "run_id",   "experiment",   "status",     "reason",
    "seed", "numerics", "wall_seconds", "cpu_seconds"};

/// Members of /curves that are not curves.
inline constexpr std::array<std::string_view, 2> kReservedCurves = {"run", "run_id"};

/// Members of /counters that are not counters.
inline constexpr std::array<std::string_view, 6> kReservedCounters = {"run",    "run_id", "step",
                                                                      "tensor", "layer",  "role"};

/// One text of Provenance: its member, its name in files, and what it is.
struct ProvenanceField {
  std::string Provenance::*member;
  const char* name;
  const char* long_name;
};

inline constexpr std::array<ProvenanceField, 13> kProvenanceFields = {{
    {&Provenance::version, "version", "version of halfulp"},
    {&Provenance::commit, "commit", "git commit of the source tree"},
    {&Provenance::dirty_diff, "dirty_diff", "uncommitted difference of the source tree"},
    {&Provenance::compiler, "compiler", "compiler and version"},
    {&Provenance::flags, "flags", "compiler flags"},
    {&Provenance::build_type, "build_type", "CMake build type"},
    {&Provenance::cpu, "cpu", "processor model"},
    {&Provenance::simd_target, "simd_target", "instruction set of the kernels"},
    {&Provenance::libraries, "libraries", "versions of the libraries"},
    {&Provenance::host_os, "host_os", "operating system"},
    {&Provenance::started_utc, "started_utc", "start of the run, UTC"},
    {&Provenance::finished_utc, "finished_utc", "end of the run, UTC"},
    {&Provenance::command_line, "command_line", "command line of the program"},
}};

}  // namespace halfulp
