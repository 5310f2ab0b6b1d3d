#include "experiments/laws/baseline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "experiments/harness/diagnostics.h"
#include "experiments/laws/fit_request.h"
#include "tests/experiments/laws/published_fits.h"

namespace halfulp::laws {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kRuns[] =
    "status,format,width,seed,validation_loss\n"
    "done,int4,32,0,3.5\n"
    "done,binary32,32,0,3\n"
    "done,int4,64,0,2.75\n"
    "diverged,binary32,64,0,2.5\n"
    "done,int4,32,1,3.25\n"
    "done,binary32,32,1,3.125\n"
    "done,int3,48,0,4\n";

std::string complaint(const Table& runs, const BaselineSpec& spec) {
  Table table = runs;
  try {
    subtract_baseline(table, spec);
  } catch (const harness::ConfigError& error) {
    return error.lines().front();
  }
  return "no complaint";
}

TEST(Baseline, SubtractsTheRowThatAgreesInTheColumns) {
  Table table = parse_csv(kRuns, "runs.csv");
  EXPECT_EQ(subtract_baseline(table, {"format == binary32", {"width", "seed"}, ""}), 3U);
  EXPECT_THAT(table.row_names, ElementsAre("line 2", "line 4", "line 6", "line 8"));
  const auto& gap = table.find("gap")->numbers;
  EXPECT_EQ(gap[0], 0.5);
  EXPECT_TRUE(std::isnan(gap[1])) << "the baseline diverged";
  EXPECT_EQ(gap[2], 0.125);
  EXPECT_TRUE(std::isnan(gap[3])) << "there is no baseline of width 48";
  EXPECT_EQ(table.find("baseline")->numbers[2], 3.125);
}

TEST(Baseline, SaysWhatIsWrong) {
  const Table table = parse_csv(kRuns, "runs.csv");
  EXPECT_THAT(complaint(table, {"format == binary32", {"width"}, ""}),
              HasSubstr("line 3 and line 7 are both baselines for width 32; name one more column"));
  EXPECT_THAT(complaint(table, {"format == binary32", {"widht"}, ""}),
              HasSubstr("option '--match': unknown column 'widht'; did you mean 'width'?"));
  EXPECT_THAT(complaint(table, {"format == binary16", {"width"}, ""}), HasSubstr("no row"));
  EXPECT_THAT(complaint(table, {"format == binary32", {"width"}, "los"}),
              HasSubstr("option '--metric': unknown column 'los'"));
  EXPECT_THAT(complaint(table, {"format == binary32", {"width"}, "format"}), HasSubstr("is text"));
}

TEST(Baseline, RowsOfOneBaselineGoTogetherInTheBootstrap) {
  FitRequest request;
  request.expression = "k*width^b";
  request.baseline = {"w_quant == NoQuantizer", {"N_nonembed", "tokens_D"}, "c4_val_loss"};
  request.columns = "width=N_nonembed";
  request.spec.target = "gap";
  Table table = read_table(HALFULP_SOURCE_DIR "/experiments/data/quest-qat/runs.csv");
  prepare_table(request, table);
  const Problem problem = make_problem(request, table);
  EXPECT_GT(problem.rows(), 40U);
  EXPECT_EQ(problem.groups(), 6U) << "there are six runs without quantizer";
}

// laws.md's refit of Quartet's gaps, by squares of logarithms: forward .104, backward -.134.
TEST(Baseline, GapsOfQuartetHaveTheTrendsOfTheReference) {
  const auto trend = [](const std::string& where) {
    FitRequest request;
    request.law = "chen_gap";
    request.baseline = {"forward_quant == BF16 && backward_quant == BF16",
                        {"N_nonembed", "iterations"},
                        "c4_val_loss"};
    request.columns = "N=N_nonembed,D=tokens_D";
    request.where = where;
    Table table = read_table(HALFULP_SOURCE_DIR "/experiments/data/quartet-mxfp4/losses.csv");
    prepare_table(request, table);
    const Problem problem = make_problem(request, table);
    return named_values(problem, fit(problem, 100).best.theta).at("gD");
  };
  EXPECT_NEAR(trend("forward_quant == QuEST && backward_quant == BF16"), .104, .01);
  EXPECT_NEAR(trend("forward_quant == BF16 && backward_quant == AlbertTsengQuantizer"), -.134, .04);
}

TEST(FitRequest, CompareTakesFormulas) {
  FitRequest request;
  request.law = "chinchilla";
  request.options = {.starts = 40, .bootstrap = 0};
  set_request(request, "columns", "N=Model Size,D=Training FLOP/(6*N)");
  set_request(request, "where", "loss < 3.44");
  set_request(request, "compare", "E + A*N^-alpha");
  const FitOutcome outcome = run_request(
      request,
      read_table(HALFULP_SOURCE_DIR "/experiments/data/chinchilla-epoch/svg_extracted_data.csv"));
  ASSERT_EQ(outcome.compared.size(), 2U);
  EXPECT_EQ(outcome.compared[0].law, "chinchilla");
  EXPECT_EQ(outcome.compared[1].law, "E + A*N^-alpha");
}

TEST(FitRequest, GroupsMayBeOfSeveralColumns) {
  const Table table = parse_csv("a,b,c\n1,1,5\n1,2,6\n1,1,7\n", "t.csv");
  EXPECT_THAT(group_keys(table, "a,b"), ElementsAre("a 1, b 1", "a 1, b 2", "a 1, b 1"));
  EXPECT_THAT(group_keys(table, ""), ElementsAre("line 2", "line 3", "line 4"));
}

}  // namespace
}  // namespace halfulp::laws
