#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "experiments/store/atomic_file.h"
#include "experiments/store/hdf5.h"
#include "experiments/store/io_error.h"
#include "experiments/store/resolved_text.h"
#include "experiments/store/run_record.h"
#include "tests/experiments/store/store_samples.h"

namespace halfulp {
namespace {

using hdf5::Handle;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::NanSensitiveDoubleEq;

using Texts = std::vector<std::string>;
using Integers = std::vector<std::int64_t>;
using Reals = std::vector<double>;

const double kNan = std::nan("");

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const IoError& error) {
    return error.what();
  }
  return "no IoError";
}

class Merge : public ::testing::Test {
 protected:
  // The reproducible builds' fixed clock: equal content, equal bytes.
  void SetUp() override { setenv("SOURCE_DATE_EPOCH", "1700000000", 1); }

  void TearDown() override { unsetenv("SOURCE_DATE_EPOCH"); }

  void add(const RunRecord& record) {
    run_files.push_back(folder / ("run" + std::to_string(run_files.size()) + ".h5"));
    write_run(run_files.back(), record);
  }

  // The merged file, checked.
  Handle merged(const Texts& swept_keys = {}) {
    merge_runs(path, run_files, "a sweep", "name = \"a sweep\" # é\n", swept_keys);
    EXPECT_THAT(check_results(path), IsEmpty());
    const std::string bytes = read_file(path);
    return hdf5::open_image(unseal(bytes).content);
  }

  TemporaryFolder folder;
  std::string path = folder / "results.h5";
  Texts run_files;
};

template <typename T>
std::vector<T> column(const Handle& file, const std::string& name) {
  return hdf5::read_vector<T>(hdf5::open_group(file, "runs"), name);
}

std::int64_t flag(const Handle& file, const std::string& path, const char* attribute) {
  const Handle dataset(H5Dopen2(file, path.c_str(), H5P_DEFAULT), H5Dclose, "open");
  return hdf5::integer_attribute(dataset, attribute);
}

std::string label(const Handle& file, const std::string& path, const char* attribute) {
  const Handle dataset(H5Dopen2(file, path.c_str(), H5P_DEFAULT), H5Dclose, "open");
  return hdf5::text_attribute(dataset, attribute);
}

TEST_F(Merge, PutsEveryValueIntoATypedColumn) {
  add(sample_record(1));
  add(sample_record(2));
  const Handle file = merged({"precision.weight", "seed"});
  EXPECT_THAT(column<std::string>(file, "run_id"),
              ElementsAre("0123456789abcde1", "0123456789abcde2"));
  EXPECT_THAT(column<std::string>(file, "status"), ElementsAre("done", "done"));
  EXPECT_THAT(column<std::int64_t>(file, "seed"), ElementsAre(1, 2));
  EXPECT_THAT(column<std::int64_t>(file, "model.width"), ElementsAre(32, 32));
  EXPECT_THAT(column<double>(file, "train.learning_rate"), ElementsAre(3e-3, 3e-3));
  EXPECT_THAT(column<std::int8_t>(file, "train.tied"), ElementsAre(1, 1));
  EXPECT_THAT(column<std::string>(file, "train.keep"),
              ElementsAre("embedding,head", "embedding,head"));
  EXPECT_THAT(column<double>(file, "validation_loss"), ElementsAre(1.75, 2.25));
  EXPECT_THAT(column<std::string>(file, "data.checksum"), ElementsAre("00ff", "00ff"));
  EXPECT_THAT(column<double>(file, "wall_seconds"), ElementsAre(1.5, 1.5));
  EXPECT_EQ(label(file, "runs/validation_loss", "units"), "nats/byte");
  EXPECT_EQ(label(file, "runs/validation_loss", "role"), "metric");
  EXPECT_EQ(flag(file, "runs/precision.weight", "swept"), 1);
  EXPECT_EQ(flag(file, "runs/model.width", "swept"), 0);
  EXPECT_EQ(flag(file, "runs/validation_loss", "reproducible"), 1);
  EXPECT_EQ(flag(file, "runs/tokens_per_second", "reproducible"), 0);
  EXPECT_EQ(flag(file, "runs/wall_seconds", "reproducible"), 0);
}

TEST_F(Merge, LabelsKeysWithWhatTheKindSaysOfThem) {
  add(sample_record(1));
  const Handle file = merged();
  const ExperimentKind* const kind = find_experiment_kind("train_language_model");
  ASSERT_NE(kind, nullptr);
  const auto field = std::find_if(kind->fields.begin(), kind->fields.end(),
                                  [](const Field& f) { return f.key == "model.width"; });
  ASSERT_NE(field, kind->fields.end());
  EXPECT_EQ(label(file, "runs/model.width", "long_name"), field->doc);
  EXPECT_EQ(label(file, "runs/train.keep", "long_name"), "configuration key train.keep");
}

