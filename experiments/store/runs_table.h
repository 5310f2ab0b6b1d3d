// The columns of /runs of a results file, for reading.
#pragma once

#include <string>
#include <vector>

namespace halfulp {

struct StoredColumn {
  std::string name;
  bool is_text = false;
  std::vector<double> numbers;     ///< NaN for texts
  std::vector<std::string> texts;  ///< empty for numbers
};

/// All columns of /runs, in the order of the file. Booleans and integers become reals. Throws
/// IoError when the file is missing, damaged or no results file.
std::vector<StoredColumn> read_runs_table(const std::string& path);

}  // namespace halfulp
