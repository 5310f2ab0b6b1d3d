#include "experiments/kinds/kept_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "experiments/kinds/initial_weights.h"
#include "experiments/kinds/language_model_fields.h"
#include "experiments/kinds/language_model_spec.h"
#include "experiments/kinds/model_spec.h"
#include "experiments/kinds/training_spec.h"
#include "experiments/store/config_text.h"
#include "experiments/store/model_weights.h"

namespace halfulp {
namespace {

constexpr char kKey[] = "train.keep_weights_at";

constexpr std::array kFields = {
    Field{kKey, FieldType::text_list, "",
          "bytes per block parameter after which the weights are stored in the sweep's folder "
          "kept/ (docs/RESULTS.md)",
          -1e308, 1e308, "", false},
};

std::optional<double> positive_number(const std::string& text) {
  double value = 0.0;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  const bool is_good = error == std::errc{} && last == end && std::isfinite(value) && value > 0.0;
  return is_good ? std::optional(value) : std::nullopt;
}

}  // namespace

std::span<const Field> kept_weights_fields() { return kFields; }

std::vector<ConfigIssue> check_kept_weights(const Config& config) {
  std::vector<ConfigIssue> issues;
  const nn::ModelConfig model = model_config(config);
  const std::int64_t steps = step_count(config, model);
  for (const std::string& text : config.text_list(kKey)) {
    const auto point = positive_number(text);
    if (!point) {
      issues.push_back({kKey, fmt::format("'{}' is no number above 0", text)});
      continue;
    }
    // Compared before it becomes an integer, which a huge point does not fit.
    const double batch =
        static_cast<double>(config.integer("train.batch")) * static_cast<double>(model.context);
    const double bytes = *point * static_cast<double>(nn::non_embedding_parameters(model));
    if (std::ceil(bytes / batch) > static_cast<double>(steps)) {
      issues.push_back({kKey, fmt::format("{} bytes per parameter are after the last of {} updates",
                                          text, steps)});
    }
  }
  return issues;
}

std::set<std::int64_t> kept_updates(const Config& config) {
  std::set<std::int64_t> updates;
  const nn::ModelConfig model = model_config(config);
  for (const std::string& text : config.text_list(kKey)) {
    updates.insert(updates_at(config, model, positive_number(text).value()));
  }
  return updates;
}

std::string training_identity(const Config& config, std::int64_t seed,
                              const std::string& corpus_checksum) {
  std::string text;
  const auto fields = language_model_fields();
  for (const auto& [name, value] : config.values()) {
    const std::string& key = name;
    const auto field = std::find_if(fields.begin(), fields.end(),
                                    [&](const Field& one) { return one.key == key; });
    if (field == fields.end() || !field->changes_numbers || key.starts_with("evaluation.")) {
      continue;
    }
    text += key + "=" + to_text(value) + "\n";
  }
  text += fmt::format("seed={}\ncorpus_checksum={}\n", seed, corpus_checksum);
  if (const std::string checksum = initial_weights_checksum(config); !checksum.empty()) {
    text += "initial_weights_checksum=" + checksum + "\n";
  }
  return text;
}

KeepPlan keep_plan(const Config& config, std::int64_t seed, const std::string& corpus_checksum) {
  KeepPlan plan = {.updates = kept_updates(config)};
  if (plan.updates.empty()) return plan;
  plan.metadata = {{"format", "halfulp"},
                   {"experiment", "train_language_model"},
                   {"seed", std::to_string(seed)},
                   {"training", training_identity(config, seed, corpus_checksum)},
                   {"corpus_checksum", corpus_checksum},
                   {"numerics", language_model_numerics(config)},
                   {"config", canonical_toml(config)}};
  const nn::ModelConfig model = model_config(config);
  plan.parameters = static_cast<double>(nn::non_embedding_parameters(model));
  plan.bytes_per_update =
      static_cast<double>(config.integer("train.batch")) * static_cast<double>(model.context);
  return plan;
}

void keep_weights(const KeepPlan& plan, std::int64_t updates, nn::TrainingTask& task,
                  RunObserver& observer) {
  if (plan.updates.count(updates) == 0) return;
  Safetensors content;
  content.metadata = plan.metadata;
  content.metadata["updates"] = std::to_string(updates);
  const double bytes = static_cast<double>(updates) * plan.bytes_per_update;
  content.metadata["tokens"] = fmt::format("{}", bytes);
  content.metadata["tokens_per_parameter"] = fmt::format("{}", bytes / plan.parameters);
  std::vector<nn::SavedTensor> tensors;
  for (const nn::Parameter& p : task.parameters()) {
    tensors.push_back({p.name, p.offset, p.rows, p.cols});
  }
  content.tensors = named_tensors(task.weights(), tensors, TensorType::F32);
  observer.keep_weights(updates, content);
}

bool has_kept_until(const KeepPlan& plan, std::int64_t updates, RunObserver& observer) {
  return std::all_of(plan.updates.begin(), plan.updates.end(), [&](std::int64_t point) {
    return point > updates || observer.has_kept_weights(point);
  });
}

}  // namespace halfulp
