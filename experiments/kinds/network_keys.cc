#include "experiments/kinds/network_keys.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "experiments/harness/schema.h"
#include "experiments/kinds/language_model_fields.h"
#include "experiments/kinds/training_spec.h"

namespace halfulp {
namespace {

/// Beginnings of keys that only a model of text has a use for.
constexpr std::array kTextKeys = {
    std::string_view("train.tokens_per_parameter"), std::string_view("evaluation.bytes"),
    std::string_view("precision.attention."),       std::string_view("precision.softmax"),
    std::string_view("precision.embedding"),        std::string_view("precision.state")};

bool is_of_text(std::string_view key) {
  return std::any_of(kTextKeys.begin(), kTextKeys.end(),
                     [&](std::string_view prefix) { return key.starts_with(prefix); });
}

}  // namespace

std::vector<Field> network_fields(std::span<const Field> own) {
  std::vector<Field> all(own.begin(), own.end());
  for (const auto group : {training_fields(), precision_fields()}) {
    for (const Field& field : group) {
      const bool is_own =
          std::any_of(own.begin(), own.end(), [&](const Field& f) { return f.key == field.key; });
      if (!is_own && !is_of_text(field.key)) all.push_back(field);
    }
  }
  return all;
}

Config with_all_precision(const Config& config) {
  Config all = harness::Schema(precision_fields()).defaults();
  for (const auto& [key, value] : config.values()) all.set(key, value);
  return all;
}

nn::LoopSpec network_loop(const Config& config, const StopRules& stop) {
  nn::LoopSpec loop = loop_spec(config, config.integer("train.steps"));
  loop.evaluate_every = config.integer("evaluation.every");
  loop.stop_at_non_finite = stop.non_finite;
  loop.stop_above = stop.loss_above;
  return loop;
}

}  // namespace halfulp
