#include "experiments/store/shared_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace halfulp::hdf5 {
namespace {

using ::testing::ElementsAreArray;
using ::testing::SizeIs;

using Texts = std::vector<std::string>;

// 1000 cells of three texts, one of them long.
Texts sample() {
  Texts texts;
  for (int i = 0; i < 1000; ++i) {
    const Texts choice = {std::string(3000, 'x') + "é", "", "short"};
    texts.push_back(choice[static_cast<std::size_t>(i * i % 7 % 3)]);
  }
  return texts;
}

std::string image_with(const std::function<void(const Handle&)>& write) {
  const Handle file = create_file();
  write(file);
  return file_image(file);
}

std::string shared_image(const Texts& texts) {
  return image_with([&](const Handle& file) { write_shared_texts(file, "texts", texts); });
}

TEST(SharedText, ReadsBackAsWritten) {
  const Texts texts = sample();
  EXPECT_THAT(read_vector<std::string>(open_image(shared_image(texts)), "texts"),
              ElementsAreArray(texts));
  const Texts one = {"alone"};
  EXPECT_THAT(read_vector<std::string>(open_image(shared_image(one)), "texts"),
              ElementsAreArray(one));
}

TEST(SharedText, BytesThatAreNotUtf8AreReplaced) {
  EXPECT_THAT(read_vector<std::string>(open_image(shared_image({"a\xff", "a\xff", "b"})), "texts"),
              ElementsAreArray(Texts{"a\uFFFD", "a\uFFFD", "b"}));
}

TEST(SharedText, EqualTextsAreInTheFileOnce) {
  const Texts texts = sample();
  const std::string plain = image_with([&](const Handle& file) {
    write_array(file, "texts", {{texts.size()}, texts});
  });
  EXPECT_GT(plain.size(), 400'000U);
  EXPECT_THAT(shared_image(texts), SizeIs(::testing::Lt(20'000U)));
  EXPECT_EQ(shared_image(texts), shared_image(texts));
}

TEST(SharedText, SavesOnlyWhereMuchIsEqual) {
  EXPECT_TRUE(sharing_saves(sample()));
  EXPECT_FALSE(sharing_saves({}));
  EXPECT_FALSE(sharing_saves(Texts(20, "done")));
  Texts different;
  for (int i = 0; i < 1000; ++i) different.push_back(std::string(100, 'x') + std::to_string(i));
  EXPECT_FALSE(sharing_saves(different));
}

}  // namespace
}  // namespace halfulp::hdf5
