// The file of one run. Layout: docs/RESULTS.md, section "Run files".
#include <algorithm>
#include <set>
#include <stdexcept>
#include <type_traits>

#include "experiments/store/atomic_file.h"
#include "experiments/store/counters.h"
#include "experiments/store/hdf5.h"
#include "experiments/store/io_error.h"
#include "experiments/store/layout.h"
#include "experiments/store/run_record.h"

namespace halfulp {
namespace {

using hdf5::Handle;

constexpr char kRunSchema[] = "halfulp-run";
constexpr std::int64_t kRunSchemaVersion = 1;

constexpr char kBooleanAttribute[] = "flag_meanings";

void check_name(const std::string& name, std::set<std::string>& taken) {
  if (name.empty() || name == "." || name.find('/') != std::string::npos) {
    throw std::logic_error("'" + name + "' cannot be the name of a column");
  }
  if (!taken.insert(name).second) throw std::logic_error("two columns are named '" + name + "'");
}

// What would not survive as columns and curves of one table is the kind's mistake, found at its
// first run.
void check_record(const RunRecord& record) {
  std::set<std::string> columns(kReservedColumns.begin(), kReservedColumns.end());
  for (const auto& [key, value] : record.config.values()) check_name(key, columns);
  for (const auto& metric : record.result.metrics) check_name(metric.name, columns);
  for (const auto& [name, text] : record.result.facts) check_name(name, columns);
  std::set<std::string> curves(kReservedCurves.begin(), kReservedCurves.end());
  for (const auto& curve : record.result.curves) {
    check_name(curve.name, curves);
    if (curve.steps.size() != curve.values.size()) {
      throw std::logic_error("curve '" + curve.name + "' has unequal numbers of steps and values");
    }
  }
  const CounterTable& table = record.result.counters;
  std::set<std::string> counters(kReservedCounters.begin(), kReservedCounters.end());
  for (const auto& counter : table.counters) {
    check_name(counter.name, counters);
    if (counter.values.size() != table.steps.size() * table.tensors.size()) {
      throw std::logic_error("counter '" + counter.name + "' is not of its steps and tensors");
    }
  }
}

void write_value(hid_t group, const std::string& key, const Value& value) {
  std::visit(
      [&](const auto& typed) {
        using T = std::decay_t<decltype(typed)>;
        if constexpr (std::is_same_v<T, bool>) {
          const Handle dataset =
              hdf5::write_array(group, key, {{}, std::vector<std::int8_t>{typed ? '\1' : '\0'}});
          hdf5::set_attribute(dataset, kBooleanAttribute, "false true");
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          hdf5::write_array(group, key, {{typed.size()}, typed});
        } else {
          hdf5::write_array(group, key, {{}, std::vector<T>{typed}});
        }
      },
      value);
}

Value read_value(hid_t group, const std::string& key) {
  hdf5::Array array = hdf5::read_array(group, key);
  if (array.shape.size() == 1) return hdf5::read_vector<std::string>(group, key);
  return std::visit(
      [&](auto& elements) -> Value {
        using T = typename std::decay_t<decltype(elements)>::value_type;
        if constexpr (std::is_same_v<T, std::int8_t>) {
          return elements.at(0) != 0;
        } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, std::uint8_t>) {
          throw hdf5::Error("configuration value '" + key + "' has an unexpected type");
        } else {
          return elements.at(0);
        }
      },
      array.elements);
}

void write_metrics(hid_t root, const std::vector<Metric>& metrics) {
  const Handle group = hdf5::create_group(root, "metrics");
  for (const auto& metric : metrics) {
    const Handle dataset =
        hdf5::write_array(group, metric.name, {{}, std::vector<double>{metric.value}});
    hdf5::set_attribute(dataset, "long_name", metric.long_name);
    hdf5::set_attribute(dataset, "units", metric.units);
    hdf5::set_attribute(dataset, "reproducible", std::int64_t{metric.reproducible ? 1 : 0});
  }
}

std::vector<Metric> read_metrics(hid_t root) {
  const Handle group = hdf5::open_group(root, "metrics");
  std::vector<Metric> metrics;
  for (const auto& name : hdf5::member_names(group)) {
    const Handle dataset(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose, "open a metric");
    metrics.push_back({.name = name,
                       .value = hdf5::read_real(group, name),
                       .units = hdf5::text_attribute(dataset, "units"),
                       .long_name = hdf5::text_attribute(dataset, "long_name"),
                       .reproducible = hdf5::integer_attribute(dataset, "reproducible") != 0});
  }
  return metrics;
}

void write_curves(hid_t root, const std::vector<Curve>& curves) {
  const Handle parent = hdf5::create_group(root, "curves");
  for (const auto& curve : curves) {
    const Handle group = hdf5::create_group(parent, curve.name);
    hdf5::set_attribute(group, "long_name", curve.long_name);
    hdf5::set_attribute(group, "units", curve.units);
    hdf5::write_array(group, "step", {{curve.steps.size()}, curve.steps});
    hdf5::write_array(group, "value", {{curve.values.size()}, curve.values});
  }
}

std::vector<Curve> read_curves(hid_t root) {
  const Handle parent = hdf5::open_group(root, "curves");
  std::vector<Curve> curves;
  for (const auto& name : hdf5::member_names(parent)) {
    const Handle group = hdf5::open_group(parent, name);
    curves.push_back({.name = name,
                      .units = hdf5::text_attribute(group, "units"),
                      .long_name = hdf5::text_attribute(group, "long_name"),
                      .steps = hdf5::read_vector<std::int64_t>(group, "step"),
                      .values = hdf5::read_vector<double>(group, "value")});
    if (curves.back().steps.size() != curves.back().values.size()) {
      throw hdf5::Error("curve '" + name + "' has unequal numbers of steps and values");
    }
  }
  return curves;
}

void write_result(hid_t root, const RunResult& result) {
  hdf5::write_text(root, "status", result.status == RunStatus::done ? kDone : kDiverged);
  hdf5::write_text(root, "reason", result.reason);
  write_metrics(root, result.metrics);
  const Handle facts = hdf5::create_group(root, "facts");
  for (const auto& [name, text] : result.facts) hdf5::write_text(facts, name, text);
  write_curves(root, result.curves);
  write_run_counters(root, result.counters);
}

RunResult read_result(hid_t root) {
  RunResult result;
  const std::string status = hdf5::read_text(root, "status");
  if (status != kDone && status != kDiverged) throw hdf5::Error("unknown status '" + status + "'");
  result.status = status == kDone ? RunStatus::done : RunStatus::diverged;
  result.reason = hdf5::read_text(root, "reason");
  result.metrics = read_metrics(root);
  const Handle facts = hdf5::open_group(root, "facts");
  for (const auto& name : hdf5::member_names(facts)) {
    result.facts.emplace_back(name, hdf5::read_text(facts, name));
  }
  result.curves = read_curves(root);
  result.counters = read_run_counters(root);
  return result;
}

std::string image_of(const RunRecord& record) {
  const Handle file = hdf5::create_file();
  hdf5::set_attribute(file, "schema", kRunSchema);
  hdf5::set_attribute(file, "schema_version", kRunSchemaVersion);
  hdf5::write_text(file, "run_id", record.run_id);
  hdf5::write_text(file, "experiment", record.experiment);
  hdf5::write_text(file, "numerics", record.numerics);
  hdf5::write_integer(file, "seed", record.seed);
  hdf5::write_real(file, "wall_seconds", record.wall_seconds);
  hdf5::write_real(file, "cpu_seconds", record.cpu_seconds);
  write_result(file, record.result);
  const Handle config = hdf5::create_group(file, "config");
  for (const auto& [key, value] : record.config.values()) write_value(config, key, value);
  const Handle provenance = hdf5::create_group(file, "provenance");
  for (const auto& [member, name, long_name] : kProvenanceFields) {
    hdf5::write_text(provenance, name, record.provenance.*member);
  }
  hdf5::set_attribute(file, "complete", std::int64_t{1});
  return hdf5::file_image(file);
}

RunRecord record_of(std::string_view image) {
  const Handle file = hdf5::open_image(image);
  if (hdf5::text_attribute(file, "schema") != kRunSchema) throw hdf5::Error("not a run file");
  const std::int64_t version = hdf5::integer_attribute(file, "schema_version");
  if (version != kRunSchemaVersion) {
    throw hdf5::Error("written under schema version " + std::to_string(version) +
                      ", this program reads " + std::to_string(kRunSchemaVersion));
  }
  if (hdf5::integer_attribute(file, "complete") != 1) throw hdf5::Error("incomplete");
  RunRecord record;
  record.run_id = hdf5::read_text(file, "run_id");
  record.experiment = hdf5::read_text(file, "experiment");
  record.numerics = hdf5::read_text(file, "numerics");
  record.seed = hdf5::read_integer(file, "seed");
  record.wall_seconds = hdf5::read_real(file, "wall_seconds");
  record.cpu_seconds = hdf5::read_real(file, "cpu_seconds");
  record.result = read_result(file);
  const Handle config = hdf5::open_group(file, "config");
  for (const auto& key : hdf5::member_names(config)) {
    record.config.set(key, read_value(config, key));
  }
  const Handle provenance = hdf5::open_group(file, "provenance");
  for (const auto& [member, name, long_name] : kProvenanceFields) {
    record.provenance.*member = hdf5::read_text(provenance, name);
  }
  return record;
}

}  // namespace

void write_run(const std::string& path, const RunRecord& record) {
  check_record(record);
  try {
    replace_file(path, seal(image_of(record)));
  } catch (const hdf5::Error& error) {
    throw IoError(path + ": " + error.what());
  }
}

RunRecord read_run(const std::string& path) {
  const std::string bytes = read_file(path);
  const Unsealed file = unseal(bytes);
  if (file.seal == Seal::absent) throw IoError(path + ": not a finished run file");
  if (file.seal == Seal::broken) throw IoError(path + ": damaged (its checksum does not match)");
  try {
    return record_of(file.content);
  } catch (const hdf5::Error& error) {
    throw IoError(path + ": " + error.what());
  }
}

}  // namespace halfulp
