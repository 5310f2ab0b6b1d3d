// The table of /runs while it is put together: one column per name, one cell per run.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "experiments/store/hdf5.h"
#include "experiments/store/run_record.h"

namespace halfulp {

/// monostate: the run has no such value.
using Cell = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

struct Column {
  std::string name = {};
  std::string role = {};  ///< identity, config, metric, fact or timing
  std::string long_name = {};
  std::string units = {};  ///< "1" for pure numbers, empty for text
  bool reproducible = true;
  bool swept = false;
  bool changes_numbers = true;   ///< of keys: false for paths and options of the output
  std::vector<Cell> cells = {};  ///< one per run
};

/// The cells in one type: int8 (booleans), int64, double or text as all of them are; double when
/// numbers are mixed or missing (NaN); text when text is among them (missing: empty).
hdf5::Elements unified(const Column& column);

/// Columns in the order of the file: identity, swept keys, other keys, metrics, facts, timings.
/// Throws hdf5::Error when a name is used in two roles.
std::vector<Column> make_columns(const std::vector<RunRecord>& records,
                                 const std::vector<std::string>& swept_keys);

}  // namespace halfulp
