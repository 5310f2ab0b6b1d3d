#include "experiments/kinds/quantization_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "experiments/kinds/expected_sqnr.h"
#include "experiments/kinds/language_model_spec.h"
#include "experiments/kinds/model_spec.h"
#include "experiments/kinds/quantization_error_fields.h"
#include "experiments/kinds/static_quantizer.h"
#include "experiments/kinds/trained_tensors.h"
#include "sim/elementary.h"
#include "sim/hadamard.h"
#include "sim/metrics.h"
#include "sim/random_purpose.h"

namespace halfulp {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kBatches = 64;

bool is_tensor(const std::string& source) {
  return source == "weight" || source == "activation" || source == "gradient";
}

bool is_unscaled(const QuantizerSpec& spec) {
  return !spec.block && spec.scale == ScaleRule::unscaled;
}

/// Whether scales depend on the binade that the signal lies in.
bool has_power_of_two_scales(const QuantizerSpec& spec) {
  return spec.block.has_value() || spec.scale == ScaleRule::scale_power_of_two;
}

/// Blocks along rows whose saturation count_saturated_in_blocks() can tell.
bool can_count_blocks(const QuantizerSpec& spec, std::size_t cols) {
  return spec.block && spec.block->length > 0 && spec.block->lines == 1 &&
         spec.block->axis != BlockAxis::columns &&
         cols % static_cast<std::size_t>(spec.block->length) == 0 && scale_of_amax(spec);
}

/// The numbers that a run quantizes, at standard deviation 1 for a distribution.
struct Signal {
  std::optional<Distribution> distribution;
  std::vector<float> values;
  std::size_t rows = 0, cols = 0;
};

Signal make_signal(const Config& config, std::int64_t seed) {
  const std::string& source = config.text("source");
  if (is_tensor(source)) {
    const Tensor& tensor = trained_tensor(config, source);
    return {std::nullopt, tensor.values, tensor.rows, tensor.cols};
  }
  Signal signal;
  signal.distribution = parse_distribution(source);
  signal.cols = static_cast<std::size_t>(config.integer("columns"));
  signal.rows = static_cast<std::size_t>(config.integer("samples")) / signal.cols;
  signal.values.resize(signal.rows * signal.cols);
  const RandomStream stream = {static_cast<std::uint64_t>(seed),
                               static_cast<std::uint32_t>(RandomPurpose::samples), 0, 0};
  sample(*signal.distribution, stream, 0, signal.values.data(), signal.values.size());
  return signal;
}

/// The given scale of a run, in units of the signal's rms; none where the quantizer chooses.
struct Scale {
  std::optional<double> value;
  double clip = kNan;  ///< largest magnitude of the scaled format
};

/// What all phases of a run add up to.
struct Totals {
  ErrorSums sums;
  std::uint64_t saturated = 0;
  std::vector<double> errors, powers;  ///< by batch; powers are counts where sigma is known
  std::vector<double> relative_by_phase;
  double expected = 0.0;  ///< mean over phases
};

class Study {
 public:
  Study(const Config& config, std::int64_t seed)
      : spec_(parse_quantizer(config.text("quantizer"))),
        policy_(config.text("scale.policy")),
        signal_(make_signal(config, seed)),
        quantizer_(spec_),
        seed_(static_cast<std::uint64_t>(seed)),
        sigma_(config.real("sigma")),
        phases_(is_tensor(config.text("source")) ? 1 : config.integer("phases")) {
    if (policy_ != "quantizer" || is_unscaled(spec_)) fixed_.emplace(spec_);
    rotate(static_cast<std::size_t>(config.integer("rotation")));
    choose_scale(config);
  }

  const Signal& signal() const { return signal_; }

  const Scale& scale() const { return scale_; }

  Totals measure(RunObserver& observer) {
    Totals totals;
    totals.errors.assign(kBatches, 0.0);
    totals.powers.assign(kBatches, 0.0);
    for (std::int64_t j = 0; j < phases_; ++j) {
      measure_phase(j, totals);
      observer.progress(j + 1, phases_, to_db(totals.relative_by_phase.back()));
    }
    totals.expected /= static_cast<double>(phases_);
    return totals;
  }

