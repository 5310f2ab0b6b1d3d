// Counters against plain loops with scalar rounding, and that counting leaves training alone.
#include "sim/nn/counters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/nn/language_model_task.h"
#include "sim/nn/linear.h"
#include "sim/nn/trainer.h"
#include "sim/random.h"

namespace halfulp::nn {
namespace {

double value(const CounterValues& values, Counter counter) {
  return values[static_cast<std::size_t>(counter)];
}

/// What is counted of x and q, with the shares of elements beyond `limits` (one for each element).
struct Expected {
  double saturation = 0, underflow = 0, zero = 0, amax = 0, kurtosis = 0, sqnr = 0;
};

Expected expected(const std::vector<float>& x, const std::vector<double>& q,
                  const std::vector<double>& limits) {
  double beyond = 0, flushed = 0, nonzero = 0, zeros = 0, largest = 0;
  long double squares = 0, fourths = 0, errors = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = static_cast<double>(x[i]);
    beyond += std::fabs(v) > limits[i];
    zeros += v == 0.0;
    nonzero += v != 0.0;
    flushed += v != 0.0 && q[i] == 0.0;
    largest = std::max(largest, std::fabs(v));
    squares += static_cast<long double>(v * v);
    fourths += static_cast<long double>(v * v * v * v);
    errors += static_cast<long double>((v - q[i]) * (v - q[i]));
  }
  const auto n = static_cast<double>(x.size());
  return {beyond / n,
          flushed / nonzero,
          zeros / n,
          largest,
          static_cast<double>(static_cast<long double>(n) * fourths / (squares * squares)),
          static_cast<double>(10.0L * std::log10(squares / errors))};
}

/// Normal numbers of very different magnitudes, a fifth of them zeros.
std::vector<float> wide_values(std::size_t n, double spread, std::uint32_t stream) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double width = std::exp2(spread * random_normal({5, stream, 1, 0}, i));
    x[i] = static_cast<float>(width * random_normal({5, stream, 0, 0}, i));
    if (i % 5 == 2) x[i] = 0.0F;
  }
  return x;
}

/// Counters of the operand fprop_input of a layer whose input goes through `quantizer`.
std::map<std::string, CounterValues> counted(const std::string& quantizer,
                                             const std::vector<float>& x, std::size_t cols,
                                             const char* wgrad = nullptr) {
  LinearNumerics numerics = binary32_numerics();
  numerics.fprop_input = parse_operand(quantizer);
  numerics.wgrad_input = parse_operand(wgrad == nullptr ? quantizer : wgrad);
  const std::size_t rows = x.size() / cols, out = 3;
  std::vector<float> weight(out * cols, 0.5F), gradient(weight.size()), y(rows * out), in = x;
  Linear<float> layer("layer", cols, out, weight.data(), gradient.data(), numerics, 0);
  std::map<std::string, CounterValues> values;
  const QuantizationObserver observer = [&](const QuantizedOperand& operand) {
    EXPECT_EQ(operand.layer, "layer");
    EXPECT_TRUE(values.emplace(operand.operand, count_quantized(operand)).second);
  };
  StepKey key = {7, 0};
  key.quantization = &observer;
  layer.forward(in.data(), y.data(), rows, key);
  layer.backward(in.data(), y.data(), nullptr, rows, false, key);
  return values;
}

void expect_counters(const CounterValues& values, const Expected& wanted) {
  EXPECT_EQ(value(values, Counter::saturation_share), wanted.saturation);
  EXPECT_EQ(value(values, Counter::underflow_share), wanted.underflow);
  EXPECT_EQ(value(values, Counter::zero_share), wanted.zero);
  EXPECT_EQ(value(values, Counter::amax), wanted.amax);
  EXPECT_NEAR(value(values, Counter::kurtosis), wanted.kurtosis, 1e-12 * wanted.kurtosis);
  EXPECT_NEAR(value(values, Counter::sqnr_db), wanted.sqnr, 1e-9);
}

double rounded(const char* format, double x) {
  return round(parse_format(format), {Rounding::nearest_even, Overflow::saturate}, x);
}

