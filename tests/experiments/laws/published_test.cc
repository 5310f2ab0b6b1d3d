// The published laws at the 153 points of law_test_vectors.csv, which were computed apart with
// NumPy.
#include "experiments/laws/published.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <regex>
#include <string>

#include "experiments/harness/diagnostics.h"
#include "experiments/laws/law.h"

namespace halfulp::laws {
namespace {

struct Vector {
  std::string law, output, setting;
  std::map<std::string, double> inputs;
  double value = 0.0;
};

std::vector<Vector> read_vectors() {
  std::ifstream file(HALFULP_SOURCE_DIR "/experiments/data/published-laws/law_test_vectors.csv");
  std::vector<Vector> vectors;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    Vector vector;
    vector.law = line.substr(0, line.find(','));
    const std::regex pair("\"\"([A-Za-z_0-9]+)\"\": (\"\"([A-Za-z0-9_]+)\"\"|[-+.e0-9]+)");
    for (std::sregex_iterator it(line.begin(), line.end(), pair), end; it != end; ++it) {
      if ((*it)[3].matched) {
        vector.setting = (*it)[3];
      } else {
        vector.inputs[(*it)[1]] = std::stod((*it)[2]);
      }
    }
    const std::string tail = line.substr(line.rfind('}') + 3);
    vector.output = tail.substr(0, tail.find(','));
    vector.value = std::stod(tail.substr(tail.find(',') + 1));
    vectors.push_back(vector);
  }
  return vectors;
}

/// Effective parameters by the definition, from a law whose only term is N_eff.
double effective_size(const Vector& vector) {
  const auto& published = published_law("kumar2024_training").constants;
  std::map<std::string, double> constants(published.begin(), published.end());
  constants["A"] = 1.0;
  constants["alpha"] = 1.0;
  constants["B"] = 1e-200;
  constants["E"] = 1e-200;
  return 1.0 / evaluate_law(*named_law("kumar_training"), vector.inputs, constants);
}

double evaluate(Vector vector) {
  auto& in = vector.inputs;
  if (vector.output == "N_eff") return effective_size(vector);
  if (vector.law == "kumar2024_unified") return evaluate_published("kumar2024", in);
  if (vector.law == "kumar2024_ptq_no_training_quantization") {
    return evaluate_published("kumar2024_ptq", in);
  }
  if (vector.law == "sun2025_fp") {
    return evaluate_published(vector.output == "delta" ? "sun2025_gap" : "sun2025_base", in);
  }
  if (vector.law == "chen2025_qat") {
    return evaluate_published(
        vector.output == "delta" ? "chen2025_" + vector.setting : "chen2025_base", in);
  }
  if (vector.law == "qid2024") return evaluate_published("qid2024", in);
  if (vector.law == "besiroglu2024") return evaluate_published("besiroglu2024", in);
  if (vector.law == "dremov2025_optimal_qat_fraction") {
    return evaluate_published("dremov2025", {{"N", in["N"]}, {"D", in["D_total"]}, {"P", in["B"]}});
  }
  if (vector.law == "steplaw") {
    return evaluate_published(vector.output == "lr_opt" ? "steplaw2025_rate" : "steplaw2025_batch",
                              in);
  }
  if (vector.law == "hoffmann2022_tex") {
    return evaluate_law(*named_law("chinchilla"), in,
                        {{"A", std::exp(6.0073404)},
                         {"B", std::exp(6.0179186)},
                         {"E", std::exp(0.5267228)},
                         {"alpha", 0.33917084},
                         {"beta", 0.2849083}});
  }
  // Quartet and QuEST: efficiencies are parameters.
  const PublishedLaw& published = published_law(vector.law);
  std::map<std::string, double> constants = published.constants;
  for (const char* const name : {"eff", "eff_N", "eff_D"}) {
    if (in.contains(name)) constants[name] = in[name];
  }
  return evaluate_law(*named_law(published.law), in, constants);
}

TEST(PublishedLaws, AllTestVectorsAreReproduced) {
  const auto vectors = read_vectors();
  ASSERT_EQ(vectors.size(), 153U);
  for (const Vector& vector : vectors) {
    EXPECT_NEAR(evaluate(vector) / vector.value, 1.0, 1e-7)
        << vector.law << " " << vector.output << " " << vector.setting;
  }
}

TEST(PublishedLaws, SunWithItsGapIsBasePlusGap) {
  const std::map<std::string, double> at = {
      {"N", 41e6}, {"D", 1e10}, {"E", 2}, {"M", 1}, {"log2B", 5}};
  EXPECT_NEAR(evaluate_published("sun2025", at),
              evaluate_published("sun2025_base", at) + evaluate_published("sun2025_gap", at),
              1e-12);
}

TEST(PublishedLaws, QuantizationAfterTrainingAddsTheGapOfExactTraining) {
  const std::map<std::string, double> at = {{"N", 3e7}, {"D", 1.5e9}, {"P_post", 4}};
  std::map<std::string, double> exact = at;
  exact.erase("P_post");
  EXPECT_NEAR(evaluate_published("kumar2024", at) - evaluate_published("kumar2024", exact),
              evaluate_published("kumar2024_ptq", at), 1e-12);
}

TEST(PublishedLaws, MissingAndUnknownNamesAreErrors) {
  EXPECT_THROW(evaluate_published("besiroglu2024", {{"N", 1e9}}), harness::ConfigError);
  EXPECT_THROW(published_law("besiroglu"), harness::ConfigError);
  EXPECT_THROW(named_law("chinchila"), harness::ConfigError);
  EXPECT_THROW(named_law("data_mixing(0)"), harness::ConfigError);
}

}  // namespace
}  // namespace halfulp::laws
