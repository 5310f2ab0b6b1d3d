#include "experiments/store/runs_table.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "experiments/store/atomic_file.h"
#include "experiments/store/hdf5.h"
#include "experiments/store/io_error.h"
#include "experiments/store/layout.h"

namespace halfulp {

namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

StoredColumn to_column(const std::string& name, const hdf5::Array& array) {
  StoredColumn column{name, false, {}, {}};
  std::visit(
      [&](const auto& elements) {
        for (const auto& element : elements) {
          if constexpr (std::is_same_v<std::decay_t<decltype(element)>, std::string>) {
            column.is_text = true;
            column.texts.push_back(element);
            column.numbers.push_back(kNotANumber);
          } else {
            column.numbers.push_back(static_cast<double>(element));
          }
        }
      },
      array.elements);
  return column;
}

}  // namespace

std::vector<StoredColumn> read_runs_table(const std::string& path) {
  const std::string bytes = read_file(path);
  const Unsealed unsealed = unseal(bytes);
  if (unsealed.seal == Seal::broken) {
    throw IoError(fmt::format("{}: the file is damaged (its checksum does not match)", path));
  }
  try {
    const hdf5::Handle file = hdf5::open_image(unsealed.content);
    if (!hdf5::has_attribute(file, "schema") ||
        hdf5::text_attribute(file, "schema") != kResultsSchema) {
      throw IoError(fmt::format("{}: this is not a {} file", path, kResultsSchema));
    }
    const hdf5::Handle runs = hdf5::open_group(file, "runs");
    std::vector<StoredColumn> columns;
    for (const std::string& name : hdf5::member_names(runs)) {
      columns.push_back(to_column(name, hdf5::read_array(runs, name)));
    }
    return columns;
  } catch (const hdf5::Error& error) {
    throw IoError(fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace halfulp