TEST(Counters, OfAnUnscaledFormatAreThoseOfScalarRounding) {
  const auto x = wide_values(13 * 37, 6.0, 1);
  std::vector<double> q;
  for (const float v : x) q.push_back(rounded("e4m3fn", static_cast<double>(v)));
  const Expected wanted = expected(x, q, std::vector<double>(x.size(), 464.0));
  EXPECT_GT(wanted.saturation, 0.01);
  EXPECT_GT(wanted.underflow, 0.05);
  const auto values = counted("e4m3fn+unscaled", x, 37);
  ASSERT_EQ(values.size(), 1U);  // shared by both products, and all others are binary32
  expect_counters(values.at("fprop_input"), wanted);
  EXPECT_EQ(value(values.at("fprop_input"), Counter::scale), 1.0);
}

TEST(Counters, OfDelayedScalesSaturateAtTheScaleThatWasUsed) {
  // The first step of delayed scaling has the scale 1, fixed(0.5) another that is not the amax's.
  const auto x = wide_values(13 * 37, 6.0, 1);
  for (const double scale : {1.0, 0.5}) {
    std::vector<double> q;
    for (const float v : x) q.push_back(scale * rounded("e4m3fn", static_cast<double>(v) / scale));
    const Expected wanted = expected(x, q, std::vector<double>(x.size(), 464.0 * scale));
    const auto values = counted(scale == 1.0 ? "e4m3fn+delayed(2)" : "e4m3fn+fixed(0.5)", x, 37);
    expect_counters(values.at("fprop_input"), wanted);
    EXPECT_EQ(value(values.at("fprop_input"), Counter::scale), scale);
  }
}

TEST(Counters, OfATensorScaleUnderflowAndDoNotSaturate) {
  const auto x = wide_values(16 * 24, 3.0, 2);
  float amax = 0;
  for (const float v : x) amax = std::max(amax, std::fabs(v));
  const float multiplier = 127.0F / amax, scale = 1.0F / multiplier;
  std::vector<double> q;
  for (const float v : x) {
    const float product = v * multiplier;
    const auto element = static_cast<float>(rounded("int8", static_cast<double>(product)));
    q.push_back(static_cast<double>(element * scale));
  }
  const auto values = counted("int8", x, 24, "e5m2");
  ASSERT_EQ(values.size(), 2U);
  expect_counters(values.at("fprop_input"), expected(x, q, std::vector<double>(x.size(), 1e30)));
  EXPECT_GT(value(values.at("fprop_input"), Counter::underflow_share), 0.05);
  EXPECT_EQ(value(values.at("fprop_input"), Counter::scale), static_cast<double>(scale));
  EXPECT_EQ(values.count("wgrad_input"), 1U);
}

TEST(Counters, OfBlocksSaturateWhereTheFloorRuleClips) {
  // 70 columns: the last block of a row is short.
  constexpr std::size_t kRows = 9, kCols = 70;
  const auto x = wide_values(kRows * kCols, 1.0, 3);
  std::vector<double> q(x.size()), limits(x.size());
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t c = 0; c < kCols; c += 32) {
      const std::size_t end = std::min(c + 32, kCols);
      double amax = 0;
      for (std::size_t j = c; j < end; ++j) {
        amax = std::max(amax, std::fabs(static_cast<double>(x[r * kCols + j])));
      }
      const double scale = std::exp2(std::floor(std::log2(amax)) - 2.0);
      for (std::size_t j = c; j < end; ++j) {
        const std::size_t i = r * kCols + j;
        q[i] = rounded("e2m1fn", static_cast<double>(x[i]) / scale) * scale;
        limits[i] = 7.0 * scale;  // 6 and half of the step from 4 to 6
      }
    }
  }
  const Expected wanted = expected(x, q, limits);
  EXPECT_GT(wanted.saturation, 0.0);
  const auto values = counted("mxfp4", x, kCols, "binary32");
  expect_counters(values.at("fprop_input"), wanted);
  EXPECT_TRUE(std::isnan(value(values.at("fprop_input"), Counter::scale)));
}

