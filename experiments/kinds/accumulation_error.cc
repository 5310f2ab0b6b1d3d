#include "experiments/kinds/accumulation_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "experiments/kinds/batch_estimates.h"
#include "experiments/kinds/dot_products.h"
#include "experiments/kinds/expected_accumulation.h"
#include "formats/accumulator_spec.h"

namespace halfulp {
namespace {

using enum FieldType;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kLeastBatches = 4;

constexpr std::array kFields = {
    Field{"accumulator", accumulator, "binary32", "what is measured"},
    Field{"label", text, "", "what figures call the accumulator; default: its spec, shortened",
          -1e308, 1e308, "", false},
    Field{"length", integer, "1024", "terms of each dot product", 1, 1 << 24},
    Field{"source", choice, "uniform",
          "both operands: uniform on (0, 1), magnitude of a normal, variance 1 around 0, or all "
          "equal to 1",
          0, 0, kOperandSources},
    Field{"scale.a", real, "1", "factor of the left operands, before they are quantized", -1e30,
          1e30},
    Field{"scale.b", real, "1", "factor of the right operands", -1e30, 1e30},
    Field{"operands", quantizer, "binary32", "of both operands; products are of what it returns"},
    Field{"start", real, "0", "what sums start from", -1e30, 1e30},
    Field{"samples", integer, "4096", "dot products", 1, 1e9},
    Field{"rows", integer, "16", "left operands of a batch", 1, 4096},
    Field{"columns", integer, "16",
          "right operands of a batch: all rows x columns dot products of a batch are taken", 1,
          4096},
    Field{"trace", boolean, "false",
          "follow running sums: where they stop changing (takes about twice the time)"},
};

/// Sums over the dot products of each batch. Results that are not finite are counted and left out.
struct Totals {
  std::vector<double> count, squared_error, squared_exact, error, product, largest, squares,
      magnitudes, results;
  double squared_results = 0.0;
  double not_finite = 0.0;
  double expected = 0.0;         ///< sum of the expected squared errors; NaN without a law
  double expected_signal = 0.0;  ///< of the squared sums that they belong to
  std::vector<double> additions, idle, last_change;
};

DotProducts dot_products(const Config& config, std::int64_t seed) {
  const QuantizerSpec quantizer = parse_quantizer(config.text("operands"));
  const BatchShape shape = {static_cast<std::size_t>(config.integer("rows")),
                            static_cast<std::size_t>(config.integer("columns")),
                            static_cast<std::size_t>(config.integer("length"))};
  const std::string& source = config.text("source");
  return {OperandSource(source, config.real("scale.a"), quantizer),
          OperandSource(source, config.real("scale.b"), quantizer),
          parse_accumulator(config.text("accumulator")),
          shape,
          static_cast<float>(config.real("start")),
          static_cast<std::uint64_t>(seed)};
}

/// Means over the dot products of one batch of the sums of (a b)^2 and |a b|.
std::pair<double, double> sizes_of_terms(const Batch& batch, const BatchShape& shape) {
  double squares = 0.0, magnitudes = 0.0;
  for (std::size_t k = 0; k < shape.length; ++k) {
    double left_squares = 0.0, left = 0.0, right_squares = 0.0, right = 0.0;
    for (std::size_t m = 0; m < shape.rows; ++m) {
      const double x = static_cast<double>(batch.left[m * shape.length + k]);
      left_squares += x * x;
      left += std::fabs(x);
    }
    for (std::size_t n = 0; n < shape.columns; ++n) {
      const double y = static_cast<double>(batch.right[n * shape.length + k]);
      right_squares += y * y;
      right += std::fabs(y);
    }
    squares += left_squares * right_squares;
    magnitudes += left * right;
  }
  const auto count = static_cast<double>(shape.count());
  return {squares / count, magnitudes / count};
}

void add_batch(const Batch& batch, const BatchShape& shape, Totals& totals) {
  double count = 0.0, squared_error = 0.0, squared_exact = 0.0, error = 0.0, product = 0.0;
  double largest = 0.0, results = 0.0;
  for (std::size_t i = 0; i < shape.count(); ++i) {
    const auto result = static_cast<double>(batch.results[i]);
    if (!std::isfinite(result)) {
      totals.not_finite += 1.0;
      continue;
    }
    const double exact = batch.exact[i].high, lost = difference(result, batch.exact[i]);
    count += 1.0;
    squared_error += lost * lost;
    squared_exact += exact * exact;
    error += lost;
    product += lost * exact;
    largest = std::max(largest, std::fabs(lost));
    results += result;
    totals.squared_results += result * result;
  }
  const auto [squares, magnitudes] = sizes_of_terms(batch, shape);
  totals.count.push_back(count);
  totals.squared_error.push_back(squared_error);
  totals.squared_exact.push_back(squared_exact);
  totals.error.push_back(error);
  totals.product.push_back(product);
  totals.largest.push_back(largest);
  totals.results.push_back(results);
  totals.squares.push_back(squares * count);
  totals.magnitudes.push_back(magnitudes * count);
}

void trace_batch(const DotProducts& dots, const Batch& batch, std::uint32_t index, std::size_t step,
                 Totals& totals) {
  const BatchShape& shape = dots.shape();
  std::vector<double> last(shape.count(), 0.0);
  double additions = 0.0, idle = 0.0;
  dots.trace(batch, index, step,
             [&](std::size_t k, const std::vector<float>& before, const std::vector<float>& after) {
               for (std::size_t i = 0; i < after.size(); ++i) {
                 const bool changed = after[i] != before[i];
                 additions += 1.0;
                 if (changed) last[i] = static_cast<double>(k);
                 if (!changed) idle += 1.0;
               }
             });
  double sum = 0.0;
  for (const double k : last) sum += k;
  totals.additions.push_back(additions);
  totals.idle.push_back(idle);
  totals.last_change.push_back(sum);
}

Totals measure(const Config& config, std::int64_t seed, RunObserver& observer) {
  const DotProducts dots = dot_products(config, seed);
  const AccumulatorSpec accumulator = parse_accumulator(config.text("accumulator"));
  const std::int64_t batches =
      config.integer("samples") / static_cast<std::int64_t>(dots.shape().count());
  const std::size_t step = config.boolean("trace") ? resumable_step(accumulator) : 0;
  Totals totals;
  for (std::int64_t b = 0; b < batches; ++b) {
    const auto index = static_cast<std::uint32_t>(b);
    Batch batch = dots.draw(index);
    dots.accumulate(batch, index);
    add_batch(batch, dots.shape(), totals);
    if (step > 0) trace_batch(dots, batch, index, step, totals);
    const double exact = totals.squared_exact.back();
    totals.expected += expected_squared_error(accumulator, batch, dots.shape());
    totals.expected_signal += exact;
    observer.progress(b + 1, batches, std::sqrt(totals.squared_error.back() / exact));
  }
  return totals;
}

/// Of each number of a list divided by one number.
RatioEstimate scaled(RatioEstimate estimate, double factor) {
  return {estimate.value * factor, estimate.standard_error * factor};
}

/// Mean error over the rms of the exact sums. The error of the denominator is not counted: it is
/// small beside that of the mean where sums have a sign, and the mean is near zero where they have
/// not.
RatioEstimate over_rms(const std::vector<double>& sums, const Totals& totals, double rms) {
  return scaled(ratio_estimate(sums, totals.count), 1.0 / rms);
}

void add_stagnation(const Totals& totals, std::vector<Metric>& metrics) {
  const bool traced = !totals.additions.empty();
  const RatioEstimate none = {kNan, kNan};
  add_estimate(metrics, "idle_share", traced ? ratio_estimate(totals.idle, totals.additions) : none,
               "1", "additions that leave the running sum as it is; of aligned sums, steps");
  add_estimate(metrics, "stagnation_length",
               traced ? ratio_estimate(totals.last_change, totals.count) : none, "1",
               "terms after which the running sum does not change any more, mean");
}

std::vector<Metric> metrics_of(const Totals& totals) {
  const RatioEstimate square = ratio_estimate(totals.squared_error, totals.squared_exact);
  const double count = [&] {
    double sum = 0.0;
    for (const double n : totals.count) sum += n;
    return sum;
  }();
  const RatioEstimate mean_square = ratio_estimate(totals.squared_exact, totals.count);
  const double rms = std::sqrt(mean_square.value);
  const RatioEstimate mean = ratio_estimate(totals.results, totals.count);
  const std::vector<double> ones(totals.largest.size(), 1.0);
  std::vector<Metric> metrics;
  add_estimate(metrics, "relative_rms_error", square_root(square), "1",
               "root mean square error over that of the exact sums");
  metrics.push_back({"expected_relative_rms_error",
                     std::sqrt(totals.expected / totals.expected_signal), "1",
                     "the same from the law of stochastic rounding; NaN where there is none"});
  add_estimate(metrics, "bias", over_rms(totals.error, totals, rms), "1",
               "mean error over the root mean square of the exact sums");
  add_estimate(metrics, "gain", ratio_estimate(totals.product, totals.squared_exact), "1",
               "<error, exact> / <exact, exact>: negative where sums shrink");
  metrics.push_back({"largest_relative_error",
                     *std::max_element(totals.largest.begin(), totals.largest.end()) / rms, "1",
                     "largest magnitude of an error over the rms of the exact sums"});
  add_estimate(metrics, "batch_largest_relative_error",
               scaled(ratio_estimate(totals.largest, ones), 1.0 / rms), "1",
               "the same in one batch of rows x columns sums, mean over batches");
  add_estimate(metrics, "error_over_root_sum_squares",
               square_root(ratio_estimate(totals.squared_error, totals.squares)), "1",
               "rms error over the rms of sqrt(sum of squared products)");
  add_estimate(metrics, "error_over_sum_magnitudes",
               scaled(square_root(ratio_estimate(totals.squared_error, totals.count)),
                      1.0 / ratio_estimate(totals.magnitudes, totals.count).value),
               "1", "rms error over the mean sum of the products' magnitudes");
  add_estimate(metrics, "mean_result", mean, "1", "mean of the results");
  metrics.push_back(
      {"result_standard_deviation",
       std::sqrt(std::max(0.0, totals.squared_results / count - mean.value * mean.value)), "1",
       "of the results around their mean"});
  metrics.push_back({"exact_rms", rms, "1", "root mean square of the exact sums"});
  metrics.push_back({"not_finite_share", totals.not_finite / (totals.not_finite + count), "1",
                     "results that are infinite or NaN; the other metrics leave them out"});
  add_stagnation(totals, metrics);
  return metrics;
}

RunResult run(const Config& config, std::int64_t seed, const StopRules&, RunObserver& observer) {
  RunResult result;
  result.metrics = metrics_of(measure(config, seed, observer));
  return result;
}

std::vector<ConfigIssue> check(const Config& config) {
  std::vector<ConfigIssue> issues;
  const std::int64_t batch = config.integer("rows") * config.integer("columns");
  const std::int64_t samples = config.integer("samples");
  if (samples % batch != 0 || samples / batch < kLeastBatches) {
    issues.push_back({"samples", fmt::format("{} are not at least {} batches of rows x columns = "
                                             "{}, which standard errors need",
                                             samples, kLeastBatches, batch)});
  }
  check_accumulator_runs(config, issues);
  check_no_scales(config, "operands", issues);
  const AccumulatorSpec accumulator = parse_accumulator(config.text("accumulator"));
  if (config.boolean("trace") && resumable_step(accumulator) == 0) {
    issues.push_back({"trace",
                      "only running sums can be followed: in sequence or aligned, without "
                      "promotion and a format of the result of its own"});
  }
  return issues;
}

std::string numerics(const Config& config) {
  return fmt::format(
      "accumulator={}; operands={}; start={}; reference=exact; sums=binary64; "
      "random=philox4x32-10",
      config.text("accumulator"), config.text("operands"), config.real("start"));
}

void prepare(std::span<const Config>) {}

double estimate_seconds(const Config& config) {
  constexpr double kPerTerm = 8e-9, kPerOperand = 60e-9;
  const double shared = 1.0 / static_cast<double>(config.integer("rows")) +
                        1.0 / static_cast<double>(config.integer("columns"));
  const auto terms = static_cast<double>(config.integer("samples") * config.integer("length"));
  return terms * (kPerTerm * (config.boolean("trace") ? 2.0 : 1.0) + kPerOperand * shared);
}

}  // namespace

ExperimentKind accumulation_error_kind() {
  return {.name = "accumulation_error",
          .summary =
              "dot products under an accumulator against exact sums: error by length, "
              "format, order, rounding, promotion",
          .fields = kFields,
          .check = check,
          .estimate_seconds = estimate_seconds,
          .numerics = numerics,
          .prepare = prepare,
          .run = run,
          .progress_name = "relative error"};
}

}  // namespace halfulp
