// Checks a merged file against docs/RESULTS.md.
#include <fmt/format.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "experiments/store/atomic_file.h"
#include "experiments/store/content.h"
#include "experiments/store/counters.h"
#include "experiments/store/hdf5.h"
#include "experiments/store/io_error.h"
#include "experiments/store/layout.h"
#include "experiments/store/resolved_text.h"
#include "experiments/store/run_record.h"

namespace halfulp {
namespace {

using hdf5::Handle;

class Checker {
 public:
  explicit Checker(hid_t file) : file_(file) {}

  std::vector<std::string> problems() && {
    check_root();
    for (const char* const group : {"runs", "curves", "config", "environment"}) {
      guarded(group, [&] { check_group(group); });
    }
    guarded("runs", [&] { check_runs(); });
    guarded("curves", [&] { check_curves(); });
    if (hdf5::has_member(file_, "counters")) {
      guarded("counters", [&] { check_group("counters"); });
      guarded("counters", [&] { check_counters(); });
    }
    guarded("config", [&] { check_config(); });
    guarded("environment", [&] { check_environment(); });
    guarded("content_hash", [&] { check_content_hash(); });
    return std::move(problems_);
  }

 private:
  template <typename... Args>
  void complain(fmt::format_string<Args...> format, Args&&... args) {
    problems_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void expect(bool holds, const std::string& problem) {
    if (!holds) problems_.push_back(problem);
  }

  // What HDF5 refuses is a problem of `where`; the other checks go on.
  template <typename Check>
  void guarded(const std::string& where, Check check) {
    try {
      check();
    } catch (const hdf5::Error& error) {
      complain("/{}: {}", where, error.what());
    }
  }

  void check_root() {
    for (const char* const name : {"title", "schema", "created", "software", "software_version",
                                   "git_commit", "experiment", "sweep", "content_hash"}) {
      guarded("", [&] { hdf5::text_attribute(file_, name); });
    }
    guarded("", [&] {
      const auto version = hdf5::integer_attribute(file_, "schema_version");
      if (version < 1 || version > kResultsSchemaVersion)
        complain("schema_version {} is unknown", version);
    });
  }

  // Every group stands alone: its own dimension scales, and labels on every array.
  void check_group(const std::string& name) {
    const Handle group = hdf5::open_group(file_, name);
    const auto index = hdf5::read_vector<std::int64_t>(group, "run");
    runs_ = std::max(runs_, index.size());
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (index[i] != static_cast<std::int64_t>(i)) {
        complain("/{}/run: row {} holds {}", name, i, index[i]);
        break;
      }
    }
    for (const auto& member : hdf5::member_names(group)) {
      if (name == "environment" && member == "diffs") continue;
      const std::string path = fmt::format("{}/{}", name, member);
      // Layer and role of a tensor are the same in all runs.
      const bool is_of_tensor = name == "counters" && (member == "layer" || member == "role");
      guarded(path, [&] { check_array(group, path, member, is_of_tensor ? "tensor" : "run"); });
    }
  }

  void check_array(hid_t group, const std::string& path, const std::string& member,
                   const std::string& first_scale) {
    const Handle dataset = open_dataset(group, member);
    const Handle scale = open_dataset(group, first_scale);
    hdf5::text_attribute(dataset, "long_name");
    hdf5::text_attribute(dataset, "units");
    const auto reproducible = hdf5::integer_attribute(dataset, "reproducible");
    if (reproducible != 0 && reproducible != 1) complain("/{}: reproducible is not 0 or 1", path);
    if (H5DSis_scale(dataset) > 0) return;
    const Handle space(H5Dget_space(dataset), H5Sclose, "read a dataspace");
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank == 0) return;
    if (H5DSis_attached(dataset, scale, 0) <= 0) complain("/{}: not along {}", path, first_scale);
    for (unsigned axis = 0; axis < static_cast<unsigned>(rank); ++axis) {
      if (H5DSget_num_scales(dataset, axis) != 1) complain("/{}: axis {} has no scale", path, axis);
    }
  }

  void check_runs() {
    const Handle group = hdf5::open_group(file_, "runs");
    for (const auto column : kReservedColumns) {
      if (!hdf5::has_member(group, std::string(column))) complain("/runs/{} is missing", column);
    }
    for (const auto& name : hdf5::member_names(group)) {
      const auto shape = hdf5::read_array(group, name).shape;
      if (shape != std::vector<hsize_t>{runs_}) complain("/runs/{}: wrong shape", name);
    }
    ids_ = hdf5::read_vector<std::string>(group, "run_id");
    const std::set<std::string> distinct(ids_.begin(), ids_.end());
    expect(distinct.size() == ids_.size(), "/runs/run_id: a run is there twice");
    for (const auto& id : ids_) {
      const bool is_hex = id.find_first_not_of("0123456789abcdef") == std::string::npos;
      if (id.size() != 16 || !is_hex) complain("/runs/run_id: '{}' is not 16 hex digits", id);
    }
    hdf5::read_vector<std::int64_t>(group, "seed");
    const auto status = hdf5::read_vector<std::string>(group, "status");
    const auto reason = hdf5::read_vector<std::string>(group, "reason");
    for (std::size_t run = 0; run < std::min(status.size(), reason.size()); ++run) {
      if (status[run] != kDone && status[run] != kDiverged) {
        complain("/runs/status: row {} is '{}'", run, status[run]);
      } else if (status[run] == kDiverged && reason[run].empty()) {
        complain("/runs/reason: row {} diverged without a reason", run);
      }
    }
  }

