#include "experiments/kinds/overflow_length.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <variant>
#include <vector>

#include "experiments/kinds/batch_estimates.h"
#include "experiments/kinds/dot_products.h"
#include "experiments/kinds/expected_overflow.h"
#include "formats/accumulator_spec.h"
#include "formats/properties.h"
#include "formats/safe_length.h"

namespace halfulp {
namespace {

using enum FieldType;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kLeastBatches = 4;
constexpr std::int64_t kLongestRun = 1 << 24;
constexpr int kOperandBits = 16;

constexpr std::array kFields = {
    Field{"accumulator", accumulator, "int32", "an integer, or a float in sequence"},
    Field{"operands.a", quantizer, "int8sym+unscaled", "format of the left operands"},
    Field{"operands.b", quantizer, "int8sym+unscaled", "format of the right operands"},
    Field{"source", choice, "normal", "numbers that are rounded to the operands' formats", 0, 0,
          kOperandSources},
    Field{"scale.a", real, "32", "factor of the left numbers, in units of the format", -1e30, 1e30},
    Field{"scale.b", real, "32", "factor of the right numbers", -1e30, 1e30},
    Field{"length", integer, "65536", "terms of each dot product", 1, 1 << 24},
    Field{"samples", integer, "2048", "dot products", 1, 1e9},
    Field{"rows", integer, "16", "left operands of a batch", 1, 4096},
    Field{"columns", integer, "16", "right operands of a batch", 1, 4096},
};

const RoundedSum* sum_of(const AccumulatorSpec& accumulator) {
  return std::get_if<RoundedSum>(&accumulator.method);
}

/// What the running sum may be: an overflow of an integer is told by the exact partial sum, one of
/// a float by an infinity or NaN, which stays.
bool is_integer(const AccumulatorSpec& accumulator) {
  return std::holds_alternative<IntegerFormat>(sum_of(accumulator)->sum.format);
}

/// Sums that binary32 arrays cannot hold are rounded to it last.
AccumulatorSpec with_stored_result(AccumulatorSpec accumulator) {
  if (!fits_binary32(sum_of(accumulator)->sum.format)) {
    accumulator.result = std::get<RoundedSum>(binary32_accumulator().method).sum;
  }
  return accumulator;
}

/// The accumulator with overflows that show in the result.
AccumulatorSpec telling(AccumulatorSpec accumulator) {
  Destination& sum = std::get<RoundedSum>(accumulator.method).sum;
  if (!is_integer(accumulator)) {
    sum.rounding.overflow = has_infinity(sum.format) ? Overflow::infinity : Overflow::nan;
  }
  return with_stored_result(accumulator);
}

struct Totals {
  std::vector<double> count, overflowed, wrong, squared_error, squared_exact;
  double lengths = 0.0;  ///< sum of the lengths of first overflows
  double shortest = kNan;
  double squared_terms = 0.0, terms = 0.0;  ///< of the products
};

/// The number of terms with which a partial sum leaves [low, high] first, or 0.
std::size_t first_overflow(const float* a, const float* b, std::size_t length, double low,
                           double high) {
  double sum = 0.0;  // whole numbers below 2^53
  for (std::size_t k = 0; k < length; ++k) {
    sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
    if (sum < low || sum > high) return k + 1;
  }
  return 0;
}

void add_batch(const AccumulatorSpec& accumulator, const DotProducts& dots, const Batch& batch,
               Totals& totals) {
  const BatchShape& shape = dots.shape();
  const Format& format = sum_of(accumulator)->sum.format;
  const double low = to_double(lowest_finite(format)), high = to_double(max_finite(format));
  double overflowed = 0.0, wrong = 0.0, squared_error = 0.0, squared_exact = 0.0;
  for (std::size_t i = 0; i < shape.count(); ++i) {
    const auto result = static_cast<double>(batch.results[i]);
    if (is_integer(accumulator)) {
      const float* a = batch.left.data() + i / shape.columns * shape.length;
      const float* b = batch.right.data() + i % shape.columns * shape.length;
      const std::size_t k = first_overflow(a, b, shape.length, low, high);
      if (k > 0) {
        const auto terms = static_cast<double>(k);
        overflowed += 1.0;
        totals.lengths += terms;
        totals.shortest = std::isnan(totals.shortest) ? terms : std::min(totals.shortest, terms);
      }
    } else if (!std::isfinite(result)) {
      overflowed += 1.0;
      wrong += 1.0;
      continue;
    }
    const double error = difference(result, batch.exact[i]);
    // Integers of more than 24 bits come back as binary32.
    const double unit = std::ldexp(std::fabs(batch.exact[i].high), -24);
    if (is_integer(accumulator) && std::fabs(error) > unit) wrong += 1.0;
    squared_error += error * error;
    squared_exact += batch.exact[i].high * batch.exact[i].high;
  }
  totals.count.push_back(static_cast<double>(shape.count()));
  totals.overflowed.push_back(overflowed);
  totals.wrong.push_back(wrong);
  totals.squared_error.push_back(squared_error);
  totals.squared_exact.push_back(squared_exact);
}

void add_terms(const Batch& batch, const BatchShape& shape, Totals& totals) {
  for (std::size_t k = 0; k < shape.length; ++k) {
    const double x = static_cast<double>(batch.left[k]) * static_cast<double>(batch.right[k]);
    totals.terms += 1.0;
    totals.squared_terms += x * x;
  }
}

/// 1 when a sum of `length` products of the numbers that overflow first overflows, else 0.
double overflows(const AccumulatorSpec& accumulator, const SafeLength& safe, std::int64_t length) {
  const auto terms = static_cast<std::size_t>(length);
  const std::vector<float> a(terms, static_cast<float>(to_double(safe.a)));
  const std::vector<float> b(terms, static_cast<float>(to_double(safe.b)));
  float c = 0.0F;
  AccumulatorReport report;
  AccumulatedGemm(with_stored_result(accumulator))
      .nt({a.data(), 1, terms, terms}, {b.data(), 1, terms, terms}, {&c, 1, 1, 1}, {}, {}, &report);
  return report.overflows > 0 ? 1.0 : 0.0;
}

void add_guarantee(const Config& config, std::vector<Metric>& metrics) {
  const AccumulatorSpec accumulator = parse_accumulator(config.text("accumulator"));
  const auto safe = safe_length(accumulator, parse_quantizer(config.text("operands.a")).format,
                                parse_quantizer(config.text("operands.b")).format, kLongestRun);
  const bool is_run = safe && safe->length < kLongestRun;
  const bool is_endless = safe && safe->length == kEveryLength;
  metrics.push_back({"safe_length",
                     is_endless ? std::numeric_limits<double>::infinity()
                     : safe     ? static_cast<double>(safe->length)
                                : kNan,
                     "1", "terms that never overflow, whatever the operands; NaN where unknown"});
  metrics.push_back({"overflows_at_safe_length",
                     is_run ? overflows(accumulator, *safe, safe->length) : kNan, "1",
                     "1 when so many products of extreme operands overflowed when run"});
  metrics.push_back({"overflows_beyond_safe_length",
                     is_run ? overflows(accumulator, *safe, safe->length + 1) : kNan, "1",
                     "the same with one more product"});
}

double expected_share(const Config& config, const Totals& totals) {
  const AccumulatorSpec accumulator = parse_accumulator(config.text("accumulator"));
  const std::string& source = config.text("source");
  const bool is_centred = source == "normal" || source == "laplace" || source == "student_t5";
  if (!is_centred || !is_integer(accumulator)) return kNan;
  const double high = to_double(max_finite(sum_of(accumulator)->sum.format));
  return exit_probability(
      totals.squared_terms / totals.terms * static_cast<double>(config.integer("length")), high);
}

RunResult run(const Config& config, std::int64_t seed, const StopRules&, RunObserver& observer) {
  const AccumulatorSpec accumulator = parse_accumulator(config.text("accumulator"));
  const BatchShape shape = {static_cast<std::size_t>(config.integer("rows")),
                            static_cast<std::size_t>(config.integer("columns")),
                            static_cast<std::size_t>(config.integer("length"))};
  const auto source = [&](const char* scale, const char* operands) {
    return OperandSource(config.text("source"), config.real(scale),
                         parse_quantizer(config.text(operands)));
  };
  const DotProducts dots(source("scale.a", "operands.a"), source("scale.b", "operands.b"),
                         telling(accumulator), shape, 0.0F, static_cast<std::uint64_t>(seed));
  const std::int64_t batches = config.integer("samples") / static_cast<std::int64_t>(shape.count());
  Totals totals;
  for (std::int64_t b = 0; b < batches; ++b) {
    const auto index = static_cast<std::uint32_t>(b);
    Batch batch = dots.draw(index);
    dots.accumulate(batch, index);
    add_batch(accumulator, dots, batch, totals);
    add_terms(batch, shape, totals);
    observer.progress(b + 1, batches, totals.overflowed.back() / totals.count.back());
  }
  RunResult result;
  std::vector<Metric>& metrics = result.metrics;
  add_estimate(metrics, "overflow_share", ratio_estimate(totals.overflowed, totals.count), "1",
               "dot products in which a partial sum leaves the range");
  metrics.push_back({"expected_overflow_share", expected_share(config, totals), "1",
                     "the same of a Brownian motion; NaN unless products are centred integers"});
  add_estimate(metrics, "wrong_share", ratio_estimate(totals.wrong, totals.count), "1",
               "results that are not the sum: wrapped sums may come back into range");
  add_estimate(metrics, "relative_rms_error",
               square_root(ratio_estimate(totals.squared_error, totals.squared_exact)), "1",
               "root mean square error over that of the exact sums; finite results only");
  double overflowed = 0.0;
  for (const double n : totals.overflowed) overflowed += n;
  metrics.push_back({"shortest_overflow_length", totals.shortest, "1",
                     "terms after which an integer sum overflowed, least over all; NaN without"});
  metrics.push_back({"mean_overflow_length",
                     is_integer(accumulator) ? totals.lengths / overflowed : kNan, "1",
                     "the same, mean over the sums that overflowed"});
  add_guarantee(config, metrics);
  return result;
}

void check_operands(const Config& config, const char* key, bool needs_integers,
                    std::vector<ConfigIssue>& issues) {
  const QuantizerSpec spec = parse_quantizer(config.text(key));
  if (spec.block || spec.scale != ScaleRule::unscaled) {
    issues.push_back({key, fmt::format("sums are of the format's own numbers: add unscaled to '{}'",
                                       config.text(key))});
  }
  const auto* integer = std::get_if<IntegerFormat>(&spec.format);
  const bool is_small =
      integer != nullptr && integer->bits <= kOperandBits && integer->fraction_bits == 0;
  if (needs_integers && !is_small) {
    issues.push_back({key, fmt::format("integer sums are of integers of up to {} bits, not '{}'",
                                       kOperandBits, config.text(key))});
  }
}

std::vector<ConfigIssue> check(const Config& config) {
  std::vector<ConfigIssue> issues;
  const AccumulatorSpec accumulator = parse_accumulator(config.text("accumulator"));
  const RoundedSum* sum = sum_of(accumulator);
  if (sum == nullptr || sum->every != 1 || sum->order.order != Order::sequential ||
      accumulator.product || accumulator.promotion) {
    issues.push_back({"accumulator", fmt::format("overflows are counted of sums in sequence in one "
                                                 "format, not of '{}'",
                                                 config.text("accumulator"))});
    return issues;
  }
  const Format& format = sum->sum.format;
  if (!is_integer(accumulator) && !std::holds_alternative<FloatFormat>(format)) {
    issues.push_back(
        {"accumulator", fmt::format("sums overflow in floats and integers, not in '{}'",
                                    config.text("accumulator"))});
  } else if (sum->sum.rounding.overflow == Overflow::error) {
    issues.push_back({"accumulator",
                      "error would end the run at the first overflow, which is to "
                      "be counted; use saturate, wrap or infinity"});
  } else if (!is_integer(accumulator) && !has_infinity(format) && !has_nan(format)) {
    issues.push_back({"accumulator", "a float needs an infinity or a NaN to show overflow"});
  }
  for (const char* key : {"operands.a", "operands.b"}) {
    check_operands(config, key, is_integer(accumulator), issues);
  }
  const std::int64_t batch = config.integer("rows") * config.integer("columns");
  const std::int64_t samples = config.integer("samples");
  if (samples % batch != 0 || samples / batch < kLeastBatches) {
    issues.push_back({"samples", fmt::format("{} are not at least {} batches of rows x columns = "
                                             "{}, which standard errors need",
                                             samples, kLeastBatches, batch)});
  }
  return issues;
}

std::string numerics(const Config& config) {
  return fmt::format(
      "accumulator={}; a={}; b={}; reference=exact; sums=binary64; "
      "random=philox4x32-10",
      config.text("accumulator"), config.text("operands.a"), config.text("operands.b"));
}

void prepare(std::span<const Config>) {}

double estimate_seconds(const Config& config) {
  constexpr double kPerTerm = 8e-9, kPerOperand = 60e-9;
  const double shared = 1.0 / static_cast<double>(config.integer("rows")) +
                        1.0 / static_cast<double>(config.integer("columns"));
  const auto terms = static_cast<double>(config.integer("samples") * config.integer("length"));
  return terms * (kPerTerm + kPerOperand * shared);
}

}  // namespace

ExperimentKind overflow_length_kind() {
  return {.name = "overflow_length",
          .summary =
              "dot products in narrow accumulators: the share that overflows by length, and "
              "the length that never does",
          .fields = kFields,
          .check = check,
          .estimate_seconds = estimate_seconds,
          .numerics = numerics,
          .prepare = prepare,
          .run = run,
          .progress_name = "overflow share"};
}

}  // namespace halfulp
