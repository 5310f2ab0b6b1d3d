#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <functional>

#include "experiments/store/atomic_file.h"
#include "experiments/store/io_error.h"
#include "experiments/store/run_record.h"
#include "tests/experiments/store/store_samples.h"

namespace halfulp {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CheckResults : public ::testing::Test {
 protected:
  void SetUp() override {
    RunRecord diverged = sample_record(2);
    diverged.result.status = RunStatus::diverged;
    diverged.result.reason = "loss not finite";
    diverged.result.curves[0].steps.pop_back();
    diverged.result.curves[0].values.pop_back();
    write_run(folder / "1.h5", sample_record(1));
    write_run(folder / "2.h5", diverged);
    merge_runs(path, {folder / "1.h5", folder / "2.h5"}, "sweep", "", {});
  }

  // Problems after the HDF5 library itself changed the file (its checksum renewed, so only content
  // counts).
  std::vector<std::string> problems_after(const std::function<void(hid_t)>& change) {
    const std::string bytes = read_file(path);
    write_bytes(path, std::string(unseal(bytes).content));
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    EXPECT_GE(file, 0);
    change(file);
    H5Fclose(file);
    replace_file(path, seal(read_file(path)));
    return check_results(path);
  }

  TemporaryFolder folder;
  std::string path = folder / "results.h5";
};

template <typename T>
void overwrite(hid_t file, const char* dataset, hid_t type, const std::vector<T>& values) {
  const hid_t id = H5Dopen2(file, dataset, H5P_DEFAULT);
  ASSERT_GE(id, 0) << dataset;
  EXPECT_GE(H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Dclose(id);
}

void overwrite_text(hid_t file, const char* dataset, const std::vector<const char*>& values) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  overwrite(file, dataset, type, values);
  H5Tclose(type);
}

TEST_F(CheckResults, AcceptsAMergedFile) {
  EXPECT_THAT(check_results(path), IsEmpty());
  EXPECT_THAT(problems_after([](hid_t) {}), IsEmpty());
}

TEST_F(CheckResults, ReportsDamageWithoutThrowing) {
  const std::string bytes = read_file(path);
  for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 100) {
    write_bytes(path, bytes.substr(0, size));
    EXPECT_FALSE(check_results(path).empty()) << size << " bytes of " << bytes.size();
    EXPECT_THROW(content_hash(path), IoError) << size << " bytes of " << bytes.size();
  }
  std::string flipped = bytes;
  flipped[bytes.size() / 2] ^= 1;
  write_bytes(path, flipped);
  EXPECT_THAT(check_results(path), ElementsAre(HasSubstr("checksum does not match")));
  EXPECT_THROW(content_hash(path), IoError);
  EXPECT_THAT(check_results(folder / "none.h5"), ElementsAre(HasSubstr("No such file")));
}

TEST_F(CheckResults, RunFilesAreNotResults) {
  EXPECT_THAT(check_results(folder / "1.h5"),
              Contains(HasSubstr("attribute schema is not halfulp-results")));
  EXPECT_THROW(content_hash(folder / "1.h5"), IoError);
}

TEST_F(CheckResults, AFileRewrittenByOthersKeepsItsContentHash) {
  const std::string hash = content_hash(path);
  const std::string bytes = read_file(path);
  write_bytes(path, std::string(unseal(bytes).content));
  EXPECT_EQ(content_hash(path), hash);
  EXPECT_THAT(check_results(path), ElementsAre(HasSubstr("no checksum at the end")));
}

TEST_F(CheckResults, FindsValuesThatCannotBe) {
  EXPECT_THAT(problems_after([](hid_t file) {
                overwrite_text(file, "runs/status", {"done", "finished"});
              }),
              Contains("/runs/status: row 1 is 'finished'"));
  EXPECT_THAT(problems_after([](hid_t file) {
                overwrite_text(file, "runs/status", {"diverged", "diverged"});
              }),
              Contains("/runs/reason: row 0 diverged without a reason"));
  EXPECT_THAT(problems_after([](hid_t file) {
                overwrite_text(file, "runs/run_id", {"x", "x"});
              }),
              ::testing::IsSupersetOf({"/runs/run_id: a run is there twice",
                                       "/runs/run_id: 'x' is not 16 hex digits",
                                       "/config/run_id differs from /runs/run_id"}));
}

TEST_F(CheckResults, FindsAChangedNumber) {
  EXPECT_THAT(problems_after([](hid_t file) {
                overwrite(file, "runs/validation_loss", H5T_NATIVE_DOUBLE, std::vector{1.0, 2.0});
              }),
              ElementsAre("attribute content_hash does not match the content"));
  EXPECT_THAT(problems_after([](hid_t file) {
                overwrite(file, "runs/run", H5T_NATIVE_INT64, std::vector<std::int64_t>{0, 5});
              }),
              Contains("/runs/run: row 1 holds 5"));
}

TEST_F(CheckResults, FindsWrongCurves) {
  EXPECT_THAT(problems_after([](hid_t file) {
                overwrite(file, "curves/train_loss_n_points", H5T_NATIVE_INT64,
                          std::vector<std::int64_t>{1, 4});
              }),
              ::testing::IsSupersetOf({"/curves/train_loss: row 0 goes on after its 1 points",
                                       "/curves/train_loss_n_points: row 1 is 4"}));
  EXPECT_THAT(problems_after([](hid_t file) {
                overwrite(file, "curves/train_loss_step", H5T_NATIVE_INT64,
                          std::vector<std::int64_t>{0, 20, 10});
              }),
              Contains("/curves/train_loss_step: not sorted"));
}

TEST_F(CheckResults, FindsMissingPartsAndLabels) {
  EXPECT_THAT(problems_after([](hid_t file) { H5Ldelete(file, "runs/seed", H5P_DEFAULT); }),
              Contains("/runs/seed is missing"));
  EXPECT_THAT(problems_after([](hid_t file) { H5Adelete(file, "title"); }),
              Contains(HasSubstr("cannot open attribute 'title'")));
  EXPECT_THAT(problems_after([](hid_t file) {
                H5Adelete_by_name(file, "runs/validation_loss", "units", H5P_DEFAULT);
              }),
              Contains(HasSubstr("/runs/validation_loss: cannot open attribute 'units'")));
  EXPECT_THAT(problems_after([](hid_t file) {
                H5Adelete_by_name(file, "runs/numerics", "DIMENSION_LIST", H5P_DEFAULT);
              }),
              Contains("/runs/numerics: axis 0 has no scale"));
  EXPECT_THAT(problems_after([](hid_t file) { H5Ldelete(file, "environment", H5P_DEFAULT); }),
              Contains(HasSubstr("/environment: cannot open group")));
}

}  // namespace
}  // namespace halfulp
