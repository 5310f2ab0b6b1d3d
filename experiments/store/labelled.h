// Arrays of a merged file: each has labels, and a dimension scale for each of its dimensions (the
// netCDF-4 convention). Used by the writers of merged files.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "experiments/store/hdf5.h"
#include "experiments/store/run_record.h"

namespace halfulp::labelled {

struct Labels {
  std::string long_name;
  std::string units;
  bool reproducible = true;
};

void set_labels(const hdf5::Handle& dataset, const Labels& labels);

/// A dimension scale: an array of its own name that the others refer to.
hdf5::Handle write_scale(hid_t group, const std::string& name, std::vector<std::int64_t> values,
                         const Labels& labels);

/// The scale "run": 0, 1, ...
hdf5::Handle write_run_scale(hid_t group, std::size_t runs);

/// An array along `scales`, one for each of its dimensions, compressed where that makes the file
/// smaller; cells of equal text are stored once.
hdf5::Handle write_labelled(hid_t group, const std::string& name, hdf5::Elements elements,
                            const std::vector<hid_t>& scales, const Labels& labels);

/// text_of() of every record.
template <class Function>
std::vector<std::string> texts(const std::vector<RunRecord>& records, const Function& text_of) {
  std::vector<std::string> result;
  result.reserve(records.size());
  for (const auto& record : records) result.push_back(text_of(record));
  return result;
}

/// The array "run_id" along `scale`.
void write_run_ids(hid_t group, const hdf5::Handle& scale, const std::vector<RunRecord>& records);

}  // namespace halfulp::labelled
