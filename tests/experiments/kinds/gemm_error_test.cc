// The experiment kind gemm_error.
#include "experiments/kinds/gemm_error.h"

#include <gmock/gmock.h>

#include "tests/experiments/support/kind_run.h"

namespace halfulp::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const ExperimentKind& kind() { return *find_experiment_kind("gemm_error"); }

const Settings kSmall = {
    {"m", count(8)}, {"n", count(12)}, {"k", count(96)}, {"repeats", count(3)}};

Metrics run(const Settings& settings) { return run_kind(kind(), with(kSmall, settings)); }

TEST(GemmError, IsRegisteredAndItsDefaultsPass) {
  ASSERT_NE(find_experiment_kind("gemm_error"), nullptr);
  EXPECT_THAT(kind().check(config_of(kind(), {})), IsEmpty());
  EXPECT_THAT(kind().check(config_of(kind(), {{"accumulator", text("int32")}})), SizeIs(1));
}

TEST(GemmError, RefusesScalesWhereSumsDependOnThem) {
  const auto issues = [](const char* accumulator, const char* quantizer) {
    return kind().check(
        config_of(kind(), {{"accumulator", text(accumulator)}, {"quantizer.b", text(quantizer)}}));
  };
  EXPECT_THAT(issues("h100(e4m3fn)", "e4m3fn"), SizeIs(1));
  EXPECT_THAT(issues("b200(e4m3fn)", "mxfp8_e4m3"), SizeIs(1));
  EXPECT_THAT(issues("int32+wrap+result(binary32)", "int8"), SizeIs(1));
  EXPECT_THAT(issues("h100(e4m3fn)", "e4m3fn+unscaled"), IsEmpty());
  EXPECT_THAT(issues("e8m10", "e4m3fn"), IsEmpty());
}

// The three forms are the same product, stored differently.
TEST(GemmError, FormsAgree) {
  for (const char* accumulator :
       {"bfloat16", "aligned(binary32,16,24)+toward_zero", "bfloat16+stochastic(8)", "binary32"}) {
    const auto error = [&](const char* form) {
      return run({{"accumulator", text(accumulator)},
                  {"quantizer.a", text("mxfp8_e4m3")},
                  {"form", text(form)}})
          .at("relative_error");
    };
    EXPECT_EQ(error("nn"), error("nt")) << accumulator;
    EXPECT_EQ(error("nn"), error("tn")) << accumulator;
  }
}

TEST(GemmError, SeparatesOperandsFromAccumulation) {
  const Metrics exact = run({{"accumulator", text("exact(binary32)")},
                             {"quantizer.a", text("bfloat16")},
                             {"quantizer.b", text("bfloat16")}});
  EXPECT_LT(exact.at("relative_error"), 6e-8);
  // Two relative errors of u / sqrt(3) at most, where numbers of a normal fill binades evenly.
  EXPECT_NEAR(exact.at("operand_error"), 0.0023, 0.0004);
  const Metrics narrow = run({{"accumulator", text("bfloat16")},
                              {"quantizer.a", text("bfloat16")},
                              {"quantizer.b", text("bfloat16")}});
  EXPECT_EQ(narrow.at("operand_error"), exact.at("operand_error"));
  EXPECT_GT(narrow.at("relative_error"), narrow.at("operand_error"));
}

TEST(GemmError, TruncationShrinksPositiveSums) {
  const Settings positive = {{"source.a", text("uniform")}, {"source.b", text("uniform")}};
  const Metrics cut = run(with(positive, {{"accumulator", text("e8m9+toward_zero")}}));
  EXPECT_LT(cut.at("bias"), -0.9 * cut.at("relative_error"));
  EXPECT_LT(cut.at("gain"), 0.0);
  const Metrics fair = run(with(positive, {{"accumulator", text("e8m9+stochastic(16)")}}));
  EXPECT_NEAR(fair.at("bias"), 0.0, 0.2 * fair.at("relative_error"));
}

}  // namespace
}  // namespace halfulp::test
