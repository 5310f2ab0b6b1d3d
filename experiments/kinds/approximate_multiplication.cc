#include "experiments/kinds/approximate_multiplication.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "experiments/kinds/batch_estimates.h"
#include "experiments/kinds/language_model_spec.h"
#include "experiments/kinds/model_spec.h"
#include "experiments/kinds/product_operands.h"
#include "experiments/kinds/trained_tensors.h"
#include "formats/spec.h"
#include "sim/approximate_gemm.h"
#include "sim/quantizer.h"
#include "sim/rounder.h"

namespace halfulp {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kBatches = 64;
/// Dot products are those of the first rows.
constexpr std::size_t kDotRows = 256, kDotColumns = 32;

ApproximateProduct product_of(const Config& config) {
  for (const ProductRule rule : {ProductRule::exact, ProductRule::mitchell}) {
    if (to_spec(ApproximateProduct{rule, 0}) == config.text("rule")) return {rule, 0};
  }
  const bool is_integer = config.text("rule") == "l_mul_integer";
  return {is_integer ? ProductRule::l_mul_integer : ProductRule::l_mul,
          operand_trailing_bits(config)};
}

/// Relative errors of products against some truth, by batch.
struct RelativeErrors {
  std::vector<double> counts = std::vector<double>(kBatches);
  std::vector<double> squares = std::vector<double>(kBatches);
  std::vector<double> sums = std::vector<double>(kBatches);
  double most = 0.0;

  void add(std::size_t batch, double product, double exact) {
    if (exact == 0.0) return;
    const double error = (product - exact) / exact;
    counts[batch] += 1.0;
    squares[batch] += error * error;
    sums[batch] += error;
    most = std::max(most, std::fabs(error));
  }
};

/// Dot products against some truth, by batch of left rows.
struct DotErrors {
  std::vector<double> errors = std::vector<double>(kBatches);
  std::vector<double> powers = std::vector<double>(kBatches);
  std::vector<double> gains = std::vector<double>(kBatches);

  void add(std::size_t batch, double dot, double exact) {
    const double error = dot - exact;
    errors[batch] += error * error;
    powers[batch] += exact * exact;
    gains[batch] += error * exact;
  }
};

class Study {
 public:
  Study(const Config& config, std::int64_t seed)
      : product_(product_of(config)), operands_(product_operands(config, seed)) {
    if (config.boolean("round_product")) {
      const QuantizerSpec spec = parse_quantizer(config.text("quantizer"));
      rounder_.emplace(spec.format, spec.rounding);
    }
  }

  void measure_products(RunObserver& observer) {
    const auto& [rows, right_rows, cols, left, right, first, second] = operands_;
    std::vector<float> products(cols);
    for (std::size_t r = 0; r < rows; ++r) {
      const float* x = left.data() + r * cols;
      const float* y = operands_.right_row(r, right);
      approximate_multiply(product_, x, y, products.data(), cols);
      if (rounder_) rounder_->round(products.data(), products.data(), cols);
      const float* a = first.data() + r * cols;
      const float* b = operands_.right_row(r, second);
      for (std::size_t i = 0; i < cols; ++i) {
        const auto value = static_cast<double>(products[i]);
        // Short rows fill batches too.
        const std::size_t batch = (r * cols + i) / 16 % kBatches;
        own_.add(batch, value, static_cast<double>(x[i]) * static_cast<double>(y[i]));
        total_.add(batch, value, static_cast<double>(a[i]) * static_cast<double>(b[i]));
      }
    }
    observer.progress(1, 2, own_.most);
  }

