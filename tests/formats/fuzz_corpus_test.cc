// Replays the corpus of tests/fuzz through its target, and some thousand mutations of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace halfulp {
namespace {

std::vector<std::string> corpus() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(HALFULP_SOURCE_DIR "/tests/fuzz/corpus")) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts;
  for (const std::filesystem::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return texts;
}

void run(const std::string& text) {
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  EXPECT_EQ(LLVMFuzzerTestOneInput(bytes.data(), bytes.size()), 0) << text;
}

TEST(FuzzCorpus, KeepsEveryPromise) {
  const std::vector<std::string> texts = corpus();
  EXPECT_GE(texts.size(), 10u);
  for (const std::string& text : texts) run(text);
}

TEST(FuzzCorpus, MutationsKeepEveryPromise) {
  const std::vector<std::string> texts = corpus();
  std::mt19937 generator(5);
  const auto below = [&](std::size_t n) { return generator() % n; };
  for (int i = 0; i < 4000; ++i) {
    std::string text = texts[below(texts.size())];
    const std::string& donor = texts[below(texts.size())];
    for (std::size_t edits = 1 + below(4); edits > 0 && !text.empty(); --edits) {
      const std::size_t at = below(text.size());
      if (below(3) == 0) {
        text.erase(at, 1 + below(4));
      } else if (below(2) == 0) {
        text[at] = static_cast<char>(below(256));
      } else {
        text.insert(at, donor.substr(below(donor.size()), below(12)));
      }
    }
    run(text);
  }
}

}  // namespace
}  // namespace halfulp
