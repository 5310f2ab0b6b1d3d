#include "experiments/store/counters.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "experiments/store/labelled.h"
#include "experiments/store/layout.h"

namespace halfulp {
namespace {

using hdf5::Handle;
using TensorKey = std::pair<std::string, std::string>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool is_reserved(const std::string& name) {
  return std::find(kReservedCounters.begin(), kReservedCounters.end(), name) !=
         kReservedCounters.end();
}

/// The values of a dataset of this shape.
std::vector<double> read_values(hid_t group, const std::string& name,
                                const std::vector<hsize_t>& shape) {
  hdf5::Array array = hdf5::read_array(group, name);
  auto* const values = std::get_if<std::vector<double>>(&array.elements);
  if (values == nullptr || array.shape != shape) {
    throw hdf5::Error("counter '" + name + "' has an unexpected type or shape");
  }
  return std::move(*values);
}

std::vector<TensorKey> read_tensors(hid_t group) {
  const auto layers = hdf5::read_vector<std::string>(group, "layer");
  const auto roles = hdf5::read_vector<std::string>(group, "role");
  if (layers.size() != roles.size()) throw hdf5::Error("layers and roles differ in number");
  std::vector<TensorKey> tensors;
  for (std::size_t i = 0; i < layers.size(); ++i) tensors.emplace_back(layers[i], roles[i]);
  return tensors;
}

/// What all runs have together: steps ascending, the others in the order of their first run.
struct Axes {
  std::vector<std::int64_t> steps;
  std::vector<TensorKey> tensors;
  std::vector<CounterTable::Counter> counters;  ///< without values
};

Axes common_axes(const std::vector<RunRecord>& records) {
  Axes axes;
  std::set<std::int64_t> steps;
  std::set<TensorKey> tensors;
  std::set<std::string> names;
  for (const RunRecord& record : records) {
    const CounterTable& table = record.result.counters;
    steps.insert(table.steps.begin(), table.steps.end());
    for (const auto& tensor : table.tensors) {
      const TensorKey key = {tensor.layer, tensor.role};
      if (tensors.insert(key).second) axes.tensors.push_back(key);
    }
    for (const auto& counter : table.counters) {
      if (!names.insert(counter.name).second) continue;
      axes.counters.push_back({counter.name, counter.units, counter.long_name, {}});
    }
  }
  axes.steps.assign(steps.begin(), steps.end());
  return axes;
}

/// Rows of equal length: runs x steps x tensors.
std::vector<double> gathered(const std::vector<RunRecord>& records, const Axes& axes,
                             const std::string& name) {
  const std::size_t width = axes.tensors.size();
  std::map<TensorKey, std::size_t> places;
  for (std::size_t i = 0; i < width; ++i) places[axes.tensors[i]] = i;
  std::vector<double> values(records.size() * axes.steps.size() * width, kNan);
  for (std::size_t run = 0; run < records.size(); ++run) {
    const CounterTable& table = records[run].result.counters;
    const auto counter =
        std::find_if(table.counters.begin(), table.counters.end(),
                     [&](const CounterTable::Counter& one) { return one.name == name; });
    if (counter == table.counters.end()) continue;
    for (std::size_t s = 0; s < table.steps.size(); ++s) {
      const auto step = std::lower_bound(axes.steps.begin(), axes.steps.end(), table.steps[s]);
      const std::size_t row =
          run * axes.steps.size() + static_cast<std::size_t>(step - axes.steps.begin());
      for (std::size_t t = 0; t < table.tensors.size(); ++t) {
        const auto& tensor = table.tensors[t];
        values[row * width + places.at({tensor.layer, tensor.role})] =
            counter->values[s * table.tensors.size() + t];
      }
    }
  }
  return values;
}

}  // namespace

void write_run_counters(hid_t root, const CounterTable& table) {
  if (table.counters.empty()) return;
  const Handle group = hdf5::create_group(root, "counters");
  std::vector<std::string> layers, roles;
  for (const auto& tensor : table.tensors) {
    layers.push_back(tensor.layer);
    roles.push_back(tensor.role);
  }
  hdf5::write_array(group, "step", {{table.steps.size()}, table.steps});
  hdf5::write_array(group, "layer", {{layers.size()}, layers});
  hdf5::write_array(group, "role", {{roles.size()}, roles});
  for (const auto& counter : table.counters) {
    const Handle dataset = hdf5::write_array(
        group, counter.name, {{table.steps.size(), table.tensors.size()}, counter.values},
        hdf5::Storage::compressed);
    hdf5::set_attribute(dataset, "long_name", counter.long_name);
    hdf5::set_attribute(dataset, "units", counter.units);
  }
}

CounterTable read_run_counters(hid_t root) {
  CounterTable table;
  if (!hdf5::has_member(root, "counters")) return table;
  const Handle group = hdf5::open_group(root, "counters");
  table.steps = hdf5::read_vector<std::int64_t>(group, "step");
  for (auto& [layer, role] : read_tensors(group)) table.tensors.push_back({layer, role});
  for (const auto& name : hdf5::member_names(group)) {
    if (is_reserved(name)) continue;
    const Handle dataset(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose, "open a counter");
    table.counters.push_back(
        {.name = name,
         .units = hdf5::text_attribute(dataset, "units"),
         .long_name = hdf5::text_attribute(dataset, "long_name"),
         .values = read_values(group, name, {table.steps.size(), table.tensors.size()})});
  }
  return table;
}

void write_merged_counters(hid_t file, const std::vector<RunRecord>& records) {
  const Axes axes = common_axes(records);
  if (axes.counters.empty() || axes.steps.empty()) return;
  const Handle group = hdf5::create_group(file, "counters");
  const Handle runs = labelled::write_run_scale(group, records.size());
  labelled::write_run_ids(group, runs, records);
  const Handle steps =
      labelled::write_scale(group, "step", axes.steps, {"updates made before", "1", true});
  std::vector<std::int64_t> index(axes.tensors.size());
  std::iota(index.begin(), index.end(), 0);
  const Handle tensors = labelled::write_scale(group, "tensor", std::move(index),
                                               {"number of the tensor", "1", false});
  std::vector<std::string> layers, roles;
  for (const auto& [layer, role] : axes.tensors) {
    layers.push_back(layer);
    roles.push_back(role);
  }
  labelled::write_labelled(group, "layer", layers, {tensors},
                           {"linear layer or parameter of the tensor", "", true});
  labelled::write_labelled(group, "role", roles, {tensors},
                           {"which tensor of the layer or parameter", "", true});
  for (const auto& counter : axes.counters) {
    labelled::write_labelled(group, counter.name, gathered(records, axes, counter.name),
                             {runs, steps, tensors}, {counter.long_name, counter.units, true});
  }
}

MergedCounters read_merged_counters(hid_t file, std::size_t runs) {
  const Handle group = hdf5::open_group(file, "counters");
  MergedCounters counters;
  counters.steps = hdf5::read_vector<std::int64_t>(group, "step");
  counters.tensors = read_tensors(group);
  const std::vector<hsize_t> shape = {runs, counters.steps.size(), counters.tensors.size()};
  for (const auto& name : hdf5::member_names(group)) {
    if (!is_reserved(name)) counters.values[name] = read_values(group, name, shape);
  }
  return counters;
}

}  // namespace halfulp