 private:
  RandomStream rounding_stream(std::int64_t phase) const {
    return {seed_, static_cast<std::uint32_t>(RandomPurpose::rounding), 0,
            static_cast<std::uint32_t>(phase)};
  }

  void rotate(std::size_t size) {
    is_rotated_ = size > 1;
    if (!is_rotated_) return;
    const std::vector<float> signs(size, 1.0F);
    const Matrix all = {signal_.values.data(), signal_.rows, signal_.cols, signal_.cols};
    hadamard_rows(all, all, signs);
  }

  void choose_scale(const Config& config) {
    if (policy_ == "quantizer") return;
    const std::size_t n = signal_.values.size();
    if (policy_ == "fixed") {
      scale_ = {config.real("scale.clip") / fixed_->largest(), config.real("scale.clip")};
      return;
    }
    if (signal_.distribution) {
      scale_.value = fixed_->optimal(*signal_.distribution).scale;
    } else {
      const float* x = signal_.values.data();
      scale_.value = fixed_->optimal(x, n, rounding_stream(0)).scale / shape(x, n).rms;
    }
    scale_.clip = *scale_.value * fixed_->largest();
  }

  double sigma(std::int64_t phase) const {
    constexpr double kLn2 = 0.69314718055994530942;
    const double share = static_cast<double>(phase) / static_cast<double>(phases_);
    return sigma_ * pinned_exp(kLn2 * share);
  }

  void measure_phase(std::int64_t phase, Totals& totals) {
    const std::size_t n = signal_.values.size();
    const bool known = signal_.distribution.has_value();
    const double rms = known ? sigma(phase) : shape(signal_.values.data(), n).rms;
    std::vector<float> x = signal_.values, q(n);
    if (known) {
      for (float& v : x) v = static_cast<float>(static_cast<double>(v) * rms);
    }
    const double scale = scale_.value ? *scale_.value * rms : 1.0;
    if (fixed_) {
      fixed_->quantize(x.data(), q.data(), n, scale, rounding_stream(phase));
      totals.saturated += fixed_->count_saturated(x.data(), n, scale);
    } else {
      const std::size_t rows = signal_.rows, cols = signal_.cols;
      quantizer_.quantize({x.data(), rows, cols, cols}, {q.data(), rows, cols, cols},
                          rounding_stream(phase));
      if (can_count_blocks(spec_, cols)) {
        totals.saturated += count_saturated_in_blocks(spec_, x.data(), n);
      }
    }
    add_batches(x, q, rms, totals);
    totals.expected += expected_error(phase, scale / rms);
  }

  /// Scaled units repeat with the phase unless scales are powers of two.
  double expected_error(std::int64_t phase, double scale) {
    const bool keeps_distribution =
        !is_rotated_ || signal_.distribution == Distribution{Distribution::Kind::normal};
    if (!signal_.distribution || !keeps_distribution) return kNan;
    if (fixed_) return fixed_->expected_error(*signal_.distribution, scale);
    if (phase == 0 || has_power_of_two_scales(spec_)) {
      expected_ = expected_unit_error(spec_, *signal_.distribution, sigma(phase), signal_.rows,
                                      signal_.cols);
    }
    return expected_;
  }

  /// Rows are dealt to the batches in runs, so that no block is in two of them.
  void add_batches(const std::vector<float>& x, const std::vector<float>& q, double rms,
                   Totals& totals) const {
    const double unit = rms * rms;
    double errors = 0.0, powers = 0.0;
    for (std::size_t b = 0; b < kBatches; ++b) {
      const std::size_t from = signal_.rows * b / kBatches * signal_.cols;
      const std::size_t to = signal_.rows * (b + 1) / kBatches * signal_.cols;
      const ErrorSums sums = error_sums(x.data() + from, q.data() + from, to - from);
      totals.sums += sums;
      const double power =
          signal_.distribution ? static_cast<double>(sums.count) : sums.signal / unit;
      totals.errors[b] += sums.error / unit;
      totals.powers[b] += power;
      errors += sums.error / unit;
      powers += power;
    }
    totals.relative_by_phase.push_back(errors / powers);
  }

