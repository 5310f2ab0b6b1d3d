#include "sim/data/corpus.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>

namespace halfulp {
namespace {

std::string checksum_of(const std::vector<std::uint8_t>& bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

void require_size(const std::string& what, std::uintmax_t size) {
  if (size < kMinCorpusBytes) {
    throw DataError(
        fmt::format("{} has {} bytes; a corpus needs at least {}", what, size, kMinCorpusBytes));
  }
}

}  // namespace

Corpus split_corpus(std::string name, const std::vector<std::uint8_t>& bytes,
                    double held_out_fraction) {
  // Written so that NaN fails too.
  if (!(held_out_fraction > 0.0 && held_out_fraction <= 0.5)) {
    throw std::invalid_argument(fmt::format(
        "the held-out fraction must be above 0 and at most 0.5, not {}", held_out_fraction));
  }
  require_size(fmt::format("corpus '{}'", name), bytes.size());

  // A period longer than the corpus holds out one byte of it; the cast needs some bound.
  const double most = static_cast<double>(bytes.size());
  const auto period = static_cast<std::size_t>(std::min(std::round(1.0 / held_out_fraction), most));
  const std::size_t segment = std::min(kSegmentBytes, bytes.size() / period);

  Corpus corpus;
  corpus.name = std::move(name);
  corpus.checksum = checksum_of(bytes);
  corpus.entropy_nats = std::numeric_limits<double>::quiet_NaN();
  corpus.train.reserve(bytes.size());
  for (std::size_t begin = 0; begin < bytes.size(); begin += segment) {
    const std::size_t end = std::min(begin + segment, bytes.size());
    const bool is_held_out = (begin / segment) % period == period / 2;
    auto& part = is_held_out ? corpus.held_out : corpus.train;
    part.insert(part.end(), bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                bytes.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return corpus;
}

Corpus load_file(const std::string& path, double held_out_fraction) {
  const std::string what = fmt::format("corpus file '{}'", path);
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw DataError(what + " does not exist");
  }
  if (error) throw DataError(fmt::format("{}: {}", what, error.message()));
  if (status.type() == std::filesystem::file_type::directory) {
    throw DataError(what + " is a folder; name a file in it");
  }
  if (status.type() != std::filesystem::file_type::regular) {
    throw DataError(what + " is not a regular file");
  }

  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) throw DataError(fmt::format("{}: {}", what, std::strerror(errno)));
  const std::uintmax_t size = std::filesystem::file_size(path);
  require_size(what, size);
  std::vector<std::uint8_t> bytes(size);
  if (std::fread(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) {
    throw DataError(what + " could not be read to its end");
  }
  return split_corpus(std::filesystem::path(path).filename().string(), bytes, held_out_fraction);
}

}  // namespace halfulp
