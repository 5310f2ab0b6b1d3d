#include "sim/data/corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>

namespace halfulp {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

std::vector<std::uint8_t> counting_bytes(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  return bytes;
}

std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

/// what() of the DataError that `action` throws; "" when it throws none.
template <typename Action>
std::string data_error(Action action) {
  try {
    action();
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

class TemporaryFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "corpus-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::vector<std::uint8_t>& bytes) const {
    const std::filesystem::path path = folder_ / name;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return path.string();
  }

  std::filesystem::path folder_;
};

using LoadFile = TemporaryFolder;
using LoadBible = TemporaryFolder;

// The rule of corpus.h, applied to positions one by one.
TEST(SplitCorpus, EveryByteGoesToOnePartInItsOrder) {
  struct Case {
    std::size_t size;
    double fraction;
    std::size_t period;
    std::size_t segment;
  };

  const std::array cases = {Case{kMinCorpusBytes, 0.05, 20, 819},
                            Case{20 * kSegmentBytes, 0.05, 20, kSegmentBytes},
                            Case{20 * kSegmentBytes - 1, 0.05, 20, 8191},
                            Case{1000003, 0.05, 20, kSegmentBytes},
                            Case{1000003, 0.5, 2, kSegmentBytes},
                            Case{1000003, 0.3, 3, kSegmentBytes},
                            Case{kMinCorpusBytes, 1e-9, kMinCorpusBytes, 1}};
  for (const Case& c : cases) {
    const std::vector<std::uint8_t> bytes = counting_bytes(c.size);
    std::vector<std::uint8_t> train;
    std::vector<std::uint8_t> held_out;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const bool is_held_out = i / c.segment % c.period == c.period / 2;
      (is_held_out ? held_out : train).push_back(bytes[i]);
    }
    const Corpus corpus = split_corpus("x", bytes, c.fraction);
    EXPECT_TRUE(corpus.train == train) << c.size << " " << c.fraction;
    EXPECT_TRUE(corpus.held_out == held_out) << c.size << " " << c.fraction;
    EXPECT_FALSE(corpus.held_out.empty());
    EXPECT_TRUE(std::isnan(corpus.entropy_nats));
  }
}

TEST(SplitCorpus, HoldsOutAboutTheFractionAskedFor) {
  for (const std::size_t size : {20000UL, 200000UL, 4137850UL}) {
    const Corpus corpus = split_corpus("x", counting_bytes(size), 0.05);
    const double share = static_cast<double>(corpus.held_out.size()) / static_cast<double>(size);
    EXPECT_GT(share, 0.04) << size;
    EXPECT_LT(share, 0.06) << size;
  }
}

// xxhsum 0.8.1 -H2 of the same bytes.
TEST(SplitCorpus, ChecksumIsThatOfAllBytesWhateverTheSplit) {
  const std::vector<std::uint8_t> bytes = counting_bytes(100000);
  EXPECT_EQ(split_corpus("x", bytes, 0.05).checksum, "faa51cdf3b1485174e16d63e05fac6ed");
  EXPECT_EQ(split_corpus("x", bytes, 0.5).checksum, "faa51cdf3b1485174e16d63e05fac6ed");
}

TEST(SplitCorpus, RefusesAFractionThatIsNone) {
  const std::vector<std::uint8_t> bytes = counting_bytes(kMinCorpusBytes);
  for (const double fraction : {0.0, -0.1, 0.51, std::nan("")}) {
    EXPECT_THROW(split_corpus("x", bytes, fraction), std::invalid_argument) << fraction;
  }
}

TEST_F(LoadFile, KeepsEveryByteOfABinaryFile) {
  std::vector<std::uint8_t> bytes(3 * kMinCorpusBytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i >> 3);
  const Corpus corpus = load_file(write("data.bin", bytes), 0.05);
  const Corpus expected = split_corpus("data.bin", bytes, 0.05);
  EXPECT_EQ(corpus.name, "data.bin");
  EXPECT_EQ(corpus.checksum, expected.checksum);
  EXPECT_THAT(corpus.train, ElementsAreArray(expected.train));
  EXPECT_THAT(corpus.held_out, ElementsAreArray(expected.held_out));
}

