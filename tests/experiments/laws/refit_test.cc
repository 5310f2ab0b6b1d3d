// Refits of published tables. Expected values: reference_refits.json of experiments/data/
// published-laws, computed with SciPy.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "experiments/laws/published.h"
#include "tests/experiments/laws/published_fits.h"

namespace halfulp::laws {
namespace {

void expect_values(const std::map<std::string, double>& found,
                   const std::map<std::string, double>& expected, double tolerance) {
  for (const auto& [name, value] : expected) {
    EXPECT_NEAR(found.at(name) / value, 1.0, tolerance) << name;
  }
}

/// The base law of Quartet at its optimum on the 24 BF16 runs.
std::map<std::string, double> quartet_base() {
  const Problem problem(quartet_table("forward_quant==BF16 && backward_quant==BF16"),
                        spec_of("quartet", 1e-4));
  auto values = named_values(problem, fit(problem, 60).best.theta);
  values.erase("eff_N");
  values.erase("eff_D");
  return values;
}

TEST(Refit, ChinchillaPointsGiveTheReference) {
  const Problem problem(chinchilla_table(), spec_of("chinchilla", 1e-3));
  ASSERT_EQ(problem.rows(), 240U);
  const MultiStart found = fit(problem, 60);
  EXPECT_NEAR(found.best.objective / 0.0010182740, 1.0, 1e-6);
  EXPECT_GE(found.reached, 10U);
  expect_values(
      named_values(problem, found.best.theta),
      {{"A", 477.83}, {"B", 2143.42}, {"E", 1.81722}, {"alpha", .34731}, {"beta", .36717}}, 2e-5);
}

TEST(Refit, FiveOutliersMoveBBySix) {
  const Problem problem(chinchilla_table(""), spec_of("chinchilla", 1e-3));
  expect_values(named_values(problem, fit(problem, 60).best.theta),
                {{"A", 495.7}, {"B", 12845.6}, {"E", 1.8913}, {"alpha", .3493}, {"beta", .4531}},
                2e-4);
}

TEST(Refit, ChinchillaBySquaresAndByAbsoluteDeviations) {
  const Problem squares(chinchilla_table(), spec_of("chinchilla", kSquares));
  expect_values(named_values(squares, fit(squares, 60).best.theta),
                {{"A", 593.3}, {"B", 4875.6}, {"E", 1.8646}, {"alpha", .3603}, {"beta", .4059}},
                2e-4);
  const Problem absolute(chinchilla_table(), spec_of("chinchilla", 1e-6));
  expect_values(named_values(absolute, fit(absolute, 60).best.theta),
                {{"A", 481.93}, {"B", 2085.0}, {"E", 1.81684}, {"alpha", .3478}, {"beta", .36584}},
                5e-3);
}

TEST(Refit, QuartetBaseLawGivesTheReference) {
  const Problem problem(quartet_table("forward_quant==BF16 && backward_quant==BF16"),
                        spec_of("quartet", 1e-4));
  ASSERT_EQ(problem.rows(), 24U);
  const MultiStart found = fit(problem, 60);
  EXPECT_NEAR(found.best.objective, 2.129e-6, 0.0005e-6);
  EXPECT_NEAR(found.best.objective / 2.129217829e-6, 1.0, 1e-6);
  expect_values(named_values(problem, found.best.theta),
                {{"A", 127400},
                 {"alpha", .5785},
                 {"B", 465800},
                 {"beta", .5389},
                 {"E", 1.3408},
                 {"gamma", .2764}},
                1e-3);
}

TEST(Refit, QuartetWithoutItsOuterExponentNeedsManyStarts) {
  ProblemSpec spec = spec_of("quartet", 1e-4);
  spec.fixed["gamma"] = 1.0;
  const Problem problem(quartet_table("forward_quant==BF16 && backward_quant==BF16"), spec);
  const MultiStart found = fit(problem, 60);
  EXPECT_NEAR(found.best.objective, 7.73e-6, 0.005e-6);
  expect_values(named_values(problem, found.best.theta),
                {{"A", 10.95}, {"alpha", .103}, {"B", 628.6}, {"beta", .347}, {"E", 1.025}}, 5e-3);
}

TEST(Refit, QuartetEfficienciesOfForwardAndBackwardQuantizers) {
  const auto base = quartet_base();
  ProblemSpec forward = spec_of("quartet", 1e-4);
  forward.fixed = base;
  forward.by["eff_N"] = "forward_quant";
  const Problem by_forward(quartet_table("backward_quant==BF16 && forward_quant!=BF16"), forward);
  const auto eff_n = named_values(by_forward, fit(by_forward, 20).best.theta);
  expect_values(eff_n,
                {{"eff_N[QuEST]", .6452},
                 {"eff_N[AlbertTsengQuantizer]", .4330},
                 {"eff_N[AlbertTsengDeterministic]", .6061},
                 {"eff_N[Eden32]", .675},
                 {"eff_N[Eden128]", .6391}},
                5e-3);
  ProblemSpec backward = spec_of("quartet", 1e-4);
  backward.fixed = base;
  backward.by["eff_D"] = "backward_quant";
  const Problem by_backward(quartet_table("forward_quant==BF16 && backward_quant!=BF16"), backward);
  const auto eff_d = named_values(by_backward, fit(by_backward, 20).best.theta);
  expect_values(eff_d,
                {{"eff_D[AlbertTsengQuantizer]", .8935},
                 {"eff_D[AlbertTsengDeterministic]", .9281},
                 {"eff_D[Eden128]", .9506},
                 {"eff_D[Eden32]", .912},
                 {"eff_D[QuEST]", .31}},
                5e-3);
}

TEST(Refit, QuestEfficienciesGiveTheReference) {
  ProblemSpec spec = spec_of("quest", kSquares);
  spec.by["eff"] = "kind";
  spec.fixed["eff[16]"] = 1.0;
  const Problem problem(quest_table(""), spec);
  ASSERT_EQ(problem.rows(), 104U);
  const MultiStart found = fit(problem, 40);
  EXPECT_NEAR(std::sqrt(2.0 * found.best.objective / 104.0), 0.0038, 0.00005);
  const auto values = named_values(problem, found.best.theta);
  expect_values(values,
                {{"A", 8.134},       {"alpha", .0627},    {"B", 86.4},        {"beta", .2413},
                 {"eff[1]", .0205},  {"eff[2]", .152},    {"eff[3]", .433},   {"eff[4]", .692},
                 {"eff[8]", 1.016},  {"eff[101]", .138},  {"eff[102]", .414}, {"eff[103]", .653},
                 {"eff[104]", .840}, {"eff[201]", .0156}, {"eff[202]", .078}, {"eff[203]", .322},
                 {"eff[204]", .603}, {"eff[208]", .938},  {"eff[316]", .630}, {"eff[404]", .381}},
                6e-3);
  EXPECT_LT(values.at("E"), 0.01);  // at its bound: not identified
}

TEST(Refit, KumarOnQuestRunsIsAtLeastAsGoodAsTheReference) {
  // The reference stands at 0.75 % with offsets and 1.41 % without; these optima are a little
  // lower, at offsets of the other sign, so that only the decay rate of the weights agrees with it.
  Table table = quest_table("kind < 200");
  define_columns(table, parse_definitions("P_w=w_bits,P_a=a_bits", "columns"));
  const auto rms = [](const MultiStart& found, const Problem& problem) {
    return std::sqrt(2.0 * found.best.objective / static_cast<double>(problem.rows()));
  };
  const Problem with(table, spec_of("kumar_training", kSquares));
  ASSERT_EQ(with.rows(), 70U);
  const MultiStart found = fit(with, 60);
  EXPECT_NEAR(rms(found, with), 0.007123, 1e-6);
  EXPECT_NEAR(named_values(with, found.best.theta).at("gamma_w"), 2.65, 0.03);
  const Problem without(table, spec_of("kumar_training_written", kSquares));
  EXPECT_NEAR(rms(fit(without, 60), without), 0.013707, 1e-6);
}

TEST(Refit, TheGapOfQuartetsForwardPassGrowsWithData) {
  // Gap = loss - loss of BF16 at the same N and D.
  Table table =
      quartet_table("backward_quant==BF16 && (forward_quant==QuEST || forward_quant==BF16)");
  std::map<std::pair<double, double>, double> exact;
  const auto& size = table.find("N")->numbers;
  const auto& data = table.find("D")->numbers;
  const auto& loss = table.find("loss")->numbers;
  const auto& quantizer = table.find("forward_quant")->texts;
  for (std::size_t r = 0; r < table.rows(); ++r) {
    if (quantizer[r] == "BF16") exact[{size[r], data[r]}] = loss[r];
  }
  TableColumn gap{"gap", false, {}, {}};
  for (std::size_t r = 0; r < table.rows(); ++r) {
    const auto found = exact.find({size[r], data[r]});
    const double value =
        found == exact.end() ? std::numeric_limits<double>::quiet_NaN() : loss[r] - found->second;
    gap.numbers.push_back(value);
    gap.texts.push_back(number_text(value));
  }
  table.columns.push_back(gap);
  keep_rows(table, "forward_quant==QuEST && gap > 0");
  const Problem problem(table, spec_of("chen_gap", kSquares));
  const auto values = named_values(problem, fit(problem, 30).best.theta);
  // The reference has .104 [.080, .125] and .174 [.135, .207] for another loss on the gaps.
  EXPECT_NEAR(values.at("gD"), .104, .004);
  EXPECT_NEAR(values.at("gN"), .174, .004);
}

/// Rows of several curves of one model size, with the file's name in the column `file`.
Table curves(const std::string& folder, const std::vector<std::string>& names) {
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    paths.push_back(HALFULP_SOURCE_DIR "/experiments/data/multipower-schedules/" + folder + "/" +
                    name + ".csv");
  }
  Table table = read_tables(paths);
  define_columns(table, parse_definitions("rate=lr", "columns"));
  return table;
}

TEST(Refit, MultiPowerConstantsPredictTheSchedulesTheyWereNotFittedTo) {
  const std::map<std::string, std::string> sizes = {{"multipower2025_25M", "csv_25"},
                                                    {"multipower2025_100M", "csv_100"}};
  for (const auto& [name, folder] : sizes) {
    ProblemSpec spec = spec_of("multi_power", 1e-3);
    spec.fixed = published_law(name).constants;
    const double floor = spec.fixed.at("L0");
    spec.fixed.erase("L0");
    spec.warmup = 2160.0;
    spec.curve = "file";
    const Problem fitted(curves(folder, {"cosine_24000", "constant_24000", "wsdcon_9"}), spec);
    const auto values = named_values(fitted, fit(fitted, 3).best.theta);
    EXPECT_NEAR(values.at("L0"), floor, 0.003) << name;  // their own L0, within the noise
    spec.fixed["L0"] = floor;
    spec.fixed.erase("A");
    const Problem other(curves(folder, {"wsd_20000_24000", "cosine_72000", "wsdld_20000_24000"}),
                        spec);
    double worst = 0.0;
    for (std::size_t r = 0; r < other.rows(); ++r) {
      worst = std::max(
          worst, std::abs(other.residual(r, {std::log(published_law(name).constants.at("A"))})));
    }
    EXPECT_LT(worst, 0.015) << name;
  }
}

}  // namespace
}  // namespace halfulp::laws