TEST_F(Merge, SaysWhichKeysChangeNoNumber) {
  RunRecord record = sample_record(1);
  record.config.set("train.checkpoint_every", std::int64_t{100});
  add(record);
  const Handle file = merged();
  EXPECT_EQ(flag(file, "runs/train.checkpoint_every", "changes_numbers"), 0);
  EXPECT_EQ(flag(file, "runs/model.width", "changes_numbers"), 1);
  EXPECT_EQ(flag(file, "runs/train.keep", "changes_numbers"), 1);  // of no kind that we know
}

TEST_F(Merge, ListsColumnsInReadingOrder) {
  add(sample_record(1));
  const Handle file = merged({"train.tied", "model.width"});
  EXPECT_THAT(hdf5::member_names(hdf5::open_group(file, "runs")),
              ElementsAre("run", "run_id", "experiment", "status", "reason", "seed", "numerics",
                          "train.tied", "model.width", "precision.weight", "train.keep",
                          "train.learning_rate", "validation_loss", "tokens_per_second",
                          "data.checksum", "wall_seconds", "cpu_seconds"));
}

TEST_F(Merge, FillsWhatARunLacks) {
  RunRecord first = sample_record(1);
  first.config.set("only.first", std::int64_t{7});
  first.config.set("first.flag", true);
  first.config.set("first.text", std::string("x"));
  first.config.set("mixed", std::int64_t{2});
  first.config.set("number", std::int64_t{2});
  RunRecord second = sample_record(2);
  second.result.metrics = {{"other", 9.0, "1", "another metric"}};
  second.config.set("mixed", std::string("auto"));
  second.config.set("number", 0.5);
  add(first);
  add(second);
  const Handle file = merged();
  EXPECT_THAT(column<double>(file, "only.first"), ElementsAre(7.0, NanSensitiveDoubleEq(kNan)));
  EXPECT_THAT(column<double>(file, "first.flag"), ElementsAre(1.0, NanSensitiveDoubleEq(kNan)));
  EXPECT_THAT(column<std::string>(file, "first.text"), ElementsAre("x", ""));
  EXPECT_THAT(column<std::string>(file, "mixed"), ElementsAre("2", "auto"));
  EXPECT_THAT(column<double>(file, "number"), ElementsAre(2.0, 0.5));
  EXPECT_THAT(column<double>(file, "other"), ElementsAre(NanSensitiveDoubleEq(kNan), 9.0));
}

TEST_F(Merge, KeepsDivergedRunsWithTheirReason) {
  RunRecord record = sample_record(1);
  record.result.status = RunStatus::diverged;
  record.result.reason = "loss above 20 at step 12";
  add(sample_record(2));
  add(record);
  const Handle file = merged();
  EXPECT_THAT(column<std::string>(file, "status"), ElementsAre("done", "diverged"));
  EXPECT_THAT(column<std::string>(file, "reason"), ElementsAre("", "loss above 20 at step 12"));
}

TEST_F(Merge, PadsCurvesWithNan) {
  RunRecord shorter = sample_record(1);
  shorter.result.curves = {{"train_loss", "nats/byte", "training loss", {0, 10}, {5.0, 4.0}}};
  add(shorter);
  add(sample_record(2));
  const Handle file = merged();
  const Handle curves = hdf5::open_group(file, "curves");
  const hdf5::Array loss = hdf5::read_array(curves, "train_loss");
  EXPECT_THAT(loss.shape, ElementsAre(2, 3));
  EXPECT_THAT(std::get<Reals>(loss.elements),
              ElementsAre(5.0, 4.0, NanSensitiveDoubleEq(kNan), 5.5, 3.25, 2.0));
  EXPECT_THAT(hdf5::read_vector<std::int64_t>(curves, "train_loss_step"), ElementsAre(0, 10, 20));
  EXPECT_THAT(hdf5::read_vector<std::int64_t>(curves, "train_loss_n_points"), ElementsAre(2, 3));
  EXPECT_THAT(hdf5::read_vector<std::int64_t>(curves, "validation_loss_n_points"),
              ElementsAre(0, 1));
  EXPECT_FALSE(hdf5::has_member(curves, "train_loss_steps"));
}

TEST_F(Merge, KeepsEachRunsStepsWhereTheyDiffer) {
  RunRecord record = sample_record(1);
  record.result.curves[0].steps = {0, 7, 14};
  record.result.curves[0].steps.pop_back();
  record.result.curves[0].values.pop_back();
  add(record);
  add(sample_record(2));
  const Handle file = merged();
  const Handle curves = hdf5::open_group(file, "curves");
  const hdf5::Array steps = hdf5::read_array(curves, "train_loss_steps");
  EXPECT_THAT(steps.shape, ElementsAre(2, 3));
  EXPECT_THAT(std::get<Integers>(steps.elements), ElementsAre(0, 7, -1, 0, 10, 20));
}