  void check_curves() {
    const Handle group = hdf5::open_group(file_, "curves");
    check_ids(group, "curves");
    for (const auto& name : hdf5::member_names(group)) {
      if (hdf5::has_member(group, name + "_n_points")) {
        guarded("curves/" + name, [&] { check_curve(group, name); });
      }
    }
  }

  void check_curve(hid_t group, const std::string& name) {
    const auto axis = hdf5::read_vector<std::int64_t>(group, name + "_step");
    const auto n_points = hdf5::read_vector<std::int64_t>(group, name + "_n_points");
    const hdf5::Array curve = hdf5::read_array(group, name);
    const auto* const values = std::get_if<std::vector<double>>(&curve.elements);
    if (values == nullptr || curve.shape != std::vector<hsize_t>{runs_, axis.size()} ||
        n_points.size() != runs_) {
      complain("/curves/{}: wrong type or shape", name);
      return;
    }
    if (!std::is_sorted(axis.begin(), axis.end())) complain("/curves/{}_step: not sorted", name);
    for (std::size_t run = 0; run < runs_; ++run) {
      if (n_points[run] < 0 || n_points[run] > static_cast<std::int64_t>(axis.size())) {
        complain("/curves/{}_n_points: row {} is {}", name, run, n_points[run]);
        continue;
      }
      for (auto i = static_cast<std::size_t>(n_points[run]); i < axis.size(); ++i) {
        if (std::isnan((*values)[run * axis.size() + i])) continue;
        complain("/curves/{}: row {} goes on after its {} points", name, run, n_points[run]);
        break;
      }
    }
  }

  void check_counters() {
    const Handle group = hdf5::open_group(file_, "counters");
    check_ids(group, "counters");
    const MergedCounters counters = read_merged_counters(file_, runs_);
    if (!std::is_sorted(counters.steps.begin(), counters.steps.end())) {
      complain("/counters/step: not sorted");
    }
    const std::set distinct(counters.tensors.begin(), counters.tensors.end());
    if (distinct.size() != counters.tensors.size()) complain("/counters: a tensor is there twice");
    for (const auto& [name, values] : counters.values) {
      if (!name.ends_with("_share")) continue;
      const auto is_share = [](double value) { return !(value < 0.0 || value > 1.0); };
      if (!std::all_of(values.begin(), values.end(), is_share)) {
        complain("/counters/{}: a share is not between 0 and 1", name);
      }
    }
  }

  void check_config() {
    const Handle group = hdf5::open_group(file_, "config");
    check_ids(group, "config");
    hdf5::read_text(group, "sweep_toml");
    expect(read_resolved(group).size() == runs_, "/config/resolved_toml: wrong shape");
  }

  void check_environment() {
    const Handle group = hdf5::open_group(file_, "environment");
    check_ids(group, "environment");
    for (const ProvenanceField& field : kProvenanceFields) {
      const std::string name =
          field.member == &Provenance::dirty_diff ? "dirty_diff_hash" : field.name;
      guarded("environment", [&] { hdf5::read_vector<std::string>(group, name); });
    }
    std::set<std::string> known = {""};
    if (hdf5::has_member(group, "diffs")) {
      const Handle diffs = hdf5::open_group(group, "diffs");
      for (auto& hash : hdf5::read_vector<std::string>(diffs, "dirty_diff_hash")) {
        known.insert(std::move(hash));
      }
    }
    for (const auto& hash : hdf5::read_vector<std::string>(group, "dirty_diff_hash")) {
      if (!known.contains(hash)) complain("/environment/diffs: no text for {}", hash);
    }
  }

  void check_content_hash() {
    expect(content_hash_of(file_) == hdf5::text_attribute(file_, "content_hash"),
           "attribute content_hash does not match the content");
  }

  void check_ids(hid_t group, const std::string& name) {
    expect(hdf5::read_vector<std::string>(group, "run_id") == ids_,
           "/" + name + "/run_id differs from /runs/run_id");
  }

  static Handle open_dataset(hid_t group, const std::string& name) {
    return Handle(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose,
                  "open dataset '" + name + "'");
  }

  hid_t file_;
  std::size_t runs_ = 0;
  std::vector<std::string> ids_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> check_results(const std::string& path) {
  try {
    const std::string bytes = read_file(path);
    const Unsealed file = unseal(bytes);
    if (file.seal == Seal::broken) return {"the file is damaged (its checksum does not match)"};
    if (!file.content.starts_with("\x89HDF")) {
      return {"this is no HDF5 file; a sweep's results are DIR/NAME/results.h5"};
    }
    const Handle handle = hdf5::open_image(file.content);
    if (hdf5::has_attribute(handle, "schema")) {
      const std::string schema = hdf5::text_attribute(handle, "schema");
      if (schema != kResultsSchema) {
        return {
            fmt::format("attribute schema is not {} but {}; a sweep's results are "
                        "DIR/NAME/results.h5",
                        kResultsSchema, schema)};
      }
    }
    auto problems = Checker(handle).problems();
    if (file.seal == Seal::absent) {
      problems.insert(problems.begin(), "no checksum at the end: rewritten by another program");
    }
    return problems;
  } catch (const IoError& error) {
    return {error.what()};
  } catch (const hdf5::Error& error) {
    return {error.what()};
  }
}

}  // namespace halfulp
