// Errors of block formats on Gaussian data, against published or independently computed numbers.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "formats/block_spec.h"
#include "sim/block_quantizer.h"

namespace halfulp {
namespace {

struct Errors {
  double signal = 0;
  double noise = 0;

  double relative() const { return noise / signal; }

  double sqnr_db() const { return 10 * std::log10(signal / noise); }
};

/// N(0, sigma) with log2 sigma at 16 even phases of a binade: power-of-two scales are not invariant
/// under scaling.
Errors errors_on_gaussians(const std::string& text, std::size_t rows_per_phase) {
  constexpr std::size_t kCols = 256;
  const BlockQuantizer quantizer(parse_block_format(text));
  const std::size_t n = rows_per_phase * kCols;
  static std::vector<float> normals;
  while (normals.size() < n) {
    normals.push_back(static_cast<float>(random_normal({.seed = 1}, normals.size())));
  }
  Errors errors;
  std::vector<float> x(n);
  std::vector<float> y(n);
  for (int phase = 0; phase < 16; ++phase) {
    const auto sigma = static_cast<float>(std::exp2(phase / 16.0));
    for (std::size_t i = 0; i < n; ++i) x[i] = sigma * normals[i];
    const RandomStream stream{.seed = 2, .step = static_cast<std::uint32_t>(phase)};
    quantizer.quantize({x.data(), rows_per_phase, kCols, kCols},
                       {y.data(), rows_per_phase, kCols, kCols}, stream);
    const double weight = 1 / (static_cast<double>(sigma) * static_cast<double>(sigma));
    for (std::size_t i = 0; i < n; ++i) {
      const auto value = static_cast<double>(x[i]);
      const double difference = static_cast<double>(y[i]) - value;
      errors.signal += weight * value * value;
      errors.noise += weight * difference * difference;
    }
  }
  return errors;
}

struct Published {
  const char* text;
  double sqnr_db;
};

// The published column "ceil" rounds amax / max up to a power of two, which is the rule rceil here.
// Averages over the phases of sigma, stated to 0.02 dB. The rest of the tolerance is the sampling
// error of 2^18 elements here: about 0.02 dB, and more where few maxima make the error.
TEST(BlockSqnr, GaussianDataGivesThePublishedNumbers) {
  const std::vector<Published> published = {{"mxfp8_e4m3(floor)", 30.48},
                                            {"mxfp8_e4m3(even)", 31.07},
                                            {"mxfp8_e4m3(rceil)", 31.54},
                                            {"mxfp8_e5m2(floor)", 25.34},
                                            {"mxfp8_e5m2(rceil)", 25.56},
                                            {"mxfp6_e3m2(floor)", 25.34},
                                            {"mxfp6_e2m3(floor)", 30.98},
                                            {"mxfp6_e2m3(rceil)", 30.98},
                                            {"mxfp4(floor)", 18.75},
                                            {"mxfp4(even)", 19.00},
                                            {"mxfp4(rceil)", 18.65},
                                            {"mxint8", 42.03},
                                            {"nvfp4", 20.43},
                                            {"nvfp4(torchao)", 20.43},
                                            {"nvfp4(one_level)", 20.43},
                                            {"grouped(int8sym,block=32,scale=binary32)", 45.44},
                                            {"grouped(int4sym,block=32,scale=binary32)", 20.27}};
  for (const Published& row : published) {
    EXPECT_NEAR(errors_on_gaussians(row.text, 64).sqnr_db(), row.sqnr_db, 0.06) << row.text;
  }
}

TEST(BlockSqnr, FourOverSixGainsAsPublished) {
  EXPECT_NEAR(errors_on_gaussians("nvfp4(four_over_six_mse,tensor=256)", 16).sqnr_db(), 21.21, 0.1);
}

TEST(BlockSqnr, ThreeQuarterPrescaleGivesThePublishedErrors) {
  EXPECT_NEAR(errors_on_gaussians("mxfp4(prescale=3/4)", 64).relative(), 0.01366, 0.0001);
  EXPECT_NEAR(errors_on_gaussians("mxfp4(prescale=3/4,rounding=stochastic(16))", 64).relative(),
              0.02774, 0.0002);
}

}  // namespace
}  // namespace halfulp
