#include "experiments/store/checkpoint_file.h"

#include <algorithm>
#include <type_traits>

#include "experiments/store/atomic_file.h"
#include "experiments/store/checksum.h"
#include "experiments/store/hdf5.h"
#include "experiments/store/io_error.h"

namespace halfulp {
namespace {

using hdf5::Handle;
using nn::CounterSamples;
using nn::CounterValues;

constexpr char kSchema[] = "halfulp-checkpoint";
constexpr std::int64_t kSchemaVersion = 1;

std::vector<std::int64_t> integers(const std::vector<std::size_t>& values) {
  return {values.begin(), values.end()};
}

void write_tensors(hid_t file, const std::vector<nn::SavedTensor>& tensors) {
  std::vector<std::string> names;
  std::vector<std::size_t> offsets, rows, cols;
  for (const nn::SavedTensor& tensor : tensors) {
    names.push_back(tensor.name);
    offsets.push_back(tensor.offset);
    rows.push_back(tensor.rows);
    cols.push_back(tensor.cols);
  }
  const Handle group = hdf5::create_group(file, "tensors");
  hdf5::write_array(group, "name", {{names.size()}, names});
  hdf5::write_array(group, "offset", {{offsets.size()}, integers(offsets)});
  hdf5::write_array(group, "rows", {{rows.size()}, integers(rows)});
  hdf5::write_array(group, "cols", {{cols.size()}, integers(cols)});
}

std::vector<nn::SavedTensor> read_tensors(hid_t file) {
  const Handle group = hdf5::open_group(file, "tensors");
  const auto names = hdf5::read_vector<std::string>(group, "name");
  const auto offsets = hdf5::read_vector<std::int64_t>(group, "offset");
  const auto rows = hdf5::read_vector<std::int64_t>(group, "rows");
  const auto cols = hdf5::read_vector<std::int64_t>(group, "cols");
  if (offsets.size() != names.size() || rows.size() != names.size() ||
      cols.size() != names.size()) {
    throw hdf5::Error("tensors of unequal numbers");
  }
  std::vector<nn::SavedTensor> tensors;
  for (std::size_t i = 0; i < names.size(); ++i) {
    tensors.push_back({names[i], static_cast<std::size_t>(offsets[i]),
                       static_cast<std::size_t>(rows[i]), static_cast<std::size_t>(cols[i])});
  }
  return tensors;
}

void write_state(hid_t file, const std::vector<nn::SavedArray>& state) {
  const Handle group = hdf5::create_group(file, "state");
  for (const nn::SavedArray& array : state) {
    std::visit(
        [&](const auto& values) {
          hdf5::write_array(group, array.name, {{values.size()}, values});
        },
        array.values);
  }
}

std::vector<nn::SavedArray> read_state(hid_t file) {
  const Handle group = hdf5::open_group(file, "state");
  std::vector<nn::SavedArray> state;
  for (const auto& name : hdf5::member_names(group)) {
    hdf5::Array array = hdf5::read_array(group, name);
    nn::SavedArray saved{name, {}};
    std::visit(
        [&](auto& elements) {
          using T = typename std::decay_t<decltype(elements)>::value_type;
          if constexpr (std::is_same_v<T, std::string> || sizeof(T) == 1) {
            throw hdf5::Error("state '" + name + "' has an unexpected type");
          } else {
            saved.values = std::move(elements);
          }
        },
        array.elements);
    state.push_back(std::move(saved));
  }
  return state;
}

void write_curves(hid_t file, const nn::Checkpoint& checkpoint) {
  const Handle parent = hdf5::create_group(file, "curves");
  for (const auto& [name, points] : checkpoint.curves) {
    std::vector<std::int64_t> steps;
    std::vector<double> values;
    for (const nn::LossPoint& point : points) {
      steps.push_back(point.step);
      values.push_back(point.loss);
    }
    const Handle group = hdf5::create_group(parent, name);
    hdf5::write_array(group, "step", {{steps.size()}, steps});
    hdf5::write_array(group, "value", {{values.size()}, values});
  }
}

void read_curves(hid_t file, nn::Checkpoint& checkpoint) {
  const Handle parent = hdf5::open_group(file, "curves");
  for (const auto& name : hdf5::member_names(parent)) {
    const Handle group = hdf5::open_group(parent, name);
    const auto steps = hdf5::read_vector<std::int64_t>(group, "step");
    const auto values = hdf5::read_vector<double>(group, "value");
    if (steps.size() != values.size()) throw hdf5::Error("curve '" + name + "' is torn");
    auto& points = checkpoint.curves.emplace_back(name, std::vector<nn::LossPoint>()).second;
    for (std::size_t i = 0; i < steps.size(); ++i) points.push_back({steps[i], values[i]});
  }
}

void write_counters(hid_t file, const CounterSamples& samples) {
  const Handle group = hdf5::create_group(file, "counters");
  std::vector<std::string> layers, roles;
  for (const auto& tensor : samples.tensors) {
    layers.push_back(tensor.layer);
    roles.push_back(tensor.role);
  }
  std::vector<double> values;
  for (const CounterValues& row : samples.values) {
    values.insert(values.end(), row.begin(), row.end());
  }
  hdf5::write_array(group, "layer", {{layers.size()}, layers});
  hdf5::write_array(group, "role", {{roles.size()}, roles});
  hdf5::write_array(group, "step", {{samples.steps.size()}, samples.steps});
  hdf5::write_array(group, "tensor", {{samples.indices.size()}, samples.indices});
  hdf5::write_array(group, "value", {{values.size()}, values});
}

CounterSamples read_counters(hid_t file) {
  const Handle group = hdf5::open_group(file, "counters");
  const auto layers = hdf5::read_vector<std::string>(group, "layer");
  const auto roles = hdf5::read_vector<std::string>(group, "role");
  const auto values = hdf5::read_vector<double>(group, "value");
  CounterSamples samples;
  samples.steps = hdf5::read_vector<std::int64_t>(group, "step");
  samples.indices = hdf5::read_vector<std::int64_t>(group, "tensor");
  const std::size_t count = samples.steps.size();
  const auto is_known = [&](std::int64_t index) {
    return index >= 0 && index < static_cast<std::int64_t>(layers.size());
  };
  if (roles.size() != layers.size() || samples.indices.size() != count ||
      values.size() != count * nn::kCounters ||
      !std::all_of(samples.indices.begin(), samples.indices.end(), is_known)) {
    throw hdf5::Error("counters are torn");
  }
  for (std::size_t i = 0; i < layers.size(); ++i) samples.tensors.push_back({layers[i], roles[i]});
  samples.values.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i * nn::kCounters), nn::kCounters,
                samples.values[i].begin());
  }
  return samples;
}