  QuantizerSpec spec_;
  std::string policy_;
  Signal signal_;
  Quantizer quantizer_;
  std::optional<StaticQuantizer> fixed_;  ///< when one scale, or none, is given
  std::uint64_t seed_;
  double sigma_;
  std::int64_t phases_;
  Scale scale_;
  bool is_rotated_ = false;
  double expected_ = kNan;  ///< of the last phase
};

/// Code bits and the share of a scale, binary32 or the 8 bits of a power of two.
double stored_bits(const QuantizerSpec& spec, const Signal& signal, bool given_scale) {
  const double code = bits_per_element(spec);
  if (given_scale || spec.block || spec.scale == ScaleRule::unscaled) return code;
  const double scale = spec.scale == ScaleRule::scale_binary32 ? 32.0 : 8.0;
  const double rows = static_cast<double>(signal.rows), cols = static_cast<double>(signal.cols);
  switch (spec.granularity) {
    case Granularity::tensor:
      return code + scale / (rows * cols);
    case Granularity::row:
      return code + scale / cols;
    case Granularity::column:
      return code + scale / rows;
    case Granularity::group:
    case Granularity::tile:
      break;
  }
  return code + scale / (static_cast<double>(spec.group_size) * spec.tile_lines);
}

/// Scales of groups reach the largest magnitude, so that nothing saturates.
double saturated_share(const QuantizerSpec& spec, const Study& study, const Totals& totals) {
  const bool counted =
      study.scale().value || is_unscaled(spec) || can_count_blocks(spec, study.signal().cols);
  if (!counted) return spec.block ? kNan : 0.0;
  return static_cast<double>(totals.saturated) / static_cast<double>(totals.sums.count);
}

std::vector<Metric> metrics_of(const Config& config, const Study& study, const Totals& totals) {
  const QuantizerSpec spec = parse_quantizer(config.text("quantizer"));
  const Signal& signal = study.signal();
  const bool sampled = signal.distribution.has_value();
  const RatioEstimate ratio = ratio_estimate(totals.errors, totals.powers);
  const auto [least, most] =
      std::minmax_element(totals.relative_by_phase.begin(), totals.relative_by_phase.end());
  const Shape form = shape(signal.values.data(), signal.values.size());
  const double bits = stored_bits(spec, signal, study.scale().value.has_value());
  return {
      {"sqnr_db", to_db(ratio.value), "dB", "signal to quantization noise, mean over phases"},
      {"sqnr_standard_error_db", sampled ? standard_error_db(ratio) : kNan, "dB",
       "standard error of sqnr_db from 64 batches of samples"},
      {"expected_sqnr_db", to_db(totals.expected), "dB",
       "the same in closed form; NaN where there is none"},
      {"worst_sqnr_db", to_db(*most), "dB", "least over phases"},
      {"best_sqnr_db", to_db(*least), "dB", "greatest over phases"},
      {"relative_mse", ratio.value, "1", "mean squared error over the variance"},
      {"expected_relative_mse", totals.expected, "1", "the same in closed form"},
      {"mse", totals.sums.mse(), "1", "mean squared error in the signal's units, over all phases"},
      {"alignment", totals.sums.alignment(), "1", "<Q(x), x> / <x, x>"},
      {"saturated_share", saturated_share(spec, study, totals), "1",
       "elements beyond the largest number of their unit; NaN for two-level scales"},
      {"flushed_share", totals.sums.flushed_share(), "1", "nonzero elements that became zero"},
      {"clip", study.scale().clip, "1",
       "largest magnitude of the scaled format in units of the rms; NaN where units have scales"},
      {"code_bits", static_cast<double>(width(spec.format)), "bit", "bits of an element's code"},
      {"bits_per_element", bits, "bit", "stored bits, scales included"},
      {"kurtosis", form.kurtosis, "1", "mean x^4 over squared mean x^2 of the signal"},
      {"amax_over_rms", form.amax / form.rms, "1", "largest magnitude of the signal over its rms"},
      {"elements", static_cast<double>(signal.values.size()), "1", "numbers of one phase"},
  };
}

RunResult run(const Config& config, std::int64_t seed, const StopRules&, RunObserver& observer) {
  Study study(config, seed);
  const Totals totals = study.measure(observer);
  RunResult result;
  result.metrics = metrics_of(config, study, totals);
  return result;
}

std::vector<ConfigIssue> check(const Config& config) {
  const std::string& source = config.text("source");
  const QuantizerSpec spec = parse_quantizer(config.text("quantizer"));
  std::vector<ConfigIssue> issues;
  const bool given_scale = config.text("scale.policy") != "quantizer";
  if (given_scale && (spec.block || spec.granularity != Granularity::tensor)) {
    issues.push_back({"scale.policy", fmt::format("one given scale needs a quantizer without "
                                                  "granularity, not '{}'",
                                                  config.text("quantizer"))});
  }
  if (config.text("scale.policy") == "optimal" && width(spec.format) > 16) {
    issues.push_back({"scale.policy", fmt::format("the best scale is searched for formats of up "
                                                  "to 16 bits, not {}",
                                                  width(spec.format))});
  }
  const std::int64_t rotation = config.integer("rotation");
  if (rotation != 0 && !std::has_single_bit(static_cast<std::uint64_t>(rotation))) {
    issues.push_back({"rotation", fmt::format("{} is not a power of two", rotation)});
  }
  if (!is_tensor(source)) {
    if (rotation > 0 && config.integer("columns") % rotation != 0) {
      issues.push_back({"rotation", fmt::format("{} does not divide columns = {}", rotation,
                                                config.integer("columns"))});
    }
    if (config.integer("samples") % config.integer("columns") != 0) {
      issues.push_back(
          {"columns", fmt::format("{} columns do not divide samples = {}",
                                  config.integer("columns"), config.integer("samples"))});
    }
    return issues;
  }
  for (ConfigIssue& issue : check_model_and_data(config)) issues.push_back(std::move(issue));
  const std::vector<std::string> layers = nn::linear_layer_names(binary32_train_spec(config).model);
  if (std::find(layers.begin(), layers.end(), config.text("tensor.layer")) == layers.end()) {
    issues.push_back(
        {"tensor.layer", fmt::format("no layer '{}'; the layers are {}",
                                     config.text("tensor.layer"), fmt::join(layers, ", "))});
  }
  return issues;
}

std::string numerics(const Config& config) {
  const std::string& policy = config.text("scale.policy");
  std::string scale = policy;
  if (policy == "fixed") scale = fmt::format("clip {} rms", config.real("scale.clip"));
  if (policy == "optimal") scale = "one, least mean squared error";
  return fmt::format("{}; scale={}; rotation={}; sums=binary64; random=philox4x32-10",
                     to_spec(parse_quantizer(config.text("quantizer"))), scale,
                     config.integer("rotation"));
}

void prepare(std::span<const Config> configs) {
  for (const Config& config : configs) {
    if (is_tensor(config.text("source"))) trained_tensor(config, config.text("source"));
  }
}

double estimate_seconds(const Config& config) {
  constexpr double kPerSample = 60e-9, kPerElement = 12e-9, kTensorElements = 3e5;
  if (is_tensor(config.text("source"))) return kTensorElements * kPerElement;
  const auto samples = static_cast<double>(config.integer("samples"));
  return samples * (kPerSample + kPerElement * static_cast<double>(config.integer("phases")));
}

}  // namespace

ExperimentKind quantization_error_kind() {
  return {.name = "quantization_error",
          .summary =
              "quantizes samples of a distribution or tensors of a trained model; reports "
              "SQNR, measured and in closed form",
          .fields = quantization_error_fields(),
          .check = check,
          .estimate_seconds = estimate_seconds,
          .numerics = numerics,
          .prepare = prepare,
          .run = run,
          .progress_name = "SQNR"};
}

}  // namespace halfulp
