// Gaps: a metric of each row minus that of the baseline row it belongs to.
#pragma once

#include <string>
#include <vector>

#include "experiments/laws/table.h"

namespace halfulp::laws {

/// Which rows are baselines, and which columns a row and its baseline have in common.
struct BaselineSpec {
  std::string where;               ///< condition on rows; empty: no baselines
  std::vector<std::string> match;  ///< columns, compared as text
  std::string metric;              ///< column; empty: validation_loss or loss
};

/// Adds the columns `baseline` (the metric of the baseline row) and `gap` (metric minus baseline)
/// and takes the baseline rows out of the table. A row without a baseline, and one whose baseline
/// diverged, gets NaN in both. Returns how many rows went. Throws harness::ConfigError for unknown
/// columns, a condition that no row or every row meets, and two baselines for one row.
std::size_t subtract_baseline(Table& table, const BaselineSpec& spec);

/// The texts of `columns` of every row, joined: rows of equal text agree in all of them. `where`
/// stands before a complaint about an unknown column.
std::vector<std::string> row_keys(const Table& table, const std::vector<std::string>& columns,
                                  const std::string& where);

/// What tells the groups of rows apart: the columns that `group` names with commas between them, or
/// the row itself when it is empty.
std::vector<std::string> group_keys(const Table& table, const std::string& group);

}  // namespace halfulp::laws
