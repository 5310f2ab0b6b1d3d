// Byte-level corpora with a fixed held-out split.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace halfulp {

/// A corpus that is not there; what() names the package to install or the path that failed.
class DataError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Corpus {
  std::string name;
  std::string checksum;                 ///< XXH3-128 of all bytes, hex
  std::vector<std::uint8_t> train;
  std::vector<std::uint8_t> held_out;   ///< never trained on
  double entropy_nats = 0.0;            ///< known entropy rate of a synthetic source, else NaN
};

/// The King James Bible from Debian's bible-kjv packages: one verse a line, without references.
/// `held_out_fraction`: the text is cut into 64 KiB segments; every round(1/fraction)-th goes to held_out.
Corpus load_bible_kjv(double held_out_fraction);

/// Any file, as bytes.
Corpus load_file(const std::string& path, double held_out_fraction);

/// A first-order Markov chain over `symbols` bytes (transition rows drawn from `seed`), `size` bytes,
/// with its exact entropy rate.
Corpus make_markov(std::uint64_t seed, int symbols, std::size_t size, double held_out_fraction);

}  // namespace halfulp
