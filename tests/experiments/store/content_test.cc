#include "experiments/store/content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "experiments/store/atomic_file.h"
#include "experiments/store/run_record.h"
#include "tests/experiments/store/store_samples.h"

namespace halfulp {
namespace {

using ::testing::IsEmpty;

class ContentHash : public ::testing::Test {
 protected:
  std::string hash_of(const std::vector<RunRecord>& records) {
    run_files.clear();
    for (const auto& record : records) {
      run_files.push_back(folder / ("run" + std::to_string(run_files.size()) + ".h5"));
      write_run(run_files.back(), record);
    }
    merge_runs(path, run_files, "a sweep", "", {});
    EXPECT_THAT(check_results(path), IsEmpty());
    return content_hash(path);
  }

  std::string hash_with(const std::string& key, const Value& value) {
    RunRecord record = sample_record(2);
    record.config.set(key, value);
    return hash_of({sample_record(1), record});
  }

  TemporaryFolder folder{memory_folder()};
  std::string path = folder / "results.h5";
  std::vector<std::string> run_files;
};

TEST_F(ContentHash, ForgetsOrderTimesAndPlaces) {
  const std::string hash = hash_of({sample_record(1), sample_record(2)});
  EXPECT_EQ(hash.size(), 32U);
  EXPECT_EQ(hash_of({sample_record(2), sample_record(1)}), hash);
  RunRecord elsewhere = sample_record(2);
  elsewhere.wall_seconds = 99.0;
  elsewhere.cpu_seconds = 98.0;
  elsewhere.result.metrics[1].value = 1.0;  // tokens_per_second: not reproducible
  elsewhere.provenance.cpu = "another processor";
  elsewhere.provenance.dirty_diff = "+1";
  EXPECT_EQ(hash_of({sample_record(1), elsewhere}), hash);
  merge_runs(path, run_files, "another name", "other text", {"model.width"});
  EXPECT_EQ(content_hash(path), hash);
}

TEST_F(ContentHash, SeesEveryReproducibleValue) {
  const auto changed = [&](const std::function<void(RunRecord&)>& change) {
    RunRecord record = sample_record(2);
    change(record);
    return hash_of({sample_record(1), record});
  };
  const std::vector<std::string> hashes = {
      changed([](RunRecord&) {}),
      changed([](RunRecord& r) { r.seed = 5; }),
      changed([](RunRecord& r) { r.run_id = "ffffffffffffffff"; }),
      changed([](RunRecord& r) { r.numerics += " "; }),
      changed([](RunRecord& r) { r.config.set("model.width", std::int64_t{33}); }),
      changed([](RunRecord& r) { r.config.set("model.width", 32.0); }),
      changed([](RunRecord& r) { r.result.metrics[0].value = std::nextafter(2.25, 3.0); }),
      changed([](RunRecord& r) { r.result.curves[0].values[2] = 2.5; }),
      changed([](RunRecord& r) { r.result.curves[0].steps[2] = 21; }),
      changed([](RunRecord& r) { r.result.curves[1].values[0] = std::nan(""); }),
      changed([](RunRecord& r) { r.result.facts[0].second = "00fe"; }),
      changed([](RunRecord& r) {
        r.result.status = RunStatus::diverged;
        r.result.reason = "x";
      }),
      hash_of({sample_record(2)}),
  };
  const std::set<std::string> distinct(hashes.begin(), hashes.end());
  EXPECT_EQ(distinct.size(), hashes.size());
}

// A third run with more columns and longer curves must not change what the first two contribute:
// their part of the hash is the same, so removing it again gives the same whole.
TEST_F(ContentHash, DoesNotDependOnPadding) {
  RunRecord plain = sample_record(1);
  plain.result.curves[0].steps = {0, 10, 21};
  const std::string hash = hash_of({plain, sample_record(2)});
  RunRecord reordered = plain;
  std::swap(reordered.result.curves[0], reordered.result.curves[1]);
  std::swap(reordered.result.metrics[0], reordered.result.metrics[1]);
  EXPECT_EQ(hash_of({sample_record(2), reordered}), hash);
}

// train.checkpoint_every and precision.recipe are keys of the kind that change no number.
TEST_F(ContentHash, LeavesOutKeysThatChangeNoNumber) {
  const std::string hash = hash_of({sample_record(1), sample_record(2)});
  EXPECT_EQ(hash_with("train.checkpoint_every", std::int64_t{100}), hash);
  EXPECT_EQ(hash_with("train.checkpoint_every", std::int64_t{200}), hash);
  EXPECT_EQ(hash_with("precision.recipe", std::string("a name = \"x\"\n")), hash);
  EXPECT_NE(hash_with("train.initial_weights", std::string("a")), hash);
  EXPECT_NE(hash_with("train.initial_weights", std::string("b")),
            hash_with("train.initial_weights", std::string("a")));
  EXPECT_NE(hash_with("a.key.of.nobody", std::int64_t{100}), hash);
}

// A program that does not know the kind must find the same hash: the file says which keys count.
TEST_F(ContentHash, KeysAreLeftOutBecauseTheFileSaysSo) {
  const std::string hash = hash_with("train.checkpoint_every", std::int64_t{100});
  const std::string bytes = read_file(path);
  write_bytes(path, std::string(unseal(bytes).content));
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  ASSERT_GE(file, 0);
  EXPECT_GE(H5Adelete_by_name(file, "runs/train.checkpoint_every", "changes_numbers", H5P_DEFAULT),
            0);
  H5Fclose(file);
  EXPECT_NE(content_hash(path), hash);
}

}  // namespace
}  // namespace halfulp