TEST_F(LoadFile, SaysWhatIsWrongWithThePath) {
  const std::string missing = (folder_ / "missing.txt").string();
  EXPECT_THAT(data_error([&] { load_file(missing, 0.05); }),
              AllOf(HasSubstr(missing), HasSubstr("does not exist")));
  EXPECT_THAT(data_error([&] { load_file(folder_.string(), 0.05); }),
              AllOf(HasSubstr(folder_.string()), HasSubstr("is a folder")));
  EXPECT_THAT(data_error([&] { load_file("/dev/null", 0.05); }), HasSubstr("not a regular file"));
  EXPECT_THAT(data_error([&] { load_file(write("empty", {}), 0.05); }), HasSubstr("has 0 bytes"));
  EXPECT_THAT(data_error([&] { load_file(write("small", counting_bytes(16383)), 0.05); }),
              AllOf(HasSubstr("has 16383 bytes"), HasSubstr("at least 16384")));
  EXPECT_NO_THROW(load_file(write("enough", counting_bytes(16384)), 0.05));
}

// Pinned for the text of Debian 12's bible-kjv-text 4.38. The checksum is xxhsum -H2 of
//   bible -f "Genesis1:1-Revelation22:21" | sed 's/^[^ ]* //'
TEST_F(LoadBible, IsTheTextOfDebian12WithoutReferences) {
  const Corpus corpus = load_bible_kjv(0.05);
  EXPECT_EQ(corpus.name, "bible_kjv");
  EXPECT_EQ(corpus.checksum, "05b98751a428dfa4d2afc68c1f859494");
  EXPECT_EQ(corpus.train.size() + corpus.held_out.size(), 4137850U);
  // 506 segments in periods of 20: numbers 10, 30, ..., 490.
  EXPECT_EQ(corpus.held_out.size(), 25U * kSegmentBytes);
  EXPECT_EQ(text_of(corpus.train).substr(0, 57),
            "In the beginning God created the heaven and the earth.\nAn");
  EXPECT_THAT(text_of(corpus.train), HasSubstr("our Lord Jesus Christ be with you all. Amen.\n"));
}

/// Puts a program `bible` with this shell script first on the path for as long as it lives.
class FakeBible {
 public:
  FakeBible(const std::filesystem::path& folder, const std::string& script)
      : saved_(getenv("PATH")) {
    const std::filesystem::path program = folder / "bible";
    std::ofstream(program) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    setenv("PATH", (folder.string() + ":" + saved_).c_str(), 1);
  }

  ~FakeBible() { setenv("PATH", saved_.c_str(), 1); }

  FakeBible(const FakeBible&) = delete;
  FakeBible& operator=(const FakeBible&) = delete;

 private:
  std::string saved_;
};

TEST_F(LoadBible, NamesThePackagesWhateverIsWrong) {
  const struct {
    std::string script;
    std::string complaint;
  } cases[] = {
      {"exit 127", "is not installed"},
      {"exit 3", "failed"},
      {"echo usage: bible QUERY", "something else than verses"},
      {"echo Ge1:1 In the beginning", "1 verses instead of 31102"},
      {"echo Ge1:1; echo Ge1:2 And", "something else than verses"},
      {"true", "0 verses instead of 31102"},
  };

  for (const auto& c : cases) {
    const FakeBible program(folder_, c.script);
    EXPECT_THAT(
        data_error([] { load_bible_kjv(0.05); }),
        AllOf(HasSubstr(c.complaint), HasSubstr("apt-get install bible-kjv bible-kjv-text")))
        << c.script;
  }
}

/// Plug-in estimate of the entropy rate from pairs of bytes, and the standard deviation of its
/// mean.
struct Estimate {
  double nats;
  double deviation;
};