  void measure_dots(RunObserver& observer) {
    const std::size_t cols = operands_.cols;
    const std::size_t rows = std::min(operands_.left_rows, kDotRows);
    const std::size_t columns = std::min(operands_.right_rows, kDotColumns);
    std::vector<float> dots(rows * columns);
    approximate_gemm_nt(product_, {operands_.left.data(), rows, cols, cols},
                        {operands_.right.data(), columns, cols, cols},
                        {dots.data(), rows, columns, columns});
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        const auto value = static_cast<double>(dots[r * columns + c]);
        const std::size_t batch = r % kBatches;
        own_dots_.add(batch, value, dot(operands_.left, operands_.right, r, c));
        total_dots_.add(batch, value, dot(operands_.original_left, operands_.original_right, r, c));
      }
    }
    observer.progress(2, 2, own_.most);
  }

  std::vector<Metric> metrics(bool is_sampled, bool has_dots) const {
    std::vector<Metric> metrics;
    add_products(metrics, "", "of a product of the operands as they are", own_, is_sampled);
    add_products(metrics, "total_", "the same against the operands before they were quantized",
                 total_, is_sampled);
    add_dots(metrics, "", "of a dot product, binary32 sums, exactly quantized operands", own_dots_,
             has_dots);
    add_dots(metrics, "total_", "the same against the operands before they were quantized",
             total_dots_, has_dots);
    return metrics;
  }

 private:
  double dot(const std::vector<float>& left, const std::vector<float>& right, std::size_t r,
             std::size_t c) const {
    double sum = 0.0;
    for (std::size_t k = 0; k < operands_.cols; ++k) {
      sum += static_cast<double>(left[r * operands_.cols + k]) *
             static_cast<double>(right[c * operands_.cols + k]);
    }
    return sum;
  }

  static RatioEstimate exact_if(bool is_exact, RatioEstimate estimate) {
    if (is_exact) estimate.standard_error = 0.0;
    return estimate;
  }

  static void add_products(std::vector<Metric>& metrics, const std::string& prefix,
                           const std::string& what, const RelativeErrors& errors, bool is_sampled) {
    add_estimate(metrics, prefix + "rms_relative_error",
                 exact_if(!is_sampled, square_root(ratio_estimate(errors.squares, errors.counts))),
                 "1", "root mean square relative error " + what);
    add_estimate(metrics, prefix + "mean_relative_error",
                 exact_if(!is_sampled, ratio_estimate(errors.sums, errors.counts)), "1",
                 "mean relative error " + what);
    metrics.push_back(
        {prefix + "max_relative_error", errors.most, "1", "largest relative error " + what});
  }

  static void add_dots(std::vector<Metric>& metrics, const std::string& prefix,
                       const std::string& what, const DotErrors& dots, bool has_dots) {
    const RatioEstimate none = {kNan, kNan};
    add_estimate(metrics, prefix + "dot_error",
                 has_dots ? square_root(ratio_estimate(dots.errors, dots.powers)) : none, "1",
                 "rms error over rms " + what);
    add_estimate(metrics, prefix + "dot_gain",
                 has_dots ? ratio_estimate(dots.gains, dots.powers) : none, "1",
                 "<error, exact> / <exact, exact> " + what);
  }

  ApproximateProduct product_;
  ProductOperands operands_;
  std::optional<Rounder> rounder_;
  RelativeErrors own_, total_;
  DotErrors own_dots_, total_dots_;
};

RunResult run(const Config& config, std::int64_t seed, const StopRules&, RunObserver& observer) {
  Study study(config, seed);
  const std::string& source = config.text("source");
  const bool has_dots = source != "significands" && !config.boolean("round_product");
  study.measure_products(observer);
  if (has_dots) study.measure_dots(observer);
  RunResult result;
  result.metrics = study.metrics(source != "significands", has_dots);
  return result;
}

std::vector<ConfigIssue> check(const Config& config) {
  std::vector<ConfigIssue> issues;
  const QuantizerSpec spec = parse_quantizer(config.text("quantizer"));
  const auto* format = std::get_if<FloatFormat>(&spec.format);
  const std::string& source = config.text("source");
  if (format == nullptr || format->trailing_bits < 1 || format->trailing_bits > 23) {
    issues.push_back({"quantizer", fmt::format("'{}' is not a float with 1 to 23 trailing bits",
                                               to_spec(spec.format))});
  } else if (source == "significands" && format->trailing_bits > 11) {
    issues.push_back({"source", "all pairs are made for up to 11 trailing bits"});
  }
  if (config.boolean("round_product") &&
      (spec.block || (source != "significands" && spec.scale != ScaleRule::unscaled))) {
    issues.push_back({"round_product", "products are rounded for unscaled operands only"});
  }
  if (source == "trained") {
    for (ConfigIssue& issue : check_model_and_data(config)) issues.push_back(std::move(issue));
    const auto layers = nn::linear_layer_names(binary32_train_spec(config).model);
    if (std::find(layers.begin(), layers.end(), config.text("tensor.layer")) == layers.end()) {
      issues.push_back(
          {"tensor.layer", fmt::format("no layer '{}'; the layers are {}",
                                       config.text("tensor.layer"), fmt::join(layers, ", "))});
    }
  } else if (source != "significands" &&
             config.integer("samples") % config.integer("length") != 0) {
    issues.push_back({"length", fmt::format("{} does not divide samples = {}",
                                            config.integer("length"), config.integer("samples"))});
  }
  return issues;
}

std::string numerics(const Config& config) {
  return fmt::format(
      "{}; operands={}; products={}; sums=binary32; random=philox4x32-10",
      to_spec(product_of(config)), config.text("quantizer"),
      config.boolean("round_product") ? "rounded to the operands' format" : "rounded to binary32");
}

void prepare(std::span<const Config> configs) {
  for (const Config& config : configs) {
    if (config.text("source") == "trained") trained_tensor(config, "weight");
  }
}

double estimate_seconds(const Config& config) {
  if (config.text("source") == "significands") return 0.1;
  return static_cast<double>(config.integer("samples")) * 6e-7;
}

}  // namespace

ExperimentKind approximate_multiplication_kind() {
  return {.name = "approximate_multiplication",
          .summary =
              "products without a multiplier (Mitchell, L-Mul): relative errors of single "
              "products and of dot products",
          .fields = approximate_multiplication_fields(),
          .check = check,
          .estimate_seconds = estimate_seconds,
          .numerics = numerics,
          .prepare = prepare,
          .run = run,
          .progress_name = "largest relative error"};
}

}  // namespace halfulp
