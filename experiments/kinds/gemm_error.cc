#include "experiments/kinds/gemm_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "experiments/kinds/batch_estimates.h"
#include "experiments/kinds/dot_products.h"
#include "experiments/kinds/operand_source.h"
#include "formats/accumulator_spec.h"
#include "sim/accumulated_gemm.h"
#include "sim/exact_product.h"
#include "sim/random_purpose.h"

namespace halfulp {
namespace {

using enum FieldType;

constexpr std::array kFields = {
    Field{"accumulator", accumulator, "binary32", "of the product that is measured"},
    Field{"label", text, "", "what figures call the accumulator; default: its spec, shortened",
          -1e308, 1e308, "", false},
    Field{"form", choice, "nn", "which operands are stored transposed: A B, A B^T or A^T B", 0, 0,
          "nn|nt|tn"},
    Field{"m", integer, "64", "rows of the result", 1, 65536},
    Field{"n", integer, "64", "columns of the result", 1, 65536},
    Field{"k", integer, "1024", "terms of each dot product", 1, 1 << 24},
    Field{"source.a", choice, "normal", "numbers of A (M x K)", 0, 0, kOperandSources},
    Field{"source.b", choice, "normal", "numbers of B (K x N)", 0, 0, kOperandSources},
    Field{"scale.a", real, "1", "factor of A, before it is quantized", -1e30, 1e30},
    Field{"scale.b", real, "1", "factor of B", -1e30, 1e30},
    Field{"quantizer.a", quantizer, "binary32", "of A; blocks run along k"},
    Field{"quantizer.b", quantizer, "binary32", "of B; rows of B^T are its rows"},
    Field{"repeats", integer, "8", "independent products that results are means over", 2, 1e6},
};

struct Sizes {
  std::size_t m, n, k;
};

Sizes sizes_of(const Config& config) {
  return {static_cast<std::size_t>(config.integer("m")),
          static_cast<std::size_t>(config.integer("n")),
          static_cast<std::size_t>(config.integer("k"))};
}

std::vector<float> transposed(const std::vector<float>& x, std::size_t rows, std::size_t cols) {
  std::vector<float> out(x.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) out[c * rows + r] = x[r * cols + c];
  }
  return out;
}

/// Operands with the dimension k along rows: A as M x K, B as N x K.
struct Operands {
  std::vector<float> a, b;
};

Operands draw(const Config& config, const char* quantizer_a, const char* quantizer_b,
              std::int64_t seed, std::uint32_t step) {
  const auto [m, n, k] = sizes_of(config);
  const auto source = [&](const char* name, const char* scale, const std::string& quantizer) {
    return OperandSource(config.text(name), config.real(scale), parse_quantizer(quantizer));
  };
  const auto stream = [&](std::uint32_t tensor) {
    return RandomStream{static_cast<std::uint64_t>(seed),
                        static_cast<std::uint32_t>(RandomPurpose::samples), tensor, step};
  };
  Operands out{std::vector<float>(m * k), std::vector<float>(n * k)};
  source("source.a", "scale.a", quantizer_a).fill(stream(0), {out.a.data(), m, k, k});
  source("source.b", "scale.b", quantizer_b).fill(stream(1), {out.b.data(), n, k, k});
  return out;
}

std::vector<DoublePair> exact(const Operands& operands, const Sizes& s) {
  std::vector<DoublePair> out(s.m * s.n);
  exact_products({operands.a.data(), s.m, s.k, s.k}, {operands.b.data(), s.n, s.k, s.k},
                 out.data());
  return out;
}

std::vector<float> product(const AccumulatedGemm& gemm, const std::string& form,
                           const Operands& operands, const Sizes& s, const RandomStream& stream) {
  std::vector<float> c(s.m * s.n);
  const Matrix out = {c.data(), s.m, s.n, s.n};
  const ConstMatrix a = {operands.a.data(), s.m, s.k, s.k};
  const ConstMatrix b = {operands.b.data(), s.n, s.k, s.k};
  if (form == "nt") {
    gemm.nt(a, b, out, {}, stream);
    return c;
  }
  const std::vector<float> b_rows = transposed(operands.b, s.n, s.k);
  const ConstMatrix b_stored = {b_rows.data(), s.k, s.n, s.n};
  if (form == "nn") {
    gemm.nn(a, b_stored, out, {}, stream);
  } else {
    const std::vector<float> a_columns = transposed(operands.a, s.m, s.k);
    gemm.tn({a_columns.data(), s.k, s.m, s.m}, b_stored, out, {}, stream);
  }
  return c;
}

/// Sums over the elements of each repeat.
struct Totals {
  std::vector<double> count, squared_error, squared_exact, error, gain, largest;
  std::vector<double> squared_operand_error, squared_unquantized;
  double not_finite = 0.0;
};

void add(const std::vector<float>& c, const std::vector<DoublePair>& sums, Totals& totals) {
  double count = 0.0, squared_error = 0.0, squared_exact = 0.0, error = 0.0, gain = 0.0,
         largest = 0.0;
  for (std::size_t i = 0; i < c.size(); ++i) {
    if (!std::isfinite(c[i])) {
      totals.not_finite += 1.0;
      continue;
    }
    const double lost = difference(static_cast<double>(c[i]), sums[i]);
    count += 1.0;
    squared_error += lost * lost;
    squared_exact += sums[i].high * sums[i].high;
    error += lost;
    gain += lost * sums[i].high;
    largest = std::max(largest, std::fabs(lost));
  }
  totals.count.push_back(count);
  totals.squared_error.push_back(squared_error);
  totals.squared_exact.push_back(squared_exact);
  totals.error.push_back(error);
  totals.gain.push_back(gain);
  totals.largest.push_back(largest);
}

void add_operand_error(const std::vector<DoublePair>& quantized,
                       const std::vector<DoublePair>& original, Totals& totals) {
  double error = 0.0, signal = 0.0;
  for (std::size_t i = 0; i < quantized.size(); ++i) {
    const double lost = difference(quantized[i].high, original[i]);
    error += lost * lost;
    signal += original[i].high * original[i].high;
  }
  totals.squared_operand_error.push_back(error);
  totals.squared_unquantized.push_back(signal);
}

Totals measure(const Config& config, std::int64_t seed, RunObserver& observer) {
  const AccumulatedGemm gemm(parse_accumulator(config.text("accumulator")));
  const Sizes sizes = sizes_of(config);
  const std::int64_t repeats = config.integer("repeats");
  const std::string &quantizer_a = config.text("quantizer.a"),
                    &quantizer_b = config.text("quantizer.b");
  Totals totals;
  for (std::int64_t r = 0; r < repeats; ++r) {
    const auto step = static_cast<std::uint32_t>(r);
    const RandomStream rounding = {static_cast<std::uint64_t>(seed),
                                   static_cast<std::uint32_t>(RandomPurpose::rounding), 2, step};
    const Operands operands = draw(config, quantizer_a.c_str(), quantizer_b.c_str(), seed, step);
    const std::vector<DoublePair> sums = exact(operands, sizes);
    add(product(gemm, config.text("form"), operands, sizes, rounding), sums, totals);
    add_operand_error(sums, exact(draw(config, "binary32", "binary32", seed, step), sizes), totals);
    observer.progress(r + 1, repeats,
                      std::sqrt(totals.squared_error.back() / totals.squared_exact.back()));
  }
  return totals;
}

RatioEstimate scaled(RatioEstimate estimate, double factor) {
  return {estimate.value * factor, estimate.standard_error * factor};
}

std::vector<Metric> metrics_of(const Totals& totals) {
  const double rms = std::sqrt(ratio_estimate(totals.squared_exact, totals.count).value);
  const std::vector<double> ones(totals.count.size(), 1.0);
  double finite = 0.0;
  for (const double n : totals.count) finite += n;
  std::vector<Metric> metrics;
  add_estimate(metrics, "relative_error",
               square_root(ratio_estimate(totals.squared_error, totals.squared_exact)), "1",
               "Frobenius norm of the error over that of the exact product of the operands");
  add_estimate(
      metrics, "operand_error",
      square_root(ratio_estimate(totals.squared_operand_error, totals.squared_unquantized)), "1",
      "the same of what quantized operands cost, exactly multiplied");
  add_estimate(metrics, "bias", scaled(ratio_estimate(totals.error, totals.count), 1.0 / rms), "1",
               "mean error over the root mean square of the exact elements");
  add_estimate(metrics, "gain", ratio_estimate(totals.gain, totals.squared_exact), "1",
               "<error, exact> / <exact, exact>: negative where elements shrink");
  add_estimate(metrics, "largest_relative_error",
               scaled(ratio_estimate(totals.largest, ones), 1.0 / rms), "1",
               "largest magnitude of an error over the rms of exact elements, mean over repeats");
  metrics.push_back({"not_finite_share", totals.not_finite / (totals.not_finite + finite), "1",
                     "elements that are infinite or NaN; the other metrics leave them out"});
  return metrics;
}

RunResult run(const Config& config, std::int64_t seed, const StopRules&, RunObserver& observer) {
  RunResult result;
  result.metrics = metrics_of(measure(config, seed, observer));
  return result;
}

std::vector<ConfigIssue> check(const Config& config) {
  std::vector<ConfigIssue> issues;
  check_accumulator_runs(config, issues);
  for (const char* key : {"quantizer.a", "quantizer.b"}) check_no_scales(config, key, issues);
  return issues;
}

std::string numerics(const Config& config) {
  return fmt::format(
      "accumulator={}; a={}; b={}; reference=exact; sums=binary64; "
      "random=philox4x32-10",
      config.text("accumulator"), config.text("quantizer.a"), config.text("quantizer.b"));
}

void prepare(std::span<const Config>) {}

double estimate_seconds(const Config& config) {
  constexpr double kPerTerm = 8e-9, kPerOperand = 120e-9;
  const auto [m, n, k] = sizes_of(config);
  const auto terms = static_cast<double>(m * n * k), operands = static_cast<double>((m + n) * k);
  return static_cast<double>(config.integer("repeats")) *
         (terms * kPerTerm + operands * kPerOperand);
}

}  // namespace

ExperimentKind gemm_error_kind() {
  return {.name = "gemm_error",
          .summary =
              "matrix products of quantized operands under an accumulator against exact "
              "ones, in the three transposed forms",
          .fields = kFields,
          .check = check,
          .estimate_seconds = estimate_seconds,
          .numerics = numerics,
          .prepare = prepare,
          .run = run,
          .progress_name = "relative error"};
}

}  // namespace halfulp
