#include "experiments/kinds/post_training_quantization.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <limits>
#include <variant>

#include "experiments/kinds/corpora.h"
#include "experiments/kinds/kept_trunk.h"
#include "experiments/kinds/language_model_spec.h"
#include "experiments/kinds/optimizer_spec.h"
#include "experiments/kinds/precision_spec.h"
#include "experiments/kinds/ptq_fields.h"
#include "experiments/kinds/ptq_layers.h"
#include "experiments/kinds/ptq_weights.h"
#include "experiments/kinds/training_spec.h"

namespace halfulp {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

const Format& element_of(const QuantizerSpec& spec) {
  return spec.block ? spec.block->element : spec.format;
}

/// Bits of the exponent and of the trailing significand: of floats and of integers.
std::pair<double, double> exponent_and_mantissa(const Format& format) {
  if (const auto* real = std::get_if<FloatFormat>(&format)) {
    return {real->exponent_bits, real->trailing_bits};
  }
  if (std::holds_alternative<IntegerFormat>(format)) return {0.0, width(format) - 1};
  return {kNan, kNan};
}

struct Outcome {
  double loss = 0.0;
  double hidden_error = 0.0;
  QuantizedWeights weights;
};

std::vector<Metric> metrics_of(const Config& config, const KeptTrunk& trunk,
                               const Outcome& outcome) {
  const nn::TrainSpec spec = trunk_spec(config);
  const Format format = element_of(nn::parse_operand(config.text("ptq.weight")).quantizer);
  const auto [exponent, mantissa] = exponent_and_mantissa(format);
  const StoredWeights& stored = outcome.weights.stored;
  const ErrorSums& errors = outcome.weights.errors;
  const double relative = stored.quantized > 0.0 ? errors.relative_mse() : 0.0;
  const auto parameters = static_cast<double>(nn::non_embedding_parameters(spec.model));
  const double tokens = static_cast<double>(trunk.updates) * static_cast<double>(spec.sequences) *
                        static_cast<double>(spec.model.context);
  return {
      {"validation_loss", outcome.loss, "nats/byte",
       "cross entropy on held-out text of the quantized model"},
      {"baseline_loss", trunk.baseline_loss, "nats/byte",
       "of the same weights as they were trained"},
      {"loss_gap", outcome.loss - trunk.baseline_loss, "nats/byte",
       "what quantization adds to the loss"},
      {"hidden_error", outcome.hidden_error, "1",
       "squared error of the head's inputs over their squares (R_L)"},
      {"activation_kurtosis", trunk.outliers.kurtosis, "1",
       "of the layers' inputs before quantization, mean over the blocks' layers"},
      {"activation_max_to_median", trunk.outliers.max_to_median, "1",
       "largest over median magnitude of a position of the same, mean"},
      {"parameters", parameters, "1", "parameters of the blocks' linear layers"},
      {"total_parameters", static_cast<double>(nn::total_parameters(spec.model)), "1",
       "all parameters"},
      {"tokens", tokens, "bytes", "training bytes seen"},
      {"tokens_per_parameter", tokens / parameters, "1", "training bytes per block parameter"},
      {"code_bits", static_cast<double>(width(format)), "bit", "bits of a quantized weight's code"},
      {"weight_bits", stored.quantized_bits / stored.quantized, "bit",
       "bits per quantized weight with its share of scales, zero points and fitted codebooks"},
      {"mean_bits", stored.bits / stored.parameters, "bit",
       "bits per block parameter, over all layers of the blocks"},
      {"total_bits", stored.bits, "bit", "all layers of the blocks"},
      {"quantized_share", stored.quantized / stored.parameters, "1",
       "share of the block parameters that is quantized"},
      {"group_size", stored.scales > 0.0 ? stored.quantized / stored.scales : kNan, "1",
       "weights that share a scale, mean"},
      {"exponent_bits", exponent, "bit", "of the weights' format; NaN for codebooks"},
      {"mantissa_bits", mantissa, "bit", "trailing significand bits of the weights' format"},
      {"relative_mse", relative, "1", "squared error of the quantized weights over their squares"},
      {"sqnr_db", to_db(relative), "dB", "signal to quantization noise of the quantized weights"},
  };
}

RunResult run(const Config& config, std::int64_t seed, const StopRules&, RunObserver& observer) {
  const KeptTrunk& trunk = kept_trunk(config, seed);
  nn::TrainSpec spec = trunk_spec(config);
  const std::vector<std::string> layers = layers_to_quantize(config, spec.model, seed);
  spec.numerics = evaluation_numerics(spec.numerics, spec.model, layers,
                                      nn::parse_operand(config.text("ptq.activation")));
  Outcome outcome;
  outcome.weights = quantize_after_training(config, seed, spec, layers, trunk.weights);
  HiddenStates states(kHiddenRows);
  outcome.loss = evaluated_loss(spec, outcome.weights.weights, config, seed, states);
  outcome.hidden_error = hidden_error(trunk.hidden, states.last());
  observer.progress(1, 1, outcome.loss);
  RunResult result;
  if (!std::isfinite(outcome.loss)) {
    result.status = RunStatus::diverged;
    result.reason = "the loss of the quantized model is not finite";
  }
  result.metrics = metrics_of(config, trunk, outcome);
  const auto corpus = shared_corpus(config);
  result.facts = {{"corpus", corpus->name},
                  {"corpus_checksum", corpus->checksum},
                  {"trunk_checksum", trunk.checksum},
                  {"quantized_layers", fmt::format("{}", fmt::join(layers, ","))}};
  return result;
}

std::string numerics(const Config& config) {
  const bool is_gptq = config.text("ptq.method") == "gptq";
  std::string text = fmt::format(
      "weights={}; codebook={}; layout={}; rest={}; activation={}; method={}",
      config.text("ptq.weight"), config.text("ptq.codebook"), config.text("ptq.layout"),
      config.text("ptq.rest"), config.text("ptq.activation"), config.text("ptq.method"));
  if (is_gptq) {
    text += fmt::format("(damping={}, order={}, group_scales={}, sums=binary64)",
                        config.real("ptq.damping"), config.text("ptq.order"),
                        config.text("ptq.group_scales"));
  }
  return text + "; of a model trained in: " + numerics_text(trunk_spec(config).numerics) +
         optimizer_numerics(config);
}

void prepare(std::span<const Config> configs) {
  for (const Config& config : configs) shared_corpus(config);
}

void prepare_run(const Config& config, std::int64_t seed) { kept_trunk(config, seed); }

/// An evaluation; for GPTQ a pass over the calibration text and its Hessian for each layer.
double estimate_seconds(const Config& config) {
  nn::TrainSpec spec = trunk_spec(config);
  spec.loop.schedule.steps = 0;
  const double evaluation = training_seconds(spec);
  if (config.text("ptq.method") != "gptq") return evaluation;
  const auto layers = static_cast<double>(block_layers(spec.model).size());
  const double bytes = static_cast<double>(config.integer("ptq.calibration_sequences")) *
                       static_cast<double>(spec.model.context);
  constexpr double kHessianRate = 1e9;
  const auto hidden = static_cast<double>(spec.model.hidden);
  return evaluation + layers * (evaluation * bytes / static_cast<double>(spec.evaluation_bytes) +
                                bytes * hidden * hidden / 4.0 / kHessianRate);
}

}  // namespace

ExperimentKind post_training_quantization_kind() {
  return {.name = "post_training_quantization",
          .summary = "quantizes weights kept along a training run; reports the loss it costs",
          .fields = ptq_fields(),
          .check = check_ptq,
          .estimate_seconds = estimate_seconds,
          .numerics = numerics,
          .prepare = prepare,
          .run = run,
          .prepare_run = prepare_run};
}

}  // namespace halfulp
