#include "experiments/kinds/kept_trunk.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "experiments/kinds/corpora.h"
#include "experiments/kinds/kept_weights.h"
#include "experiments/kinds/language_model_spec.h"
#include "experiments/kinds/precision_spec.h"
#include "experiments/kinds/training_spec.h"
#include "experiments/store/checksum.h"
#include "experiments/store/io_error.h"
#include "experiments/store/model_weights.h"

namespace halfulp {
namespace {

namespace fs = std::filesystem;

std::int64_t wanted_updates(const Config& config) {
  return updates_at(config, trunk_spec(config).model, config.real("ptq.tokens_per_parameter"));
}

/// Files of weights after so many updates, in the order of their names.
std::vector<std::string> candidates(const std::string& folder, std::int64_t updates) {
  std::vector<std::string> files;
  const std::string end = fmt::format("-{}.safetensors", updates);
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string path = entry.path().string();
    if (path.ends_with(end)) files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::set<std::string> lines_of(const std::string& text) {
  std::set<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    lines.insert(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

/// What `found` has otherwise than `wanted`.
std::vector<std::string> differences(const std::string& found, const std::string& wanted) {
  const std::set<std::string> all = lines_of(wanted);
  std::vector<std::string> others;
  for (const std::string& line : lines_of(found)) {
    if (all.count(line) == 0) others.push_back(line);
  }
  return others;
}

/// How to get what is not there.
[[noreturn]] void complain(const Config& config, std::int64_t seed, std::int64_t updates,
                           const std::vector<std::string>& nearest) {
  fs::path folder = config.text("ptq.trunks");
  if (!folder.has_filename()) folder = folder.parent_path();
  std::string text = fmt::format(
      "{}/kept: no weights of this model (width {}, {} layers) after {} updates ({} bytes per "
      "parameter), seed {}",
      folder.string(), config.integer("model.width"), config.integer("model.layers"), updates,
      config.real("ptq.tokens_per_parameter"), seed);
  if (!nearest.empty()) {
    text += fmt::format("; the nearest file has {}", fmt::join(nearest, ", "));
  }
  text += fmt::format("; train it: ./run_experiment experiments/sweeps/{}.toml",
                      folder.filename().string());
  throw DataError(text);
}

Safetensors find_file(const Config& config, std::int64_t seed, std::int64_t updates) {
  const std::string wanted = training_identity(config, seed, shared_corpus(config)->checksum);
  std::vector<std::string> nearest;
  for (const std::string& file : candidates(config.text("ptq.trunks") + "/kept", updates)) {
    try {
      Safetensors content = read_safetensors(file);
      const std::string& found = content.metadata["training"];
      if (found == wanted) return content;
      const std::vector<std::string> others = differences(found, wanted);
      if (nearest.empty() || others.size() < nearest.size()) nearest = others;
    } catch (const IoError& error) {
      throw DataError(error.what());
    }
  }
  complain(config, seed, updates, nearest);
}

KeptTrunk load(const Config& config, std::int64_t seed) {
  KeptTrunk trunk;
  trunk.updates = wanted_updates(config);
  Safetensors content = find_file(config, seed, trunk.updates);
  const nn::TrainSpec spec = trunk_spec(config);
  nn::LanguageModelTask task(spec, *shared_corpus(config));
  try {
    trunk.weights = model_weights(content, task.parameters(), task.weights().size());
  } catch (const IoError& error) {
    throw DataError(fmt::format("{}/kept: {}", config.text("ptq.trunks"), error.what()));
  }
  trunk.run_id = content.metadata["run_id"];
  trunk.checksum = xxh3_128_hex(
      {reinterpret_cast<const char*>(trunk.weights.data()), trunk.weights.size() * sizeof(float)});
  HiddenStates states(kHiddenRows);
  trunk.baseline_loss = evaluated_loss(spec, trunk.weights, config, seed, states);
  trunk.outliers = states.outliers();
  trunk.hidden = states.take_last();
  return trunk;
}

}  // namespace

nn::TrainSpec trunk_spec(const Config& config) {
  nn::TrainSpec spec = binary32_train_spec(config);
  spec.numerics = model_numerics(config);
  set_switch(config, spec.loop.schedule.steps, spec.numerics);
  spec.evaluation_bytes = static_cast<std::size_t>(config.integer("evaluation.bytes"));
  return spec;
}

double evaluated_loss(const nn::TrainSpec& spec, const std::vector<float>& weights,
                      const Config& config, std::int64_t seed, HiddenStates& states) {
  nn::LanguageModelTask task(spec, *shared_corpus(config));
  std::copy(weights.begin(), weights.end(), task.weights().begin());
  const auto updates = static_cast<std::uint32_t>(wanted_updates(config));
  return task
      .evaluate({static_cast<std::uint64_t>(seed), nn::StepKey::kEvaluation | updates,
                 &states.observer()})
      .loss;
}

const KeptTrunk& kept_trunk(const Config& config, std::int64_t seed) {
  static std::map<std::string, KeptTrunk> trunks;
  const std::string key =
      fmt::format("{}\n{}\n{}\n{}", config.text("ptq.trunks"), wanted_updates(config),
                  config.integer("evaluation.bytes"),
                  training_identity(config, seed, shared_corpus(config)->checksum));
  const auto found = trunks.find(key);
  if (found != trunks.end()) return found->second;
  return trunks.emplace(key, load(config, seed)).first->second;
}

}  // namespace halfulp
