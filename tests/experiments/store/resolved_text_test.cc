#include "experiments/store/resolved_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "experiments/store/labelled.h"

namespace halfulp {
namespace {

using ::testing::ElementsAreArray;
using ::testing::Lt;
using ::testing::SizeIs;

using Texts = std::vector<std::string>;

std::string image_of(const Texts& texts) {
  const hdf5::Handle file = hdf5::create_file();
  {
    const hdf5::Handle runs = labelled::write_run_scale(file, texts.size());
    write_resolved(file, runs, texts);
  }
  return hdf5::file_image(file);
}

TEST(ResolvedText, ReadsBackAsWritten) {
  const Texts texts = {"a = 1\n", "name = \"é\"\nb = 2.5\n", ""};
  const hdf5::Handle file = hdf5::open_image(image_of(texts));
  EXPECT_THAT(read_resolved(file), ElementsAreArray(texts));
  const hdf5::Array rows = hdf5::read_array(file, "resolved_toml");
  EXPECT_THAT(rows.shape, ElementsAreArray({hsize_t{3}, hsize_t{texts[1].size()}}));
  EXPECT_TRUE(std::holds_alternative<std::vector<std::uint8_t>>(rows.elements));
}

TEST(ResolvedText, EmptyTextsAreRows) {
  EXPECT_THAT(read_resolved(hdf5::open_image(image_of(Texts(2)))), ElementsAreArray(Texts(2)));
}

// 500 configurations of 6 kB that differ in one line: 3 MB of text.
TEST(ResolvedText, NearlyEqualConfigurationsTakeLittleSpace) {
  Texts texts;
  std::string lines;
  for (int i = 0; i < 200; ++i) lines += "a.key." + std::to_string(i * 7919) + " = \"value\"\n";
  for (int i = 0; i < 500; ++i) texts.push_back(lines + "z = " + std::to_string(i) + "\n");
  const std::string image = image_of(texts);
  EXPECT_THAT(image, SizeIs(Lt(100'000U)));
  EXPECT_THAT(read_resolved(hdf5::open_image(image)), ElementsAreArray(texts));
}

TEST(ResolvedText, FilesOfVersion1HaveTexts) {
  const hdf5::Handle file = hdf5::create_file();
  const Texts texts = {"a = 1\n", "a = 2\n"};
  hdf5::write_array(file, "resolved_toml", {{2}, texts});
  EXPECT_THAT(read_resolved(file), ElementsAreArray(texts));
}

TEST(ResolvedText, OtherArraysAreRefused) {
  const hdf5::Handle file = hdf5::create_file();
  hdf5::write_array(file, "resolved_toml", {{2}, std::vector<double>{1.0, 2.0}});
  EXPECT_THROW(read_resolved(file), hdf5::Error);
}

}  // namespace
}  // namespace halfulp
