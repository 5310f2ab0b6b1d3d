#include "experiments/laws/published.h"

#include <fmt/format.h>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/schema.h"
#include "experiments/laws/law.h"

namespace halfulp::laws {

namespace {

using Constants = std::map<std::string, double>;

const char kKumarSource[] =
    "arXiv 2411.04330, Table 2; that offsets stand in the exponent is this project's reading";
const char kChenSource[] = "arXiv 2505.14302";

Constants kumar_training() {
  return {{"A", 4299.0},   {"alpha", 0.4965},    {"B", 18060.0},  {"beta", 0.4965},
          {"E", 2.7648},   {"gamma_w", 2.6745},  {"n_w", 0.3037}, {"gamma_a", 2.2102},
          {"n_a", 1.4072}, {"gamma_kv", 0.9578}, {"n_kv", 2.4185}};
}

Constants kumar_after() {
  return {{"C_T", 0.0598},
          {"gamma_post", 0.5907},
          {"b", 1.1277},
          {"gamma_D", 0.5068},
          {"gamma_N", 0.3439}};
}

Constants without_offsets(Constants constants) {
  for (const char* const name : {"n_w", "n_a", "n_kv", "b"}) constants.erase(name);
  return constants;
}

Constants sun(bool gap_only) {
  Constants constants = {{"alpha", 0.2368},
                         {"beta", 0.5162},
                         {"gamma", 11334.5197},
                         {"delta", 3.1926},
                         {"nu", 2.9543}};
  if (!gap_only) constants.insert({{"n", 69.2343}, {"d", 68973.0621}, {"eps", 1.9061}});
  return constants;
}

Constants chen(double k, double gN, double gD, double gG) {
  return {{"k", k}, {"gN", gN}, {"gD", gD}, {"gG", gG}};
}

std::vector<PublishedLaw> scaling() {
  return {
      {"hoffmann2022",
       "chinchilla",
       {{"A", 406.4}, {"B", 410.7}, {"E", 1.693}, {"alpha", 0.3392}, {"beta", 0.2849}},
       "arXiv 2203.15556, rounded; unrounded in its source: ln A 6.0073404, ln B 6.0179186, ln E "
       "0.5267228, alpha 0.33917084, beta 0.2849083"},
      {"besiroglu2024",
       "chinchilla",
       {{"A", 482.01}, {"B", 2085.43}, {"E", 1.8172}, {"alpha", 0.3478}, {"beta", 0.3658}},
       "arXiv 2404.10102"},
      {"quartet2025",
       "quartet",
       {{"A", 127400.0},
        {"alpha", 0.5785},
        {"B", 465800.0},
        {"beta", 0.5389},
        {"gamma", 0.2764},
        {"E", 1.3408}},
       "arXiv 2505.14669, its notebook"},
      {"quest2025",
       "quest",
       {{"A", 8.134}, {"alpha", 0.0627}, {"B", 86.4}, {"beta", 0.2413}, {"E", 0.0014}},
       "arXiv 2502.05003, its released runs; E is not identified"},
      {"spectra_trilm",
       "trilm",
       {{"A", 185.0}, {"alpha", 0.26}, {"E", 1.76}},
       "arXiv 2407.12327, from secondary notes"},
      {"spectra_floatlm",
       "trilm",
       {{"A", 159.0}, {"alpha", 0.26}, {"E", 1.67}},
       "arXiv 2407.12327, from secondary notes"},
      {"kaplan2020",
       "kaplan",
       {{"N_c", 1.5e14}, {"alpha_N", 0.076}, {"S_c", 2600.0}, {"alpha_S", 0.67}},
       "arXiv 2403.06563, unverified"},
      {"steplaw2025_rate",
       "step_law",
       {{"c", 1.79}, {"a", -0.713}, {"b", 0.307}},
       "arXiv 2503.04715"},
      {"steplaw2025_batch", "step_law_batch", {{"c", 0.58}, {"b", 0.571}}, "arXiv 2503.04715"},
  };
}

std::vector<PublishedLaw> curves() {
  const auto constants = [](double floor, double a, double alpha, double b, double c, double beta,
                            double gamma) {
    return Constants{{"L0", floor}, {"A", a},       {"alpha", alpha}, {"B", b},
                     {"C", c},      {"beta", beta}, {"gamma", gamma}};
  };
  const std::string source = "arXiv 2503.12811, its repository";
  return {
      {"multipower2025_25M", "multi_power",
       constants(3.0405, 0.5247, 0.5079, 363.79, 2.0656, 0.5828, 0.6414), source},
      {"multipower2025_100M", "multi_power",
       constants(2.6514, 0.6012, 0.453, 437.95, 2.1325, 0.5979, 0.6552), source},
      {"multipower2025_400M", "multi_power",
       constants(2.3747, 0.6542, 0.4288, 523.42, 2.0246, 0.5935, 0.6347), source},
  };
}

std::vector<PublishedLaw> precision() {
  Constants unified = kumar_training();
  unified.merge(kumar_after());
  return {
      {"kumar2024", "kumar_unified", unified, kKumarSource},
      {"kumar2024_written", "kumar_unified_written", without_offsets(unified),
       "arXiv 2411.04330, Table 2 without its offsets"},
      {"kumar2024_training", "kumar_training", kumar_training(), kKumarSource},
      {"kumar2024_training_written", "kumar_training_written", without_offsets(kumar_training()),
       "arXiv 2411.04330, Table 2 without its offsets"},
      {"kumar2024_ptq", "kumar_ptq", kumar_after(), kKumarSource},
      {"sun2025", "sun", sun(false), "arXiv 2501.02423"},
      {"sun2025_gap", "sun_gap", sun(true), "arXiv 2501.02423"},
      {"sun2025_base",
       "chinchilla",
       {{"A", 69.2343}, {"alpha", 0.2368}, {"B", 68973.0621}, {"beta", 0.5162}, {"E", 1.9061}},
       "arXiv 2501.02423"},
      {"chen2025_base",
       "chinchilla",
       {{"A", 237.7042}, {"alpha", 0.3022}, {"B", 596.249}, {"beta", 0.3022}, {"E", 1.9279}},
       kChenSource},
      {"chen2025_W4A4", "chen_gap", chen(0.1582, 0.2186, 0.0745, 0.7779), kChenSource},
      {"chen2025_W4A16", "chen_gap", chen(0.2522, 0.3589, 0.161, 0.3533), kChenSource},
      {"chen2025_W16A4", "chen_gap", chen(0.1004, 0.1816, 0.0331, 0.9812), kChenSource},
      {"chen2025_W4A4_FC2in8", "chen_gap", chen(0.3519, 0.2637, 0.0964, 0.3407), kChenSource},
      {"chen2025_W16A4_FC2in8", "chen_gap", chen(0.1273, 0.2347, 0.0827, 0.4491), kChenSource},
      {"qid2024",
       "qid",
       {{"k", 0.017}, {"b", 0.5251}, {"a", 0.2261}, {"c", 5.4967}},
       "arXiv 2411.17691; k is rounded"},
      {"dremov2025", "qat_share", {{"a", 6.7297}}, "arXiv 2509.22935, from secondary notes"},
  };
}

}  // namespace

const std::vector<PublishedLaw>& published_laws() {
  static const std::vector<PublishedLaw> laws = [] {
    auto all = scaling();
    for (auto& law : precision()) all.push_back(law);
    for (auto& law : curves()) all.push_back(law);
    return all;
  }();
  return laws;
}

const PublishedLaw& published_law(const std::string& name) {
  std::vector<std::string> names;
  for (const PublishedLaw& law : published_laws()) {
    if (law.name == name) return law;
    names.push_back(law.name);
  }
  throw harness::ConfigError(fmt::format("unknown published law '{}'{} (known: {})", name,
                                         harness::suggestion(name, names), fmt::join(names, ", ")));
}

double evaluate_published(const std::string& name, const std::map<std::string, double>& variables) {
  const PublishedLaw& published = published_law(name);
  return evaluate_law(*named_law(published.law), variables, published.constants);
}

}  // namespace halfulp::laws
