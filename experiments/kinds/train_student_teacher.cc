#include "experiments/kinds/train_student_teacher.h"

#include <array>
#include <utility>

#include "experiments/kinds/initial_weights.h"
#include "experiments/kinds/network_keys.h"
#include "experiments/kinds/training_curves.h"
#include "experiments/kinds/training_run.h"
#include "sim/nn/student_teacher_task.h"

namespace halfulp {
namespace {

using enum FieldType;

constexpr std::array kFields = {
    Field{"model.layers", integer, "4", "residual blocks", 1, 1000},
    Field{"model.width", integer, "512", "residual stream width, inputs and outputs", 1, 65536},
    Field{"model.hidden", integer, "0",
          "width between a block's layers; 0: 4 width, for swiglu 8/3 width in multiples of 16", 0,
          1e6},
    Field{"model.norm", choice, "layer_norm", "at the start of each block", 0, 0,
          "layer_norm|rms_norm|none"},
    Field{"model.activation", choice, "gelu",
          "activation function of student and teacher (gelu in its tanh form)", 0, 0,
          "gelu|relu|swiglu"},
    Field{"data.teacher_layers", integer, "0", "blocks of the teacher; 0: model.layers", 0, 1000},
    Field{"data.teacher_hidden", integer, "0", "hidden width of the teacher; 0: model.width", 0,
          1e6},
    Field{"data.teacher_gain", real, "0.5773502691896257",
          "standard deviation of the teacher's weights times sqrt(inputs)", 0, 1e3},
    Field{"data.noise", real, "0.005", "standard deviation of the noise on training targets", 0,
          1e3},
    Field{"train.steps", integer, "1000", "updates", 1, 1e9},
    Field{"train.batch", integer, "2048", "fresh inputs in every update", 1, 1e6},
    Field{"train.learning_rate", real, "6e-4", "peak learning rate", 0, 1e3},
    Field{"train.schedule", choice, "constant", "learning-rate schedule", 0, 0,
          "constant|cosine|warmup_stable_decay"},
    Field{"train.warmup_fraction", real, "0", "share of the updates that warm up", 0, 1},
    Field{"train.beta2", real, "0.999", "AdamW second-moment decay", 0, 0.9999999},
    Field{"train.weight_decay", real, "0", "decoupled weight decay of matrices", 0, 1e3},
    Field{"train.clip_norm", real, "0", "largest global gradient norm; 0: no clipping", 0, 1e30},
    Field{"evaluation.samples", integer, "8192", "held-out inputs per evaluation", 1, 1e9},
    Field{"precision.keep_high", text_list, "",
          "layers in binary32: names with *, blocks.0, blocks.-1, *.down, ..."},
};

std::span<const Field> fields() {
  static const std::vector<Field> all = network_fields(kFields);
  return all;
}

nn::UnitFunction function_of(const std::string& name) {
  if (name == "relu") return nn::UnitFunction::relu;
  return name == "swiglu" ? nn::UnitFunction::swiglu : nn::UnitFunction::gelu;
}

nn::ResidualNorm norm_of(const std::string& name) {
  if (name == "rms_norm") return nn::ResidualNorm::rms_norm;
  return name == "none" ? nn::ResidualNorm::none : nn::ResidualNorm::layer_norm;
}

nn::ResidualConfig model_of(const Config& config) {
  const auto size = [&](const char* key) { return static_cast<std::size_t>(config.integer(key)); };
  nn::ResidualConfig model;
  model.layers = size("model.layers");
  model.width = size("model.width");
  model.norm = norm_of(config.text("model.norm"));
  model.function = function_of(config.text("model.activation"));
  model.hidden = size("model.hidden");
  if (model.hidden == 0) {
    model.hidden = model.function == nn::UnitFunction::swiglu ? (8 * model.width / 3 + 15) / 16 * 16
                                                              : 4 * model.width;
  }
  return model;
}

nn::StudentTeacherSpec spec_of(const Config& config) {
  const auto size = [&](const char* key) { return static_cast<std::size_t>(config.integer(key)); };
  const auto size_or = [&](const char* key, std::size_t fallback) {
    return size(key) == 0 ? fallback : size(key);
  };
  nn::StudentTeacherSpec spec;
  spec.model = model_of(config);
  spec.numerics = network_numerics(config);
  spec.teacher = {.layers = size_or("data.teacher_layers", spec.model.layers),
                  .hidden = size_or("data.teacher_hidden", spec.model.width),
                  .gain = config.real("data.teacher_gain")};
  spec.noise = config.real("data.noise");
  spec.batch = size("train.batch");
  spec.evaluation = size("evaluation.samples");
  return spec;
}

void prepare(std::span<const Config> configs) {
  for (const Config& config : configs) {
    if (config.text("train.initial_weights").empty()) continue;
    nn::StudentTeacherTask task(spec_of(config));
    initial_weights(config, task);
  }
}

std::vector<ConfigIssue> check(const Config& config) {
  const nn::ResidualConfig model = model_of(config);
  return check_network(config, nn::linear_layer_names(model), model.layers);
}

std::string numerics(const Config& config) { return network_numerics_text(config); }

/// 6 operations per weight and input at a GEMM's rate, 2 for the teacher, plus drawing inputs and
/// noise.
double estimate_seconds(const Config& config) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  const nn::StudentTeacherSpec spec = spec_of(config);
  constexpr double kFlopsPerSecond = 60e9, kSecondsPerNormal = 60e-9;
  const double width = number(spec.model.width);
  const double teacher = 2.0 * width * number(spec.teacher.hidden) * number(spec.teacher.layers);
  const double student = number(nn::total_size(nn::residual_parameters(spec.model)));
  const double per_input =
      (6.0 * student + 2.0 * teacher) / kFlopsPerSecond + 2.0 * width * kSecondsPerNormal;
  return per_input * number(spec.batch) * number(network_steps(config));
}

std::vector<Metric> metrics_of(const nn::StudentTeacherSpec& spec, const nn::TrainResult& trained) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  std::vector<Metric> metrics = {
      {"validation_loss", trained.validation_loss, "1",
       "mean squared error on held-out inputs after the last update"},
      {"train_loss", trained.final_train_loss, "1",
       "mean squared error in training, mean of the last tenth of the updates"},
      {"parameters", number(nn::total_size(nn::residual_parameters(spec.model))), "1",
       "all parameters"},
      {"steps_done", number(trained.steps_done), "1", "updates made"}};
  for (const auto& group : {stability_metrics(trained, "1"), operand_bits(spec.numerics.linear)}) {
    metrics.insert(metrics.end(), group.begin(), group.end());
  }
  return metrics;
}

RunResult run(const Config& config, std::int64_t seed, const StopRules& stop,
              RunObserver& observer) {
  const nn::StudentTeacherSpec spec = spec_of(config);
  nn::StudentTeacherTask task(spec);
  const std::string inputs = network_numerics_text(config);
  TrainingRun run = run_training(config, seed, network_loop(config), task, stop, inputs, observer);
  std::vector<Metric> metrics = metrics_of(spec, run.result);
  std::vector<Curve> curves = loss_curves(run.result, "1", "mean squared error in training",
                                          "mean squared error on held-out inputs");
  return training_outcome(config, std::move(run), std::move(metrics), std::move(curves));
}

}  // namespace

ExperimentKind train_student_teacher_kind() {
  return {.name = "train_student_teacher",
          .summary = "trains a residual MLP to copy a random teacher: a proxy for instabilities",
          .fields = fields(),
          .check = check,
          .estimate_seconds = estimate_seconds,
          .numerics = numerics,
          .prepare = prepare,
          .run = run};
}

}  // namespace halfulp
