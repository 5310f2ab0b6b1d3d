// The experiment kinds approximate_multiplication and function_error against known numbers.
#include "experiments/kinds/approximate_multiplication.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <string>

#include "experiments/harness/schema.h"
#include "experiments/kinds/language_model_spec.h"
#include "sim/quantizer.h"

namespace halfulp {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class Silent : public RunObserver {
 public:
  void progress(std::int64_t, std::int64_t, double) override {}
};

using Settings = std::map<std::string, Value>;
using Metrics = std::map<std::string, double>;

Config config_of(const char* kind, const Settings& settings) {
  Config config = harness::Schema(find_experiment_kind(kind)->fields).defaults();
  for (const auto& [key, value] : settings) config.set(key, value);
  return config;
}

Metrics run(const char* kind, const Settings& settings) {
  Silent observer;
  Metrics metrics;
  const Config config = config_of(kind, settings);
  for (const Metric& metric : find_experiment_kind(kind)->run(config, 0, {}, observer).metrics) {
    metrics[metric.name] = metric.value;
  }
  return metrics;
}

std::vector<ConfigIssue> check(const char* kind, const Settings& settings) {
  return find_experiment_kind(kind)->check(config_of(kind, settings));
}

Value text(const char* value) { return std::string(value); }

Value count(std::int64_t value) { return value; }

constexpr const char* kProducts = "approximate_multiplication";
constexpr const char* kFunctionError = "function_error";

TEST(ApproximateMultiplication, AllPairsGiveTheKnownErrors) {
  const Settings pairs = {{"source", text("significands")},
                          {"rule", text("l_mul_integer")},
                          {"quantizer", text("e4m3fn+unscaled")}};
  const Metrics m = run(kProducts, pairs);
  EXPECT_NEAR(m.at("rms_relative_error"), .0602, .5e-4);
  EXPECT_NEAR(m.at("mean_relative_error"), .0493, .5e-4);
  EXPECT_DOUBLE_EQ(m.at("max_relative_error"), 0.125);
  EXPECT_EQ(m.at("rms_relative_error_standard_error"), 0.0);
  EXPECT_TRUE(std::isnan(m.at("dot_error")));
}

TEST(ApproximateMultiplication, SamplesGiveTheKnownErrorsWithinFourStandardErrors) {
  const std::map<std::string, double> known = {{"l_mul_integer", .069}, {"exact", .0361}};
  for (const auto& [rule, error] : known) {
    const Metrics m = run(kProducts, {{"source", text("uniform_significand")},
                                      {"rule", rule},
                                      {"samples", count(1 << 16)},
                                      {"length", count(256)},
                                      {"quantizer", text("e4m3fn+unscaled")}});
    EXPECT_NEAR(m.at("total_rms_relative_error"), error,
                .0005 + 4.0 * m.at("total_rms_relative_error_standard_error"))
        << rule;
  }
}

// All products of numbers of one sign have one bias, which is the gain of their dot products.
TEST(ApproximateMultiplication, TheBiasOfProductsIsTheGainOfDotProducts) {
  const Metrics m = run(kProducts, {{"source", text("normal")},
                                    {"rule", text("mitchell")},
                                    {"samples", count(1 << 16)},
                                    {"length", count(256)},
                                    {"quantizer", text("bfloat16")}});
  EXPECT_NEAR(m.at("dot_gain"), m.at("mean_relative_error"), 0.01);
  EXPECT_GT(m.at("dot_error"), -m.at("dot_gain"));
  const Metrics exact = run(kProducts, {{"rule", text("exact")},
                                        {"samples", count(1 << 14)},
                                        {"length", count(256)},
                                        {"quantizer", text("bfloat16")}});
  EXPECT_LT(exact.at("dot_error"), 1e-6);
  EXPECT_GT(exact.at("total_dot_error"), 1e-3);
}

TEST(ApproximateMultiplication, ChecksItsKeys) {
  EXPECT_THAT(check(kProducts, {}), IsEmpty());
  EXPECT_THAT(check(kProducts, {{"quantizer", text("int8")}}), SizeIs(1));
  EXPECT_THAT(check(kProducts, {{"length", count(1000)}}), SizeIs(1));
  EXPECT_THAT(check(kProducts, {{"source", text("significands")}, {"quantizer", text("binary32")}}),
              SizeIs(1));
  EXPECT_THAT(check(kProducts, {{"round_product", true}}), SizeIs(1));
  EXPECT_THAT(check(kProducts, {{"source", text("trained")}, {"tensor.layer", text("x")}}),
              SizeIs(1));
}

TEST(FunctionError, WiderFormatsAreCloser) {
  for (const char* function : {"softmax", "rms_norm", "layer_norm", "gelu", "silu"}) {
    const auto error = [&](const char* format) {
      return run(kFunctionError, {{"function", text(function)},
                                  {"operation", text(format)},
                                  {"rows", count(64)},
                                  {"columns", count(64)}})
          .at("relative_error");
    };
    EXPECT_LT(error("binary32"), 2e-6) << function;
    EXPECT_LT(error("binary32"), error("binary16")) << function;
    EXPECT_LT(error("binary16"), error("bfloat16")) << function;
    EXPECT_LT(error("bfloat16"), 0.05) << function;
  }
}

TEST(FunctionError, BothSoftmaxesAgreeInBinary32) {
  for (const char* function : {"softmax", "two_pass_softmax"}) {
    const Metrics m = run(kFunctionError, {{"function", text(function)},
                                           {"operation", text("binary32")},
                                           {"rows", count(64)},
                                           {"columns", count(64)}});
    EXPECT_LT(m.at("relative_error"), 1e-6);
    EXPECT_NEAR(m.at("row_sum"), 1.0, 1e-6);
    EXPECT_EQ(m.at("input_error"), 0.0);
  }
}

TEST(FunctionError, ChecksItsKeys) {
  EXPECT_THAT(check(kFunctionError, {}), IsEmpty());
  EXPECT_THAT(check(kFunctionError, {{"operation", text("e4m3fn+scale_binary32")}}), SizeIs(1));
  const auto draws = check(kFunctionError, {{"sum", text("bfloat16+stochastic(3)")}});
  ASSERT_THAT(draws, SizeIs(1));
  EXPECT_EQ(draws[0].key, "sum");
  EXPECT_THAT(check(kFunctionError, {{"operation", text("nf4+unscaled")}}), SizeIs(1));
  EXPECT_THAT(check(kFunctionError,
                    {{"function", text("two_pass_softmax")}, {"sum", text("binary32+pairwise")}}),
              SizeIs(1));
  EXPECT_THAT(check(kFunctionError, {{"function", text("two_pass_softmax")}, {"lanes", count(3)}}),
              SizeIs(1));
}

// By default the training kernels run, whose bits published results have.
TEST(FunctionPrecision, Binary32MeansTheTrainingKernels) {
  const auto functions = [](const Settings& settings) {
    return train_spec(config_of("train_language_model", settings)).numerics.functions;
  };
  // As a sweep canonicalizes it.
  const std::string binary32 = to_spec(parse_quantizer("binary32"));
  EXPECT_EQ(functions({}), nn::FunctionNumerics{});
  EXPECT_EQ(functions({{"precision.norm", binary32}}), nn::FunctionNumerics{});
  const nn::FunctionNumerics one = functions({{"precision.norm", text("bfloat16")}});
  ASSERT_TRUE(one.norm);
  EXPECT_EQ(one.norm->rounding.overflow, Overflow::infinity);
  EXPECT_FALSE(one.softmax);
  EXPECT_FALSE(one.activation);
}

TEST(FunctionPrecision, ChecksItsKeys) {
  constexpr const char* kTraining = "train_language_model";
  EXPECT_THAT(check(kTraining, {{"precision.softmax", text("e4m3fn")}}), SizeIs(1));
  EXPECT_THAT(check(kTraining, {{"precision.softmax", text("nf4+unscaled")}}), SizeIs(1));
  EXPECT_THAT(check(kTraining, {{"precision.softmax", text("e4m3fn+unscaled")}}), IsEmpty());
}

}  // namespace
}  // namespace halfulp
