// Builds results.h5 out of run files. Layout: docs/RESULTS.md.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <numeric>
#include <set>

#include "build_info.h"
#include "experiments/store/atomic_file.h"
#include "experiments/store/checksum.h"
#include "experiments/store/columns.h"
#include "experiments/store/config_text.h"
#include "experiments/store/content.h"
#include "experiments/store/counters.h"
#include "experiments/store/hdf5.h"
#include "experiments/store/io_error.h"
#include "experiments/store/labelled.h"
#include "experiments/store/layout.h"
#include "experiments/store/resolved_text.h"
#include "experiments/store/run_record.h"

namespace halfulp {
namespace {

using hdf5::Handle;
using labelled::Labels;
using labelled::set_labels;
using labelled::texts;
using labelled::write_labelled;
using labelled::write_run_ids;
using labelled::write_run_scale;
using labelled::write_scale;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void write_runs(hid_t file, const std::vector<RunRecord>& records,
                const std::vector<std::string>& swept_keys) {
  const Handle group = hdf5::create_group(file, "runs");
  const Handle scale = write_run_scale(group, records.size());
  for (const Column& column : make_columns(records, swept_keys)) {
    const Handle dataset = write_labelled(group, column.name, unified(column), {scale},
                                          {column.long_name, column.units, column.reproducible});
    hdf5::set_attribute(dataset, "role", column.role);
    hdf5::set_attribute(dataset, "swept", std::int64_t{column.swept ? 1 : 0});
    if (column.role == "config") {
      hdf5::set_attribute(dataset, kChangesNumbers, std::int64_t{column.changes_numbers ? 1 : 0});
    }
    const bool is_boolean =
        std::all_of(column.cells.begin(), column.cells.end(),
                    [](const Cell& c) { return std::holds_alternative<bool>(c); });
    if (is_boolean) hdf5::set_attribute(dataset, "flag_meanings", "false true");
  }
}

const Curve* find_curve(const RunRecord& record, const std::string& name) {
  const auto& curves = record.result.curves;
  const auto found =
      std::find_if(curves.begin(), curves.end(), [&](const Curve& c) { return c.name == name; });
  return found == curves.end() ? nullptr : &*found;
}

// One curve of all runs, as rows of equal length.
struct CurveRows {
  std::vector<std::int64_t> axis;      // the steps of the longest run
  std::vector<double> values;          // NaN beyond a run's end
  std::vector<std::int64_t> steps;     // -1 beyond a run's end
  std::vector<std::int64_t> n_points;  // one per run
  bool steps_differ = false;           // some run's steps are not the beginning of `axis`
  const Curve* labels = nullptr;
};

CurveRows gather_curve(const std::vector<RunRecord>& records, const std::string& name) {
  CurveRows rows;
  for (const auto& record : records) {
    const Curve* const curve = find_curve(record, name);
    if (curve != nullptr && (rows.labels == nullptr || curve->steps.size() > rows.axis.size())) {
      rows.labels = curve;
      rows.axis = curve->steps;
    }
  }
  const std::size_t width = rows.axis.size();
  rows.values.assign(records.size() * width, kNan);
  rows.steps.assign(records.size() * width, -1);
  rows.n_points.assign(records.size(), 0);
  for (std::size_t run = 0; run < records.size(); ++run) {
    const Curve* const curve = find_curve(records[run], name);
    if (curve == nullptr) continue;
    const auto row = static_cast<std::ptrdiff_t>(run * width);
    std::copy(curve->values.begin(), curve->values.end(), rows.values.begin() + row);
    std::copy(curve->steps.begin(), curve->steps.end(), rows.steps.begin() + row);
    rows.n_points[run] = static_cast<std::int64_t>(curve->steps.size());
    rows.steps_differ |= !std::equal(curve->steps.begin(), curve->steps.end(), rows.axis.begin());
  }
  return rows;
}

void write_curve(hid_t group, const Handle& run_scale, const std::string& name,
                 const CurveRows& rows) {
  const Handle step_scale = write_scale(group, name + "_step", rows.axis,
                                        {"step of the longest " + name + " curve", "1", true});
  write_labelled(group, name, rows.values, {run_scale, step_scale},
                 {rows.labels->long_name, rows.labels->units, true});
  write_labelled(group, name + "_n_points", rows.n_points, {run_scale},
                 {"number of points of the " + name + " curve", "1", true});
  if (rows.steps_differ) {
    const Handle steps =
        write_labelled(group, name + "_steps", rows.steps, {run_scale, step_scale},
                       {"step of each point of the " + name + " curve", "1", true});
    hdf5::set_attribute(steps, "_FillValue", std::int64_t{-1});
  }
}

void write_curves(hid_t file, const std::vector<RunRecord>& records) {
  const Handle group = hdf5::create_group(file, "curves");
  const Handle scale = write_run_scale(group, records.size());
  write_run_ids(group, scale, records);
  std::vector<std::string> names;
  for (const auto& record : records) {
    for (const auto& curve : record.result.curves) {
      if (!curve.steps.empty() &&
          std::find(names.begin(), names.end(), curve.name) == names.end()) {
        names.push_back(curve.name);
      }
    }
  }
  for (const auto& name : names) write_curve(group, scale, name, gather_curve(records, name));
}

void write_config(hid_t file, const std::vector<RunRecord>& records,
                  const std::string& sweep_text) {
  const Handle group = hdf5::create_group(file, "config");
  const Handle scale = write_run_scale(group, records.size());
  write_run_ids(group, scale, records);
  const Handle sweep = hdf5::write_array(group, "sweep_toml", {{}, std::vector{sweep_text}});
  set_labels(sweep, {"the sweep file, verbatim", "", false});
  write_resolved(group, scale,
                 texts(records, [](const auto& r) { return canonical_toml(r.config); }));
}

std::string diff_hash(const RunRecord& record) {
  const std::string& diff = record.provenance.dirty_diff;
  return diff.empty() ? "" : xxh3_128_hex(diff);
}

// The text of each distinct uncommitted difference once; runs refer to it by hash.
void write_diffs(hid_t environment, const std::vector<RunRecord>& records) {
  std::vector<std::string> hashes;
  std::vector<std::string> diffs;
  for (const auto& record : records) {
    const std::string hash = diff_hash(record);
    if (hash.empty() || std::find(hashes.begin(), hashes.end(), hash) != hashes.end()) continue;
    hashes.push_back(hash);
    diffs.push_back(record.provenance.dirty_diff);
  }
  if (hashes.empty()) return;
  const Handle group = hdf5::create_group(environment, "diffs");
  std::vector<std::int64_t> index(hashes.size());
  std::iota(index.begin(), index.end(), 0);
  const Handle scale = write_scale(group, "diff", std::move(index),
                                   {"number of the uncommitted difference", "1", false});
  write_labelled(group, "dirty_diff_hash", hashes, {scale}, {"XXH3-128 of the text", "", false});
  write_labelled(group, "dirty_diff", diffs, {scale},
                 {"uncommitted difference of the source tree", "", false});
}

void write_environment(hid_t file, const std::vector<RunRecord>& records) {
  const Handle group = hdf5::create_group(file, "environment");
  const Handle scale = write_run_scale(group, records.size());
  write_run_ids(group, scale, records);
  for (const ProvenanceField& field : kProvenanceFields) {
    if (field.member == &Provenance::dirty_diff) {
      write_labelled(group, "dirty_diff_hash", texts(records, diff_hash), {scale},
                     {"XXH3-128 of the uncommitted difference, see diffs", "", false});
    } else {
      write_labelled(group, field.name,
                     texts(records, [&](const auto& r) { return r.provenance.*field.member; }),
                     {scale}, {field.long_name, "", false});
    }
  }
  write_diffs(group, records);
}

// Now, or SOURCE_DATE_EPOCH where a reproducible file is asked for (reproducible-builds.org).
std::string creation_time() {
  std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  if (const char* const fixed = std::getenv("SOURCE_DATE_EPOCH")) {
    now = static_cast<std::time_t>(std::strtoll(fixed, nullptr, 10));
  }
  std::tm utc = {};
  gmtime_r(&now, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

// The distinct values, joined by commas.
std::string distinct(const std::vector<std::string>& values) {
  std::string text;
  for (const auto& value : std::set<std::string>(values.begin(), values.end())) {
    text += (text.empty() ? "" : ",") + value;
  }
  return text;
}

void write_root(const Handle& file, const std::vector<RunRecord>& records,
                const std::string& sweep_name) {
  hdf5::set_attribute(file, "title", sweep_name + ": results of a halfulp sweep");
  hdf5::set_attribute(file, "schema", kResultsSchema);
  hdf5::set_attribute(file, "schema_version", kResultsSchemaVersion);
  hdf5::set_attribute(file, "created", creation_time());
  hdf5::set_attribute(file, "software", "halfulp");
  hdf5::set_attribute(file, "software_version", build_info::kVersion);
  hdf5::set_attribute(file, "git_commit",
                      distinct(texts(records, [](const auto& r) { return r.provenance.commit; })));
  hdf5::set_attribute(file, "experiment",
                      distinct(texts(records, [](const auto& r) { return r.experiment; })));
  hdf5::set_attribute(file, "sweep", sweep_name);
}

std::vector<RunRecord> read_all(const std::vector<std::string>& run_files) {
  std::vector<RunRecord> records;
  records.reserve(run_files.size());
  std::set<std::string> ids;
  for (const auto& path : run_files) {
    records.push_back(read_run(path));
    const std::string& id = records.back().run_id;
    if (!ids.insert(id).second) throw IoError(fmt::format("{}: run {} is there twice", path, id));
  }
  return records;
}

}  // namespace

void merge_runs(const std::string& path, const std::vector<std::string>& run_files,
                const std::string& sweep_name, const std::string& sweep_text,
                const std::vector<std::string>& swept_keys) {
  if (run_files.empty()) throw IoError(path + ": no finished runs to merge");
  const std::vector<RunRecord> records = read_all(run_files);
  try {
    const Handle file = hdf5::create_file();
    write_root(file, records, sweep_name);
    write_runs(file, records, swept_keys);
    write_curves(file, records);
    write_merged_counters(file, records);
    write_config(file, records, sweep_text);
    write_environment(file, records);
    hdf5::set_attribute(file, "content_hash", content_hash_of(file));
    replace_file(path, seal(hdf5::file_image(file)));
  } catch (const hdf5::Error& error) {
    throw IoError(path + ": " + error.what());
  }
}

}  // namespace halfulp
