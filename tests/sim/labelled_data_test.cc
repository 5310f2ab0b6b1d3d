// Data sets for classifiers.
#include "sim/data/labelled_data.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace halfulp {
namespace {

namespace fs = std::filesystem;

TEST(FashionMnist, HasTenEqualClassesAndKnownImages) {
  LabelledData data;
  try {
    data = load_fashion_mnist();
  } catch (const DataError& error) {
    GTEST_SKIP() << error.what();
  }
  ASSERT_EQ(data.train.count(), 60000U);
  ASSERT_EQ(data.held_out.count(), 10000U);
  ASSERT_EQ(data.train.values.size(), 60000U * 784U);
  for (const auto& [part, each] : {std::pair(&data.train, 6000), {&data.held_out, 1000}}) {
    std::vector<int> counts(10);
    for (const std::uint8_t label : part->labels) ++counts[label];
    EXPECT_EQ(counts, std::vector<int>(10, each));
  }
  EXPECT_EQ(data.train.labels[0], 9);     // an ankle boot
  EXPECT_EQ(data.held_out.labels[0], 9);  // another
  double sum = 0.0, squares = 0.0;
  for (const float value : data.train.values) {
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  const auto n = static_cast<double>(data.train.values.size());
  EXPECT_NEAR(sum / n, 0.0, 1e-3);
  EXPECT_NEAR(squares / n, 1.0, 1e-3);
}

/// The message of loading from `folder`, or "" when it loads.
std::string complaint(const fs::path& folder) {
  try {
    load_fashion_mnist(folder.string());
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

TEST(FashionMnist, MissingAndDamagedFilesNameFileAndRemedy) {
  const fs::path folder = fs::path(::testing::TempDir()) / "halfulp_no_images";
  fs::create_directories(folder);
  const std::string missing = complaint(folder);
  EXPECT_NE(missing.find((folder / "train-images-idx3-ubyte.gz").string()), std::string::npos);
  EXPECT_NE(missing.find("is not there"), std::string::npos);
  EXPECT_NE(missing.find("apt-get install dataset-fashion-mnist"), std::string::npos);
  const auto write = [&](std::string bytes) {
    std::ofstream(folder / "train-images-idx3-ubyte.gz", std::ios::binary) << bytes;
    return complaint(folder);
  };
  EXPECT_NE(write("hello").find("is not an IDX file"), std::string::npos);
  EXPECT_NE(write("he").find("damaged or too short"), std::string::npos);
  const std::string head("\0\0\10\3", 4);
  EXPECT_NE(write(head + std::string("\0\0\0\7", 4)).find("dimension of 7 instead of 60000"),
            std::string::npos);
  EXPECT_NE(write(head + std::string("\0\0\xea\x60\0\0\0\34\0\0\0\34abc", 15)).find("too short"),
            std::string::npos);
  fs::remove_all(folder);
}

TEST(SyntheticClasses, ClustersLieAroundTheirCentres) {
  SyntheticSpec spec;
  spec.samples = 20000;
  const LabelledData data = make_clusters(spec);
  ASSERT_EQ(data.train.count(), 20000U);
  ASSERT_EQ(data.held_out.count(), 5000U);
  // Within a class the coordinates have variance 1.
  std::vector<double> sum(10), squares(10), count(10);
  for (std::size_t i = 0; i < data.train.count(); ++i) {
    const double v = static_cast<double>(data.train.values[i * 32 + 5]);
    sum[data.train.labels[i]] += v;
    squares[data.train.labels[i]] += v * v;
    count[data.train.labels[i]] += 1.0;
  }
  for (std::size_t c = 0; c < 10; ++c) {
    EXPECT_NEAR(count[c], 2000, 200);
    const double mean = sum[c] / count[c];
    EXPECT_NEAR(squares[c] / count[c] - mean * mean, 1.0, 0.12);
  }
}

TEST(SyntheticClasses, TeacherUsesEveryClass) {
  const LabelledData data = make_teacher_labels({});
  std::vector<double> count(10);
  for (const std::uint8_t label : data.train.labels) count[label] += 1.0;
  for (const double c : count) EXPECT_GT(c, 600);
}

TEST(SyntheticClasses, SeedDecidesAlone) {
  SyntheticSpec spec;
  spec.samples = 64;
  EXPECT_EQ(make_clusters(spec).checksum, make_clusters(spec).checksum);
  EXPECT_EQ(make_teacher_labels(spec).checksum, make_teacher_labels(spec).checksum);
  SyntheticSpec other = spec;
  other.seed = 2;
  EXPECT_NE(make_clusters(spec).checksum, make_clusters(other).checksum);
  EXPECT_NE(make_teacher_labels(spec).checksum, make_teacher_labels(other).checksum);
}

}  // namespace
}  // namespace halfulp
