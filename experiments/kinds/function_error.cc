#include "experiments/kinds/function_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "experiments/kinds/batch_estimates.h"
#include "experiments/kinds/function_reference.h"
#include "formats/accumulator_spec.h"
#include "formats/properties.h"
#include "formats/spec.h"
#include "formats/two_pass_softmax.h"
#include "sim/distribution.h"
#include "sim/format_functions.h"
#include "sim/quantizer.h"
#include "sim/random.h"
#include "sim/random_purpose.h"
#include "sim/rounder.h"

namespace halfulp {
namespace {

using enum FieldType;

constexpr std::size_t kBatches = 64;

constexpr std::array kFields = {
    Field{"function", choice, "softmax", "what is evaluated, row by row", 0, 0, kFunctions},
    Field{"operation", quantizer, "bfloat16",
          "format and rounding of every operation, a quantizer without scale"},
    Field{"sum", accumulator, "same", "of sums along a row; same: each addition as an operation",
          -1e308, 1e308, "same"},
    Field{"source", choice, "normal", "distribution of the numbers of a row", 0, 0,
          "uniform|normal|laplace|student_t5"},
    Field{"scale", real, "1", "their standard deviation", 1e-30, 1e30},
    Field{"offset", real, "0", "added to every number", -1e30, 1e30},
    Field{"rows", integer, "512", "rows evaluated", 64, 1e7},
    Field{"columns", integer, "256", "numbers of a row", 1, 65536},
    Field{"lanes", integer, "1", "two_pass_softmax: partial sums, a power of two", 1, 1024},
};

/// A quantizer's format and rounding, with infinity where the format has one.
Destination destination_of(const Config& config) {
  const QuantizerSpec spec = parse_quantizer(config.text("operation"));
  Destination to = {spec.format, spec.rounding};
  if (has_infinity(to.format) && to.rounding.overflow == Overflow::saturate) {
    to.rounding.overflow = Overflow::infinity;
  }
  return to;
}

FunctionArithmetic arithmetic_of(const Config& config) {
  FunctionArithmetic arithmetic = uniform_arithmetic(destination_of(config));
  if (config.text("sum") != "same") arithmetic.sum = parse_accumulator(config.text("sum"));
  return arithmetic;
}

struct Sizes {
  std::size_t rows, cols;
};

std::vector<float> draw(const Config& config, std::int64_t seed, const Sizes& s) {
  std::vector<float> x(s.rows * s.cols);
  const RandomStream stream = {static_cast<std::uint64_t>(seed),
                               static_cast<std::uint32_t>(RandomPurpose::samples), 0, 0};
  sample(parse_distribution(config.text("source")), stream, 0, x.data(), x.size());
  const double scale = config.real("scale"), offset = config.real("offset");
  for (float& v : x) v = static_cast<float>(static_cast<double>(v) * scale + offset);
  return x;
}

std::vector<float> two_pass(const Config& config, const std::vector<float>& x, const Sizes& s) {
  const FunctionArithmetic arithmetic = arithmetic_of(config);
  const auto& chain = std::get<RoundedSum>(arithmetic.sum.method);
  const TwoPassSoftmax form = {arithmetic.operation, chain.sum,
                               static_cast<int>(config.integer("lanes"))};
  std::vector<float> y;
  for (std::size_t r = 0; r < s.rows; ++r) {
    const auto first = x.begin() + static_cast<std::ptrdiff_t>(r * s.cols);
    const std::vector<double> row(first, first + static_cast<std::ptrdiff_t>(s.cols));
    for (const double v : two_pass_softmax(form, row)) y.push_back(static_cast<float>(v));
  }
  return y;
}

std::vector<float> evaluated(const Config& config, std::int64_t seed, const std::vector<float>& x,
                             const Sizes& s) {
  const std::string& function = config.text("function");
  if (function == "two_pass_softmax") return two_pass(config, x, s);
  const FormatFunctions functions(arithmetic_of(config));
  const RandomStream stream = {static_cast<std::uint64_t>(seed),
                               static_cast<std::uint32_t>(RandomPurpose::rounding), 0, 0};
  const std::vector<float> gain(s.cols, 1.0F), bias(s.cols, 0.0F);
  std::vector<float> y(x.size());
  if (function == "softmax") functions.softmax(x.data(), y.data(), s.rows, s.cols, 1.0F, stream);
  if (function == "rms_norm") {
    functions.rms_norm(x.data(), gain.data(), y.data(), s.rows, s.cols, 1e-5, stream);
  }
  if (function == "layer_norm") {
    functions.layer_norm(x.data(), gain.data(), bias.data(), y.data(), s.rows, s.cols, 1e-5,
                         stream);
  }
  if (function == "gelu") functions.gelu(x.data(), y.data(), y.size(), stream);
  if (function == "silu") functions.silu(x.data(), y.data(), y.size(), stream);
  return y;
}

std::vector<double> row_of(const std::vector<float>& x, std::size_t row, std::size_t cols) {
  const auto first = x.begin() + static_cast<std::ptrdiff_t>(row * cols);
  return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(cols));
}

/// Sums over the elements of each batch of rows.
struct Totals {
  std::vector<double> powers = std::vector<double>(kBatches);
  std::vector<double> errors = std::vector<double>(kBatches);
  std::vector<double> gains = std::vector<double>(kBatches);
  std::vector<double> input_errors = std::vector<double>(kBatches);
  double largest = 0.0, not_finite = 0.0, row_sums = 0.0;
};

/// `x` are the arguments, `rounded` what the first step makes of them, `y` the results.
Totals compare(const std::string& function, const std::vector<float>& x,
               const std::vector<float>& rounded, const std::vector<float>& y, const Sizes& s) {
  Totals totals;
  for (std::size_t r = 0; r < s.rows; ++r) {
    const std::vector<double> exact = function_reference(function, row_of(x, r, s.cols));
    const std::vector<double> input = function_reference(function, row_of(rounded, r, s.cols));
    const std::size_t batch = r % kBatches;
    double sum = 0.0;
    for (std::size_t i = 0; i < s.cols; ++i) {
      const auto value = static_cast<double>(y[r * s.cols + i]);
      if (!std::isfinite(value)) {
        totals.not_finite += 1.0;
        continue;
      }
      const double error = value - exact[i], input_error = input[i] - exact[i];
      totals.powers[batch] += exact[i] * exact[i];
      totals.errors[batch] += error * error;
      totals.gains[batch] += error * exact[i];
      totals.input_errors[batch] += input_error * input_error;
      totals.largest = std::max(totals.largest, std::fabs(error));
      sum += value;
    }
    totals.row_sums += sum;
  }
  return totals;
}

RunResult run(const Config& config, std::int64_t seed, const StopRules&, RunObserver& observer) {
  const Sizes s = {static_cast<std::size_t>(config.integer("rows")),
                   static_cast<std::size_t>(config.integer("columns"))};
  const std::string& function = config.text("function");
  const std::vector<float> x = draw(config, seed, s);
  const Destination to = destination_of(config);
  std::vector<float> rounded(x.size());
  Rounder(to.format, {Rounding::nearest_even, to.rounding.overflow})
      .round(x.data(), rounded.data(), x.size());
  const Totals totals = compare(function, x, rounded, evaluated(config, seed, x, s), s);
  observer.progress(1, 1, totals.largest);
  const bool is_softmax = function == "softmax" || function == "two_pass_softmax";
  const double kNan = std::numeric_limits<double>::quiet_NaN();
  RunResult result;
  std::vector<Metric>& metrics = result.metrics;
  add_estimate(metrics, "relative_error", square_root(ratio_estimate(totals.errors, totals.powers)),
               "1", "norm of the error over the norm of the exact results");
  add_estimate(metrics, "input_error",
               square_root(ratio_estimate(totals.input_errors, totals.powers)), "1",
               "the same of the exact function of arguments rounded to the format");
  add_estimate(metrics, "gain", ratio_estimate(totals.gains, totals.powers), "1",
               "<error, exact> / <exact, exact>");
  metrics.push_back({"largest_error", totals.largest, "1", "largest magnitude of an error"});
  metrics.push_back({"row_sum", is_softmax ? totals.row_sums / static_cast<double>(s.rows) : kNan,
                     "1", "softmax: mean sum of a row, 1 in exact arithmetic"});
  metrics.push_back({"not_finite_share", totals.not_finite / static_cast<double>(x.size()), "1",
                     "results that are infinite or NaN; the other metrics leave them out"});
  return result;
}

void check_two_pass(const Config& config, std::vector<ConfigIssue>& issues) {
  const auto lanes = static_cast<std::uint64_t>(config.integer("lanes"));
  if ((lanes & (lanes - 1)) != 0) issues.push_back({"lanes", "not a power of two"});
  const FunctionArithmetic arithmetic = arithmetic_of(config);
  const auto* chain = std::get_if<RoundedSum>(&arithmetic.sum.method);
  const bool is_plain = chain != nullptr && arithmetic.sum == uniform_arithmetic(chain->sum).sum;
  if (!is_plain) {
    issues.push_back({"sum", "two-pass sums are rounded after every addition, to one format"});
  }
}

std::vector<ConfigIssue> check(const Config& config) {
  std::vector<ConfigIssue> issues;
  const QuantizerSpec spec = parse_quantizer(config.text("operation"));
  if (spec.block || spec.scale != ScaleRule::unscaled) {
    issues.push_back(
        {"operation", fmt::format("'{}' has scales; add +unscaled", config.text("operation"))});
    return issues;
  }
  const char* key = "operation";
  try {
    static_cast<void>(FormatFunctions{uniform_arithmetic(destination_of(config))});
    key = "sum";
    static_cast<void>(FormatFunctions{arithmetic_of(config)});
  } catch (const SpecError& error) {
    issues.push_back({key, error.what()});
  }
  if (config.text("function") == "two_pass_softmax") check_two_pass(config, issues);
  return issues;
}

std::string numerics(const Config& config) {
  const FunctionArithmetic arithmetic = arithmetic_of(config);
  const RoundSpec& rounding = arithmetic.operation.rounding;
  return fmt::format("{}; operation={}+{}+{}; sum={}; reference=binary64; random=philox4x32-10",
                     config.text("function"), to_spec(arithmetic.operation.format),
                     rounding_to_string(rounding), to_string(rounding.overflow),
                     to_spec(arithmetic.sum));
}

void prepare(std::span<const Config>) {}

double estimate_seconds(const Config& config) {
  const double elements =
      static_cast<double>(config.integer("rows")) * static_cast<double>(config.integer("columns"));
  return elements * (config.text("function") == "two_pass_softmax" ? 4e-6 : 3e-7);
}

}  // namespace

ExperimentKind function_error_kind() {
  return {.name = "function_error",
          .summary =
              "softmax, norms and activation functions with every operation rounded to a "
              "format, against binary64",
          .fields = kFields,
          .check = check,
          .estimate_seconds = estimate_seconds,
          .numerics = numerics,
          .prepare = prepare,
          .run = run,
          .progress_name = "largest error"};
}

}  // namespace halfulp
