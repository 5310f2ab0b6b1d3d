#include "experiments/kinds/initial_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "experiments/store/atomic_file.h"
#include "experiments/store/checksum.h"
#include "experiments/store/io_error.h"
#include "experiments/store/safetensors.h"
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

std::string shape_text(const std::vector<std::size_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

const NamedTensor& tensor_for(const nn::Parameter& parameter, const Safetensors& content,
                              const std::string& path) {
  const auto found =
      std::find_if(content.tensors.begin(), content.tensors.end(),
                   [&](const NamedTensor& tensor) { return tensor.name == parameter.name; });
  if (found == content.tensors.end()) {
    throw DataError(fmt::format("{}: there is no tensor '{}'", path, parameter.name));
  }
  const std::vector<std::size_t> matrix = {parameter.rows, parameter.cols};
  const bool is_row = parameter.rows == 1 && found->shape == std::vector{parameter.cols};
  if (found->shape != matrix && !is_row) {
    throw DataError(fmt::format("{}: tensor '{}' is {}, the model's is {}", path, parameter.name,
                                shape_text(found->shape), shape_text(matrix)));
  }
  return *found;
}

}  // namespace

std::shared_ptr<const std::vector<float>> initial_weights(const Config& config,
                                                          nn::TrainingTask& task) {
  const std::string& path = config.text("train.initial_weights");
  if (path.empty()) return nullptr;
  const Safetensors& content = loaded(path).content;
  const std::vector<nn::Parameter>& parameters = task.parameters();
  auto weights = std::make_shared<std::vector<float>>(task.weights().size());
  for (const nn::Parameter& parameter : parameters) {
    const NamedTensor& tensor = tensor_for(parameter, content, path);
    std::copy(tensor.values.begin(), tensor.values.end(),
              weights->begin() + static_cast<std::ptrdiff_t>(parameter.offset));
  }
  for (const NamedTensor& tensor : content.tensors) {
    if (std::none_of(parameters.begin(), parameters.end(),
                     [&](const nn::Parameter& one) { return one.name == tensor.name; })) {
      throw DataError(fmt::format("{}: the model has no tensor '{}'", path, tensor.name));
    }
  }
  return weights;
}

std::string initial_weights_checksum(const Config& config) {
  const std::string& path = config.text("train.initial_weights");
  return path.empty() ? "" : loaded(path).checksum;
}

}  // namespace halfulp
