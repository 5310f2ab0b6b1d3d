// Records and folders for the tests of the results store.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>

#include "experiments/store/run_record.h"

namespace halfulp {

class TemporaryFolder {
 public:
  explicit TemporaryFolder(
      const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "halfulp_store_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }

  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  const std::string& path() const { return path_; }

  std::size_t count_files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_),
                                                  std::filesystem::directory_iterator()));
  }

 private:
  std::string path_;
};

/// Where fsync costs nothing, so that a process that writes spends its time in writing.
inline std::filesystem::path memory_folder() {
  return std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
}

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A record with every kind of value; `seed` tells one from another.
inline RunRecord sample_record(std::int64_t seed) {
  RunRecord record;
  record.run_id = "0123456789abcde" + std::string(1, "0123456789abcdef"[seed & 15]);
  record.experiment = "train_language_model";
  record.numerics = "fprop: e4m3fn nearest_even saturate × int8";
  record.seed = seed;
  record.config.set("model.width", std::int64_t{32});
  record.config.set("precision.weight", std::string("e4m3fn"));
  record.config.set("train.learning_rate", 3e-3);
  record.config.set("train.tied", true);
  record.config.set("train.keep", std::vector<std::string>{"embedding", "head"});
  record.result.metrics = {
      {"validation_loss", 1.25 + 0.5 * static_cast<double>(seed), "nats/byte", "validation loss"},
      {"tokens_per_second", 1e4, "1/s", "training speed", false}};
  record.result.curves = {
      {"train_loss", "nats/byte", "training loss", {0, 10, 20}, {5.5, 3.25, 2.0}},
      {"validation_loss", "nats/byte", "validation loss", {20}, {2.5}}};
  record.result.facts = {{"data.checksum", "00ff"}};
  record.wall_seconds = 1.5;
  record.cpu_seconds = 1.25;
  record.provenance = {"0.1.0",
                       "c0ffee",
                       "",
                       "GNU 12.2.0",
                       "-O3",
                       "Release",
                       "a processor",
                       "avx2",
                       "HDF5 1.10.8",
                       "Debian",
                       "2026-01-02T03:04:05Z",
                       "2026-01-02T03:05:05Z",
                       "./run_experiment sweep.toml"};
  return record;
}

}  // namespace halfulp