Estimate estimate_entropy(const std::vector<std::uint8_t>& bytes) {
  constexpr std::size_t kBatches = 100;
  std::vector<double> pairs(65536);
  std::vector<double> firsts(256);
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    pairs[256U * bytes[i] + bytes[i + 1]] += 1.0;
    firsts[bytes[i]] += 1.0;
  }
  const std::size_t length = (bytes.size() - 1) / kBatches;
  std::vector<double> means(kBatches);
  for (std::size_t batch = 0; batch < kBatches; ++batch) {
    for (std::size_t i = batch * length; i < (batch + 1) * length; ++i) {
      means[batch] -= std::log(pairs[256U * bytes[i] + bytes[i + 1]] / firsts[bytes[i]]);
    }
    means[batch] /= static_cast<double>(length);
  }
  const double mean = std::accumulate(means.begin(), means.end(), 0.0) / kBatches;
  double squares = 0.0;
  for (const double value : means) squares += (value - mean) * (value - mean);
  // The plug-in estimate is low by (parameters - 1 per row) / 2n: Miller, Madow.
  const auto seen = [](double count) { return count > 0.0; };
  const auto parameters = std::count_if(pairs.begin(), pairs.end(), seen) -
                          std::count_if(firsts.begin(), firsts.end(), seen);
  const double bias =
      static_cast<double>(parameters) / (2.0 * static_cast<double>(bytes.size() - 1));
  return {mean + bias, std::sqrt(squares / (kBatches - 1) / kBatches)};
}

// Five standard deviations of the mean, from batch means: the chain mixes in far less than a batch.
TEST(MakeMarkov, EntropyRateIsWhatTheBytesShow) {
  for (const int symbols : {2, 3, 16, 40}) {
    for (const std::uint64_t seed : {1UL, 2UL, 3UL}) {
      const Corpus corpus = make_markov(seed, symbols, 1000001, 1e-9);
      const Estimate estimate = estimate_entropy(corpus.train);
      EXPECT_NEAR(corpus.entropy_nats, estimate.nats, 5.0 * estimate.deviation)
          << symbols << " symbols, seed " << seed;
      EXPECT_LT(corpus.entropy_nats, std::log(symbols));
      EXPECT_EQ(*std::max_element(corpus.train.begin(), corpus.train.end()), symbols - 1);
    }
  }
}

// Bytes and entropy from an independent program: Python integers, the Philox rounds of the paper,
// the layout that random.h states, numpy.linalg.lstsq for the stationary distribution, xxhsum -H2.
TEST(MakeMarkov, EqualsAnIndependentImplementation) {
  const struct {
    std::uint64_t seed;
    int symbols;
    std::size_t size;
    const char* checksum;
    double entropy_nats;
  } cases[] = {
      {42, 5, 20000, "3e31e80b39a32c4e35a4db4512a52c22", 0.7205424543222538},
      {123456789012345, 256, 16384, "470e3368d54325f113f08d6621379652", 4.722278194953003},
      {7, 2, 16384, "f062a0983f34153a4ebf02c42e0b2f56", 0.008990132902935344},
  };

  for (const auto& c : cases) {
    const Corpus corpus = make_markov(c.seed, c.symbols, c.size, 0.05);
    EXPECT_EQ(corpus.checksum, c.checksum) << c.seed;
    EXPECT_NEAR(corpus.entropy_nats, c.entropy_nats, 1e-12) << c.seed;
  }
}

TEST(MakeMarkov, RefusesWhatIsNoSource) {
  EXPECT_THROW(make_markov(1, 1, 100000, 0.05), std::invalid_argument);
  EXPECT_THROW(make_markov(1, 257, 100000, 0.05), std::invalid_argument);
  EXPECT_THAT(data_error([] { make_markov(1, 8, 16383, 0.05); }), HasSubstr("16383 bytes"));
}

}  // namespace
}  // namespace halfulp
