// Counters in run files and in merged files. Layout: docs/RESULTS.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "experiments/store/hdf5.h"
#include "experiments/store/run_record.h"

namespace halfulp {

/// The group `counters` of a run file; none for a table without counters.
void write_run_counters(hid_t root, const CounterTable& table);
/// Throws hdf5::Error when shapes do not fit together.
CounterTable read_run_counters(hid_t root);

/// The group /counters of a merged file: the steps and tensors of any run, NaN where a run has
/// none. Nothing when no run has counters.
void write_merged_counters(hid_t file, const std::vector<RunRecord>& records);

struct MergedCounters {
  std::vector<std::int64_t> steps;
  std::vector<std::pair<std::string, std::string>> tensors;  ///< layer and role
  std::map<std::string, std::vector<double>> values;         ///< runs x steps x tensors
};

/// Throws hdf5::Error when shapes do not fit together.
MergedCounters read_merged_counters(hid_t file, std::size_t runs);

}  // namespace halfulp
