#include "tests/experiments/support/toy_kind.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <thread>

namespace halfulp::test {

namespace {

constexpr std::array kFields = {
    Field{"model.width", FieldType::integer, "64", "features of a layer", 1, 4096},
    Field{"model.heads", FieldType::integer, "1", "attention heads", 1, 64},
    Field{"model.tied", FieldType::boolean, "true", "share embedding and head"},
    Field{"precision.weight", FieldType::quantizer, "binary32", "quantizer of the weights"},
    Field{"train.steps", FieldType::integer, "4", "updates", 1, 1e6},
    Field{"train.batch", FieldType::integer, "8", "sequences of an update", 1, 1024},
    Field{"train.learning_rate", FieldType::real, "0.001", "peak step size", 0, 1},
    Field{"train.optimizer", FieldType::choice, "adamw", "update rule", -1e308, 1e308, "adamw|sgd"},
    Field{"train.tags", FieldType::text_list, "a,b", "texts"},
    Field{"toy.action", FieldType::choice, "none", "what goes wrong at half the steps", -1e308,
          1e308, "none|diverge|throw|crash|exit|print"},
    Field{"toy.sleep_ms", FieldType::integer, "0", "sleep of each step, ms", 0, 1e6, {}, false},
    Field{"toy.log_file",
          FieldType::text,
          "",
          "one line is added here for each run that starts",
          -1e308,
          1e308,
          {},
          false},
};

std::vector<ConfigIssue> check(const Config& config) {
  const std::int64_t width = config.integer("model.width"), heads = config.integer("model.heads");
  if (width % heads != 0) {
    return {{"model.heads", "model.width " + std::to_string(width) + " is not a multiple of it"}};
  }
  return {};
}

double estimate_seconds(const Config& config) {
  return static_cast<double>(config.integer("train.steps")) *
         (0.001 + 0.001 * static_cast<double>(config.integer("toy.sleep_ms")));
}

std::string numerics(const Config& config) { return config.text("precision.weight"); }

void prepare(std::span<const Config>) {}

void act(const std::string& action) {
  if (action == "throw") {
    throw std::runtime_error("the toy threw");
  }
  if (action == "crash") {
    ::raise(SIGSEGV);
  }
  if (action == "exit") {
    ::_exit(3);
  }
  if (action == "print") {
    std::fprintf(stderr, "a warning of the toy\n");
    throw std::runtime_error("after printing");
  }
}

RunResult run(const Config& config, std::int64_t seed, const StopRules& stop,
              RunObserver& observer) {
  if (const std::string& log = config.text("toy.log_file"); !log.empty()) {
    std::FILE* file = std::fopen(log.c_str(), "a");
    std::fprintf(file, "%lld\n", static_cast<long long>(seed));
    std::fclose(file);
  }
  const std::int64_t steps = config.integer("train.steps");
  const std::string& action = config.text("toy.action");
  const auto width = static_cast<double>(config.integer("model.width"));
  RunResult result;
  Curve curve{"loss", "1", "toy loss", {}, {}};
  double value = 0.0;
  for (std::int64_t step = 1; step <= steps; ++step) {
    value = width * std::ldexp(1.0, -static_cast<int>(step)) + static_cast<double>(seed);
    if (action == "diverge" && 2 * step >= steps) {
      value = std::numeric_limits<double>::quiet_NaN();
    } else if (2 * step >= steps) {
      act(action);
    }
    observer.progress(step, steps, value);
    curve.steps.push_back(step);
    curve.values.push_back(value);
    if ((stop.non_finite && std::isnan(value)) || value > stop.loss_above) {
      result.status = RunStatus::diverged;
      result.reason = "loss not finite or too high at step " + std::to_string(step);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(config.integer("toy.sleep_ms")));
  }
  result.metrics = {{"loss", value, "1", "toy loss"}};
  result.curves = {curve};
  return result;
}

}  // namespace

std::span<const ExperimentKind> toy_kinds() {
  static const std::array kinds = {ExperimentKind{"toy", "a toy for tests", kFields, check,
                                                  estimate_seconds, numerics, prepare, run}};
  return kinds;
}

}  // namespace halfulp::test
