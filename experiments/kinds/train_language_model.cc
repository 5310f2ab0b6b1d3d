#include "experiments/kinds/train_language_model.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "experiments/kinds/corpora.h"
#include "experiments/kinds/initial_weights.h"
#include "experiments/kinds/language_model_fields.h"
#include "experiments/kinds/language_model_spec.h"
#include "experiments/kinds/training_curves.h"
#include "experiments/kinds/training_run.h"
#include "sim/nn/layer_policy.h"
#include "sim/nn/trainer.h"

namespace halfulp {
namespace {

void prepare(std::span<const Config> configs) {
  for (const Config& config : configs) {
    const auto corpus = shared_corpus(config);
    if (config.text("train.initial_weights").empty()) continue;
    nn::LanguageModelTask task(train_spec(config), *corpus);
    initial_weights(config, task);
  }
}

/// Mean bits of one operand's codes over the linear layers of the blocks, each counted by its
/// parameters; before a switch of the numerics.
double mean_bits(const nn::TrainSpec& spec, nn::OperandSpec nn::LinearNumerics::*operand) {
  const std::vector<std::string> names = nn::linear_layer_names(spec.model);
  const nn::LayerPolicy policy(spec.numerics, names, spec.model.blocks);
  double bits = 0.0, count = 0.0;
  for (const nn::Parameter& layer : block_layers(spec.model)) {
    const auto size = static_cast<double>(layer.size());
    bits += size * bits_per_element(policy.linear(layer.name).*operand);
    count += size;
  }
  return bits / count;
}

/// The update whose weights the last ones are compared with: at which the numerics switch, the
/// first of a run that starts from given weights; else -1.
std::int64_t reference_update(const Config& config, const nn::NumericsSwitch& numerics_switch) {
  for (const std::uint32_t update : {numerics_switch.until, numerics_switch.from}) {
    if (update != nn::NumericsSwitch::kNever && update > 0) return update;
  }
  return config.text("train.initial_weights").empty() ? -1 : 0;
}

/// Sum of the magnitudes of the changes of the blocks' linear weights over that of the weights.
double weight_change(const nn::ModelConfig& model, const nn::TrainResult& result) {
  double changes = 0.0, magnitudes = 0.0;
  for (const nn::Parameter& layer : block_layers(model)) {
    for (std::size_t i = layer.offset; i < layer.offset + layer.size(); ++i) {
      const double before = static_cast<double>(result.reference_weights[i]);
      changes += std::abs(static_cast<double>(result.weights[i]) - before);
      magnitudes += std::abs(before);
    }
  }
  return changes / magnitudes;
}

std::vector<Metric> metrics_of(const nn::TrainSpec& spec, const nn::TrainResult& result,
                               const Corpus& corpus) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  const double parameters = number(nn::non_embedding_parameters(spec.model));
  const double trained =
      number(result.steps_done) * number(spec.sequences) * number(spec.model.context);
  using Linear = nn::LinearNumerics;
  const auto stability = stability_metrics(result, "nats/byte");
  std::vector<Metric> metrics = {
      {"validation_loss", result.validation_loss, "nats/byte",
       "cross entropy on held-out text after the last update"},
      {"train_loss", result.final_train_loss, "nats/byte",
       "training cross entropy, mean of the last tenth of the updates"},
      stability[0],
      stability[1],
      {"parameters", parameters, "1", "parameters of the blocks' linear layers"},
      {"total_parameters", number(nn::total_parameters(spec.model)), "1", "all parameters"},
      {"tokens", trained, "bytes", "training bytes seen"},
      {"tokens_per_parameter", trained / parameters, "1", "training bytes per block parameter"},
      {"steps_done", number(result.steps_done), "1", "updates made"},
      {"weight_bits", mean_bits(spec, &Linear::fprop_weight), "bit",
       "bits per weight code in the forward product, mean over the blocks' linear layers"},
      {"activation_bits", mean_bits(spec, &Linear::fprop_input), "bit",
       "bits per activation code in the forward product, the same mean"},
      {"gradient_bits", mean_bits(spec, &Linear::dgrad_grad_output), "bit",
       "bits per output-gradient code in the data-gradient product, the same mean"},
  };
  if (!result.reference_weights.empty()) {
    metrics.push_back({"weight_change", weight_change(spec.model, result), "1",
                       "relative L1 change of the blocks' linear weights since the numerics "
                       "switched, or since the given initial weights"});
  }
  if (!std::isnan(corpus.entropy_nats)) {
    metrics.push_back({"source_entropy", corpus.entropy_nats, "nats/byte",
                       "entropy rate of the synthetic source: the least loss there is"});
  }
  return metrics;
}

RunResult run(const Config& config, std::int64_t seed, const StopRules& stop,
              RunObserver& observer) {
  nn::TrainSpec spec = train_spec(config);
  spec.loop.reference_update = reference_update(config, spec.numerics.switch_to);
  const auto corpus = shared_corpus(config);
  nn::LanguageModelTask task(spec, *corpus);
  const std::string inputs = language_model_numerics(config) + "\n" + corpus->checksum;
  const KeepPlan keep = keep_plan(config, seed, corpus->checksum);
  TrainingRun run = run_training(config, seed, spec.loop, task, stop, inputs, observer, keep);
  std::vector<Metric> metrics = metrics_of(spec, run.result, *corpus);
  std::vector<Curve> curves = loss_curves(run.result, "nats/byte", "training cross entropy",
                                          "cross entropy on held-out text");
  return training_outcome(config, std::move(run), std::move(metrics), std::move(curves),
                          {{"corpus", corpus->name}, {"corpus_checksum", corpus->checksum}});
}

double estimate_seconds(const Config& config) { return training_seconds(train_spec(config)); }

}  // namespace

ExperimentKind train_language_model_kind() {
  return {.name = "train_language_model",
          .summary = "trains a byte-level transformer under one numerics; reports validation loss",
          .fields = language_model_fields(),
          .check = check_language_model,
          .estimate_seconds = estimate_seconds,
          .numerics = language_model_numerics,
          .prepare = prepare,
          .run = run};
}

}  // namespace halfulp
