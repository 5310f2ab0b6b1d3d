#include "experiments/kinds/initial_weights.h"

#include <map>

#include "experiments/store/atomic_file.h"
#include "experiments/store/checksum.h"
#include "experiments/store/io_error.h"
#include "experiments/store/model_weights.h"
#include "sim/data/corpus.h"

namespace halfulp {
namespace {

struct LoadedWeights {
  Safetensors content;
  std::string checksum;
};

const LoadedWeights& loaded(const std::string& path) {
  static std::map<std::string, LoadedWeights> files;
  const auto found = files.find(path);
  if (found != files.end()) return found->second;
  try {
    const std::string bytes = read_file(path);
    LoadedWeights weights = {decode_safetensors(bytes), xxh3_128_hex(bytes)};
    return files.emplace(path, std::move(weights)).first->second;
  } catch (const IoError& error) {
    const std::string what = error.what();
    throw DataError(what.starts_with(path) ? what : path + ": " + what);
  }
}

}  // namespace

std::shared_ptr<const std::vector<float>> initial_weights(const Config& config,
                                                          nn::TrainingTask& task) {
  const std::string& path = config.text("train.initial_weights");
  if (path.empty()) return nullptr;
  try {
    return std::make_shared<const std::vector<float>>(
        model_weights(loaded(path).content, task.parameters(), task.weights().size()));
  } catch (const IoError& error) {
    throw DataError(path + ": " + error.what());
  }
}

std::string initial_weights_checksum(const Config& config) {
  const std::string& path = config.text("train.initial_weights");
  return path.empty() ? "" : loaded(path).checksum;
}

}  // namespace halfulp
