// Byte-level corpora with a fixed held-out split.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace halfulp {

/// A corpus that is not there; what() names the package to install or the path that failed.
class DataError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Text is cut into segments of this many bytes, which go to training or to validation whole. Short
/// ones represent the text better: on the King James Bible the loss of an order-3 model on the 5 %
/// held out differs between choices of segments by 2.3 % (standard deviation) at 64 KiB and by 0.8
/// % at 8 KiB.
inline constexpr std::size_t kSegmentBytes = 8192;

/// Below this there is no text to speak of: loading it is an error.
inline constexpr std::size_t kMinCorpusBytes = 16384;

struct Corpus {
  std::string name;
  std::string checksum;                ///< XXH3-128 of all bytes in their order, 32 hex digits
  std::vector<std::uint8_t> train;     ///< segments in their order, one after the other
  std::vector<std::uint8_t> held_out;  ///< the other segments: never trained on
  double entropy_nats = 0.0;  ///< known entropy rate per byte of a synthetic source, else NaN
};

/// The split of every corpus: of each k = round(1/held_out_fraction) segments in a row, number k/2
/// (from 0) is held out. Segments have kSegmentBytes, or size/k where the text is too short for k
/// of them, so that at least one is held out; the last may be shorter. Deterministic in its
/// arguments.
///
/// Errors: std::invalid_argument unless 0 < held_out_fraction <= 0.5; DataError for fewer than
/// kMinCorpusBytes.
Corpus split_corpus(std::string name, const std::vector<std::uint8_t>& bytes,
                    double held_out_fraction);

/// The King James Bible from Debian's packages bible-kjv and bible-kjv-text: 31,102 verses, one a
/// line, without their references; 4.1 MB of ASCII. Runs the packages' program `bible` (0.1 s).
///
/// Errors: DataError that names the packages.
Corpus load_bible_kjv(double held_out_fraction);

/// Any file, as bytes. The name is the file's, without its folder.
///
/// Errors: DataError with the path and the reason: missing, not a regular file, unreadable, too
/// small.
Corpus load_file(const std::string& path, double held_out_fraction);

/// A first-order Markov chain over the bytes 0 .. symbols-1, `size` bytes long, with its exact
/// entropy rate. Transition i -> j has a weight u^4 + 1 with u uniform in 0 .. 63, so that every
/// one is possible and few are frequent; its probability is the weight's share of its row in
/// multiples of 2^-32. Integer arithmetic on random words of (seed, RandomPurpose::data): the same
/// bytes everywhere. The entropy rate is that of these probabilities under their stationary
/// distribution, within 1e-12.
///
/// Errors: std::invalid_argument unless 2 <= symbols <= 256; those of split_corpus().
Corpus make_markov(std::uint64_t seed, int symbols, std::size_t size, double held_out_fraction);

}  // namespace halfulp
