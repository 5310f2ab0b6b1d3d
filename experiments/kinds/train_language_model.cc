#include "experiments/kinds/train_language_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/kinds/corpora.h"
#include "experiments/kinds/initial_weights.h"
#include "experiments/kinds/language_model_fields.h"
#include "experiments/kinds/language_model_spec.h"
#include "experiments/kinds/training_run.h"
#include "sim/nn/trainer.h"

namespace halfulp {
namespace {

constexpr std::size_t kCurvePoints = 256;
constexpr std::size_t kSpikeWindow = 100, kRiseWindow = 16;
constexpr double kSpikeDeviations = 7.0;

void prepare(std::span<const Config> configs) {
  for (const Config& config : configs) {
    const auto corpus = shared_corpus(config);
    if (config.text("train.initial_weights").empty()) continue;
    nn::LanguageModelTask task(train_spec(config), *corpus);
    initial_weights(config, task);
  }
}

/// At most kCurvePoints means of consecutive points, each at the last step of its window.
Curve thinned(std::string name, std::string units, std::string long_name,
              const std::vector<nn::LossPoint>& points) {
  Curve curve{std::move(name), std::move(units), std::move(long_name), {}, {}};
  const std::size_t window =
      std::max<std::size_t>((points.size() + kCurvePoints - 1) / kCurvePoints, 1);
  for (std::size_t start = 0; start < points.size(); start += window) {
    const std::size_t count = std::min(window, points.size() - start);
    double sum = 0.0;
    for (std::size_t i = start; i < start + count; ++i) sum += points[i].loss;
    curve.steps.push_back(points[start + count - 1].step);
    curve.values.push_back(sum / static_cast<double>(count));
  }
  return curve;
}

std::vector<Metric> metrics_of(const nn::TrainSpec& spec, const nn::TrainResult& result,
                               const Corpus& corpus) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  const double parameters = number(nn::non_embedding_parameters(spec.model));
  const double trained =
      number(result.steps_done) * number(spec.sequences) * number(spec.model.context);
  const nn::LinearNumerics& linear = spec.numerics.linear;
  std::vector<Metric> metrics = {
      {"validation_loss", result.validation_loss, "nats/byte",
       "cross entropy on held-out text after the last update"},
      {"train_loss", result.final_train_loss, "nats/byte",
       "training cross entropy, mean of the last tenth of the updates"},
      {"spike_share", nn::spike_share(result.train_loss, kSpikeWindow, kSpikeDeviations), "1",
       "updates whose loss is 7 standard deviations above the 100 before, share of those judged"},
      {"largest_rise", nn::largest_rise(result.train_loss, kRiseWindow), "nats/byte",
       "highest mean training loss of 16 updates above an earlier one"},
      {"parameters", parameters, "1", "parameters of the blocks' linear layers"},
      {"total_parameters", number(nn::total_parameters(spec.model)), "1", "all parameters"},
      {"tokens", trained, "bytes", "training bytes seen"},
      {"tokens_per_parameter", trained / parameters, "1", "training bytes per block parameter"},
      {"steps_done", number(result.steps_done), "1", "updates made"},
      {"weight_bits", bits_per_element(linear.fprop_weight), "bit",
       "bits per weight code in the forward product"},
      {"activation_bits", bits_per_element(linear.fprop_input), "bit",
       "bits per activation code in the forward product"},
      {"gradient_bits", bits_per_element(linear.dgrad_grad_output), "bit",
       "bits per output-gradient code in the data-gradient product"},
  };
  if (!std::isnan(corpus.entropy_nats)) {
    metrics.push_back({"source_entropy", corpus.entropy_nats, "nats/byte",
                       "entropy rate of the synthetic source: the least loss there is"});
  }
  return metrics;
}

RunResult run(const Config& config, std::int64_t seed, const StopRules& stop,
              RunObserver& observer) {
  const nn::TrainSpec spec = train_spec(config);
  const auto corpus = shared_corpus(config);
  nn::LanguageModelTask task(spec, *corpus);
  const std::string inputs = language_model_numerics(config) + "\n" + corpus->checksum;
  TrainingRun run = run_training(config, seed, spec.loop, task, stop, inputs, observer);
  const nn::TrainResult& trained = run.result;
  RunResult result;
  result.status = trained.diverged ? RunStatus::diverged : RunStatus::done;
  result.reason = trained.reason;
  result.metrics = metrics_of(spec, trained, *corpus);
  result.curves = {
      thinned("train_loss", "nats/byte", "training cross entropy before the update, window means",
              trained.train_loss),
      thinned("validation_loss", "nats/byte", "cross entropy on held-out text", trained.validation),
      thinned("gradient_norm", "1", "global gradient norm before clipping, window means",
              trained.gradient_norm)};
  result.facts = {{"corpus", corpus->name}, {"corpus_checksum", corpus->checksum}};
  if (const std::string checksum = initial_weights_checksum(config); !checksum.empty()) {
    result.facts.emplace_back("initial_weights_checksum", checksum);
  }
  result.counters = std::move(run.counters);
  return result;
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