std::string image_of(const CheckpointIdentity& identity, const nn::Checkpoint& checkpoint) {
  const Handle file = hdf5::create_file();
  hdf5::set_attribute(file, "schema", kSchema);
  hdf5::set_attribute(file, "schema_version", kSchemaVersion);
  hdf5::write_text(file, "run_id", identity.run_id);
  hdf5::write_text(file, "program", identity.program);
  hdf5::write_text(file, "inputs", identity.inputs);
  write_tensors(file, checkpoint.tensors);
  write_state(file, checkpoint.state);
  write_curves(file, checkpoint);
  write_counters(file, checkpoint.counters);
  return hdf5::file_image(file);
}

CheckpointFile file_of(std::string_view image) {
  const Handle file = hdf5::open_image(image);
  if (hdf5::text_attribute(file, "schema") != kSchema) throw hdf5::Error("not a checkpoint");
  const std::int64_t version = hdf5::integer_attribute(file, "schema_version");
  if (version != kSchemaVersion) {
    throw hdf5::Error("written under schema version " + std::to_string(version) +
                      ", this program reads " + std::to_string(kSchemaVersion));
  }
  CheckpointFile result;
  result.identity = {hdf5::read_text(file, "run_id"), hdf5::read_text(file, "program"),
                     hdf5::read_text(file, "inputs")};
  result.checkpoint.tensors = read_tensors(file);
  result.checkpoint.state = read_state(file);
  read_curves(file, result.checkpoint);
  result.checkpoint.counters = read_counters(file);
  return result;
}

}  // namespace

std::string program_checksum() {
  try {
    return xxh3_128_hex(read_file("/proc/self/exe"));
  } catch (const IoError&) {
    return "";
  }
}

void write_checkpoint(const std::string& path, const CheckpointIdentity& identity,
                      const nn::Checkpoint& checkpoint) {
  try {
    replace_file(path, seal(image_of(identity, checkpoint)));
  } catch (const hdf5::Error& error) {
    throw IoError(path + ": " + error.what());
  }
}

CheckpointFile read_checkpoint(const std::string& path) {
  const std::string bytes = read_file(path);
  const Unsealed file = unseal(bytes);
  if (file.seal == Seal::absent) throw IoError(path + ": not a whole checkpoint");
  if (file.seal == Seal::broken) throw IoError(path + ": damaged (its checksum does not match)");
  try {
    return file_of(file.content);
  } catch (const hdf5::Error& error) {
    throw IoError(path + ": " + error.what());
  }
}

std::string difference(const CheckpointIdentity& found, const CheckpointIdentity& wanted) {
  if (found.run_id != wanted.run_id) return "it is of run " + found.run_id;
  if (found.program != wanted.program) return "another build of the program wrote it";
  if (found.inputs != wanted.inputs) return "its run read other data or initial weights";
  return "";
}

}  // namespace halfulp
