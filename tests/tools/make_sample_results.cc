// make_sample_results FOLDER [small|large]: writes runs/*.h5 and results.h5 of an invented sweep of
// language models, for the tests of the store's readers and of the figures. The numbers follow a
// scaling law with noise from a hash, so every machine writes the same ones.
#include <fmt/core.h>
#include <xxhash.h>

#include <cmath>
#include <exception>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "experiments/store/run_record.h"

namespace halfulp {
namespace {

struct FormatRow {
  std::string name;
  int bits;
  double damage;  // share of the parameters that the format wastes
};

const FormatRow kBinary32 = {"binary32", 32, 0.0};

struct Sample {
  std::vector<std::int64_t> widths;
  std::vector<FormatRow> formats;
  int seeds;
  int points;  // of each training curve
};

Sample small_sample() {
  return {{32, 64},
          {{"e4m3fn", 8, 0.03}, {"int8", 8, 0.02}, {"e2m1fn", 4, 0.3}, {"int4", 4, 0.38}},
          3,
          20};
}

Sample large_sample() {
  return {{32, 64, 128},
          {{"bfloat16", 16, 0.005},
           {"e4m3fn", 8, 0.03},
           {"e5m2", 8, 0.06},
           {"int8", 8, 0.02},
           {"e3m2fn", 6, 0.08},
           {"e2m3fn", 6, 0.07},
           {"int6", 6, 0.05},
           {"e2m1fn", 4, 0.3},
           {"int4", 4, 0.38},
           {"int3", 3, 0.62},
           {"int2", 2, 0.85}},
          3,
          200};
}

struct Point {
  std::int64_t width;
  FormatRow weight;
  FormatRow activation;
  std::int64_t seed;
};

// Between -1 and 1, the same everywhere.
double noise(const std::string& key) {
  const auto hash = XXH3_64bits(key.data(), key.size());
  return static_cast<double>(hash >> 11) * 0x1.0p-52 - 1.0;
}

std::string operand(const FormatRow& format) {
  const bool is_wide = format.bits > 8;
  return fmt::format("{}+tensor+{}+nearest_even+saturate", format.name,
                     is_wide ? "unscaled" : "scale_binary32");
}

double final_loss(const Point& point) {
  const double parameters = 12.0 * 4.0 * static_cast<double>(point.width * point.width);
  const double effective =
      parameters * (1.0 - point.weight.damage) * (1.0 - 0.8 * point.activation.damage);
  const double shared = 0.012 * noise(fmt::format("seed {} {}", point.seed, point.width));
  const double own = 0.004 * noise(fmt::format("{} {} {} {}", point.width, point.weight.name,
                                               point.activation.name, point.seed));
  return 0.9 + 14.0 / std::pow(effective, 0.27) + shared + own;
}

void add_curves(RunResult& result, const Point& point, double loss, int points, int last) {
  const std::int64_t stride = point.width / 4;  // larger models train longer
  Curve train{"train_loss", "nats/byte", "training loss", {}, {}};
  Curve validation{"validation_loss", "nats/byte", "validation loss", {}, {}};
  for (int i = 0; i <= last; ++i) {
    const double progress = (i + 1.0) / points;
    const double smooth = loss + (5.5 - loss) * std::exp(-5.0 * std::sqrt(progress)) +
                          0.3 * std::exp(-4.0 * progress);
    const double jitter = noise(fmt::format("{} {} {}", i, point.seed, point.width));
    train.steps.push_back(i * stride);
    train.values.push_back(smooth + 0.05 * jitter);
    if (i % (points / 10) == points / 10 - 1) {
      validation.steps.push_back(i * stride);
      validation.values.push_back(smooth + 0.02);
    }
  }
  result.curves = {train, validation};
}

/// Longer models are counted less often, and seed 2 not at all.
void add_counters(RunResult& result, const Point& point) {
  if (point.seed == 2) return;
  CounterTable& table = result.counters;
  for (std::int64_t step = 0; step < 40; step += point.width / 4) table.steps.push_back(step);
  table.tensors = {{"blocks.0.mlp.up", "fprop_input"}, {"blocks.0.mlp.up", "fprop_weight"}};
  if (point.width > 32) table.tensors.push_back({"head", "fprop_input"});
  CounterTable::Counter underflow = {"underflow_share", "1", "became zero", {}};
  for (std::size_t i = 0; i < table.steps.size() * table.tensors.size(); ++i) {
    underflow.values.push_back(0.5 + 0.5 * noise(fmt::format("{} {}", i, point.weight.name)));
  }
  table.counters = {underflow};
}

RunRecord make_record(const Point& point, const Sample& sample) {
  RunRecord record;
  const std::string key =
      fmt::format("{} {} {} {}", point.width, point.weight.name, point.activation.name, point.seed);
  record.run_id = fmt::format("{:016x}", XXH3_64bits(key.data(), key.size()));
  record.experiment = "train_language_model";
  record.seed = point.seed;
  record.config.set("model.width", point.width);
  record.config.set("model.context", std::int64_t{64});
  record.config.set("model.tied_head", false);
  record.config.set("precision.weight", operand(point.weight));
  record.config.set("precision.activation", operand(point.activation));
  record.config.set("precision.gradient", operand(kBinary32));
  record.config.set("train.batch", std::int64_t{16});
  record.config.set("train.learning_rate", 3e-3);
  record.numerics = "weight: " + operand(point.weight) + "; input: " + operand(point.activation);

  RunResult& result = record.result;
  const bool diverges =
      point.weight.bits + point.activation.bits <= 8 && point.seed == 1 && point.width == 64;
  double loss = final_loss(point);
  const int last = diverges ? sample.points * 2 / 5 : sample.points - 1;
  add_curves(result, point, loss, sample.points, last);
  add_counters(result, point);
  if (diverges) {
    result.status = RunStatus::diverged;
    result.reason = fmt::format("loss not finite at step {}", last * point.width / 4);
    result.curves[0].values.back() = std::numeric_limits<double>::infinity();
    loss = std::numeric_limits<double>::quiet_NaN();
  }
  const auto width = static_cast<double>(point.width);
  result.metrics = {
      {"validation_loss", loss, "nats/byte", "validation loss"},
      {"parameters", 48.0 * width * width, "1", "parameters without embeddings"},
      {"weight_bits", static_cast<double>(point.weight.bits), "bit", "bits of a weight"},
      {"activation_bits", static_cast<double>(point.activation.bits), "bit",
       "bits of an activation"},
      {"gradient_bits", 32.0, "bit", "bits of a gradient"},
      {"steps_per_second", 100.0 + noise(key), "1/s", "training speed", false}};
  result.facts = {{"data.checksum", "0123456789abcdef"}};
  record.wall_seconds = 1.0 + noise(key);
  record.cpu_seconds = record.wall_seconds;
  record.provenance = {"0.1.0",
                       "0000000000000000000000000000000000000000",
                       "-old\n+new\n",
                       "GNU 12.2.0",
                       "-O3",
                       "Release",
                       "sample processor",
                       "avx2",
                       "HDF5",
                       "Debian",
                       "2026-01-02T03:04:05Z",
                       "2026-01-02T03:04:06Z",
                       "make_sample_results"};
  return record;
}

std::vector<Point> make_points(const Sample& sample) {
  std::vector<Point> points;
  for (const std::int64_t width : sample.widths) {
    const auto add = [&](const FormatRow& weight, const FormatRow& activation) {
      for (int seed = 0; seed < sample.seeds; ++seed) {
        points.push_back({width, weight, activation, seed});
      }
    };
    add(kBinary32, kBinary32);
    for (const auto& format : sample.formats) {
      add(format, kBinary32);
      add(kBinary32, format);
      add(format, format);
    }
  }
  return points;
}

void make(const std::string& folder, const Sample& sample) {
  std::filesystem::create_directories(folder + "/runs");
  std::vector<std::string> run_files;
  for (const Point& point : make_points(sample)) {
    const RunRecord record = make_record(point, sample);
    run_files.push_back(folder + "/runs/" + record.run_id + ".h5");
    write_run(run_files.back(), record);
  }
  const std::string path = folder + "/results.h5";
  merge_runs(path, run_files, "sample", "name = \"sample\"  # invented, naïve\n",
             {"model.width", "precision.weight", "precision.activation", "seed"});
  for (const auto& problem : check_results(path)) fmt::print("problem: {}\n", problem);
  fmt::print("{} runs, content hash {}\n", run_files.size(), content_hash(path));
}

}  // namespace
}  // namespace halfulp

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    fmt::print(stderr, "usage: make_sample_results FOLDER [small|large]\n");
    return 2;
  }
  const bool large = argc == 3 && std::string(argv[2]) == "large";
  try {
    halfulp::make(argv[1], large ? halfulp::large_sample() : halfulp::small_sample());
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
