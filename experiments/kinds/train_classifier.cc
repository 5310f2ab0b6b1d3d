#include "experiments/kinds/train_classifier.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include "experiments/kinds/initial_weights.h"
#include "experiments/kinds/network_keys.h"
#include "experiments/kinds/training_curves.h"
#include "experiments/kinds/training_run.h"
#include "sim/nn/classifier_task.h"

namespace halfulp {
namespace {

using enum FieldType;

constexpr std::array kFields = {
    Field{"model.architecture", choice, "mlp",
          "mlp: linear layers; convolution: 3x3 convolutions, each followed by 2x2 pooling", 0, 0,
          "mlp|convolution"},
    Field{"model.layers", integer, "2", "hidden linear layers, or convolutions", 0, 100},
    Field{"model.width", integer, "128",
          "hidden width, or channels of the first convolution (each next one has twice as many)", 1,
          65536},
    Field{"model.hidden", integer, "0",
          "convolution: width of a linear layer before the head; 0: none", 0, 65536},
    Field{"model.activation", choice, "relu", "activation function (gelu in its tanh form)", 0, 0,
          "relu|gelu"},
    Field{"model.norm", choice, "none",
          "between a layer and its function: over the units (channels), or over the batch", 0, 0,
          "none|layer_norm|rms_norm|batch_norm"},
    Field{"model.pooling", choice, "max", "convolution: what a 2x2 window becomes", 0, 0,
          "max|average"},

    Field{"data.set", choice, "fashion_mnist",
          "labelled examples; clusters and teacher are synthetic (docs/MODELS.md)", 0, 0,
          "fashion_mnist|clusters|teacher"},
    Field{"data.inputs", integer, "32", "clusters, teacher: inputs", 1, 65536},
    Field{"data.classes", integer, "10", "clusters, teacher: classes", 2, 256},
    Field{"data.samples", integer, "16384",
          "clusters, teacher: training examples; a quarter as many are held out", 4, 1e7},
    Field{"data.separation", real, "0.4",
          "clusters: standard deviation of the centres' coordinates; within a cluster it is 1", 0,
          1e3},
    Field{"data.seed", integer, "1", "clusters, teacher: seed of the data", 0, 9e18},

    Field{"train.steps", integer, "1000", "updates", 1, 1e9},
    Field{"train.batch", integer, "128", "examples in a batch, drawn with replacement", 1, 1e6},
    Field{"train.learning_rate", real, "1e-3", "peak learning rate", 0, 1e3},
    Field{"train.weight_decay", real, "0", "decoupled weight decay of matrices", 0, 1e3},
    Field{"evaluation.samples", integer, "0", "held-out examples per evaluation; 0: all", 0, 1e9},
};

std::span<const Field> fields() {
  static const std::vector<Field> all = network_fields(kFields);
  return all;
}

SyntheticSpec synthetic_spec(const Config& config) {
  return {.inputs = static_cast<std::size_t>(config.integer("data.inputs")),
          .classes = static_cast<std::size_t>(config.integer("data.classes")),
          .samples = static_cast<std::size_t>(config.integer("data.samples")),
          .seed = static_cast<std::uint64_t>(config.integer("data.seed")),
          .separation = config.real("data.separation")};
}

LabelledData load(const Config& config) {
  const std::string& set = config.text("data.set");
  if (set == "clusters") return make_clusters(synthetic_spec(config));
  if (set == "teacher") return make_teacher_labels(synthetic_spec(config));
  return load_fashion_mnist();
}

/// Loaded once in a process, before workers fork, and shared by all of them.
std::shared_ptr<const LabelledData> shared_data(const Config& config) {
  static std::map<std::string, std::shared_ptr<const LabelledData>> loaded;
  std::string key = config.text("data.set");
  if (key != "fashion_mnist") {
    for (const char* field :
         {"data.inputs", "data.classes", "data.samples", "data.separation", "data.seed"}) {
      key += "\n" + to_text(config.values().at(field));
    }
  }
  auto& entry = loaded[key];
  if (!entry) entry = std::make_shared<const LabelledData>(load(config));
  return entry;
}

nn::ClassifierNorm norm_of(const std::string& name) {
  if (name == "layer_norm") return nn::ClassifierNorm::layer_norm;
  if (name == "rms_norm") return nn::ClassifierNorm::rms_norm;
  return name == "batch_norm" ? nn::ClassifierNorm::batch_norm : nn::ClassifierNorm::none;
}

nn::ClassifierConfig model_of(const Config& config) {
  const auto size = [&](const char* key) { return static_cast<std::size_t>(config.integer(key)); };
  nn::ClassifierConfig model;
  model.architecture = config.text("model.architecture") == "convolution"
                           ? nn::Architecture::convolution
                           : nn::Architecture::mlp;
  if (config.text("data.set") == "fashion_mnist") {
    model.input = {28, 28, 1};
  } else {
    model.input = {1, 1, size("data.inputs")};
    model.classes = size("data.classes");
  }
  model.layers = size("model.layers");
  model.width = size("model.width");
  model.hidden = size("model.hidden");
  model.function =
      config.text("model.activation") == "gelu" ? nn::UnitFunction::gelu : nn::UnitFunction::relu;
  model.norm = norm_of(config.text("model.norm"));
  model.pooling =
      config.text("model.pooling") == "average" ? nn::Pooling::average : nn::Pooling::max;
  return model;
}

nn::ClassifierSpec spec_of(const Config& config) {
  nn::ClassifierSpec spec;
  spec.model = model_of(config);
  spec.numerics = network_numerics(config);
  spec.batch = static_cast<std::size_t>(config.integer("train.batch"));
  spec.evaluation_examples = static_cast<std::size_t>(config.integer("evaluation.samples"));
  return spec;
}

void prepare(std::span<const Config> configs) {
  for (const Config& config : configs) {
    const auto data = shared_data(config);
    if (config.text("train.initial_weights").empty()) continue;
    nn::ClassifierTask task(spec_of(config), *data);
    initial_weights(config, task);
  }
}

std::vector<ConfigIssue> check(const Config& config) {
  const nn::ClassifierConfig model = model_of(config);
  std::vector<ConfigIssue> issues =
      check_network(config, nn::linear_layer_names(model), model.layers);
  if (model.architecture == nn::Architecture::convolution &&
      (model.layers > 30 || model.input.height >> model.layers == 0)) {
    issues.push_back({"model.layers", "each convolution halves the image; fewer fit " +
                                          std::to_string(model.input.height) + " rows"});
  }
  if (model.norm == nn::ClassifierNorm::batch_norm && config.boolean("train.evaluate_only")) {
    issues.push_back({"train.evaluate_only",
                      "batch norm evaluates with running statistics, which no update has made"});
  }
  return issues;
}

std::string numerics(const Config& config) { return network_numerics_text(config); }

/// 6 multiply-adds per weight and example at a GEMM's rate, plus element-wise work.
double estimate_seconds(const Config& config) {
  constexpr double kSecondsPerMultiplication = 1.2e-10, kSecondsPerExample = 4e-6;
  const double per_example =
      3.0 * kSecondsPerMultiplication * nn::multiplications(model_of(config)) + kSecondsPerExample;
  return per_example * static_cast<double>(network_steps(config)) *
         static_cast<double>(config.integer("train.batch"));
}

std::vector<Metric> metrics_of(const nn::ClassifierSpec& spec, const nn::TrainResult& trained) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  std::vector<Metric> metrics = {
      {"validation_loss", trained.validation_loss, "nats",
       "cross entropy on held-out examples after the last update"},
      {"validation_accuracy", trained.validation_accuracy, "1",
       "share of held-out examples that are classified right"},
      {"train_loss", trained.final_train_loss, "nats",
       "training cross entropy, mean of the last tenth of the updates"},
      {"parameters", number(nn::total_size(nn::classifier_parameters(spec.model))), "1",
       "all parameters"},
      {"examples", number(trained.steps_done) * number(spec.batch), "1", "training examples seen"},
      {"steps_done", number(trained.steps_done), "1", "updates made"}};
  for (const auto& group :
       {stability_metrics(trained, "nats"), operand_bits(spec.numerics.linear)}) {
    metrics.insert(metrics.end(), group.begin(), group.end());
  }
  return metrics;
}

RunResult run(const Config& config, std::int64_t seed, const StopRules& stop,
              RunObserver& observer) {
  const nn::ClassifierSpec spec = spec_of(config);
  const auto data = shared_data(config);
  nn::ClassifierTask task(spec, *data);
  const std::string inputs = network_numerics_text(config) + "\n" + data->checksum;
  TrainingRun run = run_training(config, seed, network_loop(config), task, stop, inputs, observer);
  std::vector<Metric> metrics = metrics_of(spec, run.result);
  std::vector<Curve> curves = loss_curves(run.result, "nats", "training cross entropy",
                                          "cross entropy on held-out examples");
  return training_outcome(config, std::move(run), std::move(metrics), std::move(curves),
                          {{"data", data->name}, {"data_checksum", data->checksum}});
}

}  // namespace

ExperimentKind train_classifier_kind() {
  return {.name = "train_classifier",
          .summary = "trains an MLP or a small convolution net under one numerics; accuracy",
          .fields = fields(),
          .check = check,
          .estimate_seconds = estimate_seconds,
          .numerics = numerics,
          .prepare = prepare,
          .run = run};
}

}  // namespace halfulp
