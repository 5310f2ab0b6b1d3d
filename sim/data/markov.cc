// A text source whose entropy is known: what a perfect model's loss would be.
#include <algorithm>
#include <string>

#include "sim/data/corpus.h"
#include "sim/elementary.h"
#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp {
namespace {

constexpr std::size_t kMaxSymbols = 256;
constexpr std::uint32_t kWeightsTensor = 0;
constexpr std::uint32_t kBytesTensor = 1;

/// Upper ends of the intervals of 32-bit words that lead from symbol i to j: i -> j takes the words
/// in [bound(i, j-1), bound(i, j)), and bound(i, K-1) = 2^32.
class Transitions {
 public:
  Transitions(std::uint64_t seed, std::size_t symbols) : symbols_(symbols) {
    const RandomStream stream{.seed = seed,
                              .stream = static_cast<std::uint32_t>(RandomPurpose::data),
                              .tensor = kWeightsTensor};
    bounds_.resize(symbols * symbols);
    for (std::size_t i = 0; i < symbols; ++i) {
      std::uint64_t* row = &bounds_[i * symbols];
      std::uint64_t sum = 0;
      for (std::size_t j = 0; j < symbols; ++j) {
        const std::uint64_t u = random_word(stream, i * kMaxSymbols + j) >> 26;
        sum += u * u * u * u + 1;
        row[j] = sum;
      }
      // The sum is below 2^32: the shift does not overflow, and no interval comes out empty.
      for (std::size_t j = 0; j < symbols; ++j) row[j] = (row[j] << 32) / sum;
    }
  }

  std::size_t symbols() const { return symbols_; }

  /// The symbol after `i`, chosen by a random word.
  std::size_t next(std::size_t i, std::uint32_t word) const {
    const std::uint64_t* row = &bounds_[i * symbols_];
    return static_cast<std::size_t>(std::upper_bound(row, row + symbols_, word) - row);
  }

  /// Exact: a multiple of 2^-32.
  double probability(std::size_t i, std::size_t j) const {
    const std::uint64_t* row = &bounds_[i * symbols_];
    return static_cast<double>(row[j] - (j == 0 ? 0 : row[j - 1])) * 0x1p-32;
  }

 private:
  std::size_t symbols_;
  std::vector<std::uint64_t> bounds_;
};

/// By state reduction, which subtracts nothing and so keeps every digit however slowly the chain
/// mixes: Grassmann, Taksar, Heyman, Operations Research 33 (1985), 1107.
std::vector<double> stationary_distribution(const Transitions& transitions) {
  const std::size_t n = transitions.symbols();
  std::vector<double> p(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) p[i * n + j] = transitions.probability(i, j);
  }
  for (std::size_t last = n - 1; last > 0; --last) {
    double leaving = 0.0;
    for (std::size_t j = 0; j < last; ++j) leaving += p[last * n + j];
    for (std::size_t i = 0; i < last; ++i) {
      const double through = p[i * n + last] / leaving;
      p[i * n + last] = through;
      for (std::size_t j = 0; j < last; ++j) p[i * n + j] += through * p[last * n + j];
    }
  }
  std::vector<double> share(n);
  share[0] = 1.0;
  double total = 1.0;
  for (std::size_t j = 1; j < n; ++j) {
    for (std::size_t i = 0; i < j; ++i) share[j] += share[i] * p[i * n + j];
    total += share[j];
  }
  for (double& value : share) value /= total;
  return share;
}

double entropy_rate_nats(const Transitions& transitions) {
  const std::vector<double> share = stationary_distribution(transitions);
  double rate = 0.0;
  for (std::size_t i = 0; i < transitions.symbols(); ++i) {
    double row = 0.0;
    for (std::size_t j = 0; j < transitions.symbols(); ++j) {
      const double p = transitions.probability(i, j);
      row -= p * pinned_log(p);
    }
    rate += share[i] * row;
  }
  return rate;
}

std::vector<std::uint8_t> draw_bytes(std::uint64_t seed, const Transitions& transitions,
                                     std::size_t size) {
  const RandomStream stream{.seed = seed,
                            .stream = static_cast<std::uint32_t>(RandomPurpose::data),
                            .tensor = kBytesTensor};
  std::vector<std::uint8_t> bytes(size);
  std::vector<std::uint32_t> words(std::min<std::size_t>(size, 65536));
  std::size_t symbol = 0;
  for (std::size_t begin = 0; begin < size; begin += words.size()) {
    const std::size_t count = std::min(words.size(), size - begin);
    random_words(stream, begin, words.data(), count);
    for (std::size_t i = 0; i < count; ++i) {
      symbol = transitions.next(symbol, words[i]);
      bytes[begin + i] = static_cast<std::uint8_t>(symbol);
    }
  }
  return bytes;
}

}  // namespace

Corpus make_markov(std::uint64_t seed, int symbols, std::size_t size, double held_out_fraction) {
  if (symbols < 2 || static_cast<std::size_t>(symbols) > kMaxSymbols) {
    throw std::invalid_argument("a Markov source has 2 to 256 symbols, not " +
                                std::to_string(symbols));
  }
  const Transitions transitions(seed, static_cast<std::size_t>(symbols));
  Corpus corpus = split_corpus("markov", draw_bytes(seed, transitions, size), held_out_fraction);
  corpus.entropy_nats = entropy_rate_nats(transitions);
  return corpus;
}

}  // namespace halfulp