TEST_F(Merge, AttachesDimensionScalesWithData) {
  add(sample_record(1));
  add(sample_record(2));
  const Handle file = merged();
  const Handle loss(H5Dopen2(file, "curves/train_loss", H5P_DEFAULT), H5Dclose, "open");
  const Handle run(H5Dopen2(file, "curves/run", H5P_DEFAULT), H5Dclose, "open");
  const Handle step(H5Dopen2(file, "curves/train_loss_step", H5P_DEFAULT), H5Dclose, "open");
  EXPECT_GT(H5DSis_scale(run), 0);
  EXPECT_GT(H5DSis_attached(loss, run, 0), 0);
  EXPECT_GT(H5DSis_attached(loss, step, 1), 0);
  EXPECT_THAT(column<std::int64_t>(file, "run"), ElementsAre(0, 1));
}

TEST_F(Merge, StoresSweepConfigurationAndEnvironment) {
  RunRecord dirty = sample_record(2);
  dirty.provenance.dirty_diff = "-a\n+b\n";
  add(sample_record(1));
  add(dirty);
  dirty.run_id = "00000000000000ff";
  add(dirty);
  const Handle file = merged();
  const Handle config = hdf5::open_group(file, "config");
  EXPECT_EQ(hdf5::read_text(config, "sweep_toml"), "name = \"a sweep\" # é\n");
  EXPECT_THAT(read_resolved(config)[0], HasSubstr("train.learning_rate = 0.003\n"));
  const Handle environment = hdf5::open_group(file, "environment");
  EXPECT_THAT(hdf5::read_vector<std::string>(environment, "commit"),
              ElementsAre("c0ffee", "c0ffee", "c0ffee"));
  const auto hashes = hdf5::read_vector<std::string>(environment, "dirty_diff_hash");
  EXPECT_EQ(hashes[0], "");
  EXPECT_EQ(hashes[1], hashes[2]);
  const Handle diffs = hdf5::open_group(environment, "diffs");
  EXPECT_THAT(hdf5::read_vector<std::string>(diffs, "dirty_diff"), ElementsAre("-a\n+b\n"));
  EXPECT_EQ(hdf5::text_attribute(file, "created"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(hdf5::text_attribute(file, "sweep"), "a sweep");
  EXPECT_EQ(hdf5::text_attribute(file, "git_commit"), "c0ffee");
  EXPECT_EQ(hdf5::text_attribute(file, "content_hash"), content_hash(path));
}

TEST_F(Merge, IsIdempotent) {
  add(sample_record(1));
  add(sample_record(2));
  merged();
  const std::string first = bytes_of(path);
  merged();
  EXPECT_EQ(bytes_of(path), first);
  EXPECT_EQ(folder.count_files(), 3U);
}

herr_t expect_no_time(hid_t, const char* name, const H5O_info_t* info, void*) {
  EXPECT_EQ(info->mtime, 0) << name;
  EXPECT_EQ(info->ctime, 0) << name;
  return 0;
}

TEST_F(Merge, NoObjectCarriesATime) {
  add(sample_record(1));
  const Handle file = merged();
  EXPECT_GE(H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, expect_no_time, nullptr), 0);
}

TEST_F(Merge, RefusesNothingDamagedAndTwice) {
  EXPECT_THAT(error_of([&] { merge_runs(path, {}, "s", "", {}); }),
              AllOf(HasSubstr(path), HasSubstr("no finished runs to merge")));
  add(sample_record(1));
  merged();
  const std::string good = bytes_of(path);
  add(sample_record(2));
  const std::string bytes = bytes_of(run_files[1]);
  write_bytes(run_files[1], bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(error_of([&] { merge_runs(path, run_files, "s", "", {}); }), HasSubstr(run_files[1]));
  write_bytes(run_files[1], bytes_of(run_files[0]));
  EXPECT_THAT(error_of([&] { merge_runs(path, run_files, "s", "", {}); }),
              AllOf(HasSubstr(run_files[1]), HasSubstr("is there twice")));
  RunRecord clash = sample_record(3);
  clash.result.facts = {{"validation_loss", "low"}};
  clash.result.metrics.clear();
  write_run(run_files[1], clash);
  EXPECT_THAT(error_of([&] { merge_runs(path, run_files, "s", "", {}); }),
              HasSubstr("'validation_loss' names both a metric and a fact"));
  EXPECT_EQ(bytes_of(path), good);
}

}  // namespace
}  // namespace halfulp