TEST(Counters, OfRowsAndColumnGroupsSeeTheirScales) {
  // Scaled to the largest magnitude nothing is beyond the range, whatever the rounding of scales.
  const auto x = wide_values(33 * 40, 2.0, 4);
  for (const char* quantizer :
       {"int4+row", "e2m1fn+column", "e2m1fn+group(16)", "int3+group(8,columns)",
        "int8+scale_power_of_two", "nvfp4", "nvfp4(torchao)", "mxint8", "mxfp8_e4m3"}) {
    SCOPED_TRACE(quantizer);
    const auto values = counted(quantizer, x, 40).at("fprop_input");
    const bool is_floor = std::string(quantizer).starts_with("mx");
    if (!is_floor) {
      EXPECT_EQ(value(values, Counter::saturation_share), 0.0);
    }
    EXPECT_GT(value(values, Counter::sqnr_db), 5.0);
  }
}

TEST(Counters, NonFiniteOperandsAreCountedAndNothingElseFails) {
  auto x = wide_values(4 * 32, 1.0, 5);
  x[3] = INFINITY;
  x[40] = NAN;
  const auto values = counted("mxfp8_e4m3", x, 32).at("fprop_input");
  EXPECT_TRUE(std::isnan(value(values, Counter::sqnr_db)));
  EXPECT_EQ(value(values, Counter::zero_share), 26.0 / 128.0);
}

TrainSpec training(const char* quantizer) {
  TrainSpec spec;
  spec.model.blocks = 1;
  spec.model.width = 16;
  spec.model.context = 8;
  spec.model.hidden = 32;
  spec.sequences = 4;
  spec.evaluation_bytes = 256;
  spec.loop.schedule = {Schedule::constant, 1e-2, 0.1, 6, 0, 0};
  const QuantizerSpec all = parse_quantizer(quantizer);
  spec.numerics.linear = {all, all, all, all, all, all};
  return spec;
}

TEST(Counters, CountingChangesNoBitOfTraining) {
  const Corpus corpus = make_markov(3, 8, 1 << 14, 0.1);
  for (const char* quantizer : {"int4+stochastic(16)", "e4m3fn+row", "mxfp4", "binary32"}) {
    const TrainSpec spec = training(quantizer);
    LanguageModelTask plain_task(spec, corpus), counted_task(spec, corpus);
    TrainingLoop plain(spec.loop, plain_task, 1), watched(spec.loop, counted_task, 1);
    CounterRecorder counters;
    while (plain.advance()) {
    }
    while (watched.advance(nullptr, &counters)) {
    }
    EXPECT_EQ(plain.finish().weights, watched.finish().weights) << quantizer;
    EXPECT_FALSE(counters.samples().values.empty());
  }
}

TEST(Counters, OfAnUpdateSeeTheWeightsThatStay) {
  // Weights of 1 under a learning rate far below their last place.
  const Corpus corpus = make_markov(3, 8, 1 << 14, 0.1);
  TrainSpec spec = training("binary32");
  spec.loop.schedule.peak = 1e-9;
  spec.loop.optimizer.weight_decay = 0.0;
  LanguageModelTask task(spec, corpus);
  TrainingLoop loop(spec.loop, task, 1);
  CounterRecorder counters;
  const std::vector<float> before(task.weights().begin(), task.weights().end());
  loop.advance(nullptr, &counters);
  const CounterSamples& samples = counters.samples();
  std::size_t checked = 0;
  for (std::size_t i = 0; i < samples.values.size(); ++i) {
    const auto& tensor = samples.tensors[static_cast<std::size_t>(samples.indices[i])];
    if (tensor.role != "weight") continue;
    for (const Parameter& p : task.parameters()) {
      if (p.name != tensor.layer) continue;
      double pushed = 0, same = 0;
      for (std::size_t k = p.offset; k < p.offset + p.size(); ++k) {
        if (task.gradients()[k] == 0.0F) continue;
        pushed += 1;
        same += task.weights()[k] == before[k];
      }
      EXPECT_EQ(value(samples.values[i], Counter::unchanged_share), same / pushed);
      if (p.name.ends_with(".gain")) {
        EXPECT_EQ(same, pushed);
      } else {
        EXPECT_LT(same, pushed);
      }
      ++checked;
    }
  }
  EXPECT_EQ(checked, task.parameters().size());
}

}  // namespace
}  // namespace halfulp::nn
