// Closed-form errors against brute-force integration, published optima and laws.
#include "sim/expected_error.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/metrics.h"

namespace halfulp {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

ScalarGrid grid_of(const char* format, const char* rounding = "nearest_even") {
  RoundSpec spec;
  parse_rounding(rounding, spec);
  return decision_grid(parse_format(format), spec);
}

double best_db(const char* distribution, const char* format) {
  return to_db(optimal_scale(parse_distribution(distribution), grid_of(format)).error);
}

/// Integral of (x - s round(x / s))^2 p(x) over [-40, 40] (or the support) by the midpoint rule:
/// knows nothing of cells.
double brute_force(const Distribution& d, const Format& format, const RoundSpec& spec,
                   double scale) {
  constexpr int kPoints = 400000;
  const double reach = std::min(support(d), 40.0), step = 2.0 * reach / kPoints;
  double sum = 0.0;
  for (int i = 0; i < kPoints; ++i) {
    const double x = -reach + (i + 0.5) * step;
    const double error = x - scale * round(format, spec, x / scale);
    sum += error * error * density(d, x) * step;
  }
  return sum;
}

TEST(ExpectedError, AgreesWithBruteForce) {
  const std::vector<const char*> roundings = {"nearest_even", "toward_zero", "toward_positive"};
  for (const char* name : {"e2m1fn", "int4", "e3m2fn", "e2m3ieee"}) {
    for (const char* rounding : roundings) {
      for (const Distribution& d :
           {Distribution{Distribution::Kind::normal}, Distribution{Distribution::Kind::laplace},
            Distribution{Distribution::Kind::uniform}}) {
        const Format format = parse_format(name);
        RoundSpec spec;
        parse_rounding(rounding, spec);
        const double exact = expected_square_error(d, decision_grid(format, spec), 0.31);
        EXPECT_NEAR(brute_force(d, format, spec, 0.31) / exact, 1.0, 2e-4)
            << name << " " << rounding << " " << to_string(d);
      }
    }
  }
}

// Two adjacent cells in place of one: the same integral by quadrature and by moments.
TEST(ExpectedError, NarrowAndWideCellsAgree) {
  for (const char* name : {"normal", "laplace", "student_t3", "student_t8"}) {
    const Distribution d = parse_distribution(name);
    for (double scale = 0.1; scale < 8.0; scale *= 1.3) {
      const ScalarGrid whole = midpoint_grid({-1.0, 0.0, 1.0});
      // The same values with thresholds in ever more places change no error.
      ScalarGrid split{{-1.0, 0.0}, {-0.5}};
      for (int i = 1; i <= 32; ++i) {
        split.values.push_back(i == 32 ? 1.0 : 0.0);
        split.thresholds.push_back(0.5 * i / 32.0);
      }
      const double a = expected_square_error(d, whole, scale);
      EXPECT_NEAR(expected_square_error(d, split, scale) / a, 1.0, 1e-11) << name << " " << scale;
    }
  }
}

TEST(ExpectedError, OnlySaturationIsLeftOfATinyGrid) {
  // All of the mass is beyond: E (|X| - a)^2 = 1 - 2 a E|X| + a^2.
  constexpr double kTiny = 1e-6, kMeanOfNormal = 0.79788456080286541;
  const double exact = 1.0 - 2.0 * kTiny * kMeanOfNormal + kTiny * kTiny;
  EXPECT_NEAR(expected_square_error({}, midpoint_grid({-1.0, 1.0}), kTiny), exact, 1e-15);
}

TEST(ExpectedError, StochasticRoundingHasTwiceTheErrorOfAFineGrid) {
  std::vector<double> values;
  for (int i = -400; i <= 400; ++i) values.push_back(i);
  const ScalarGrid nearest = midpoint_grid(values);
  const ScalarGrid stochastic = {values, {}};
  for (const char* name : {"normal", "laplace"}) {
    const Distribution d = parse_distribution(name);
    const double a = expected_square_error(d, nearest, 0.05);
    const double b = expected_stochastic_square_error(d, stochastic, 0.05);
    EXPECT_NEAR(a / (0.05 * 0.05 / 12.0), 1.0, 1e-3) << name;
    EXPECT_NEAR(b / a, 2.0, 2e-3) << name;
  }
}

TEST(ExpectedError, DirectedRoundingMovesTheThresholds) {
  const ScalarGrid up = grid_of("int4", "toward_positive"), zero = grid_of("int4", "toward_zero");
  EXPECT_EQ(zero.thresholds[10], 3.0);                     // between 2 and 3
  EXPECT_EQ(up.thresholds[10], std::nextafter(2.0, 3.0));  // the next number above 2
  EXPECT_EQ(grid_of("e2m1fn").thresholds.back(), 5.0);     // between 4 and 6
  EXPECT_EQ(grid_of("e2m1fn").values.size(), 15U);
}

struct Row {
  int levels;
  double clip, mse;
};

// Max, "Quantizing for minimum distortion", IRE Trans. IT-6, 1960, table II (step of the uniform
// quantizer, mean squared error): 2 levels 1.596, 0.3634; 4: 0.9957, 0.1188; 8: 0.5860, 0.03744;
// 16: 0.3352, 0.01154. clip = (levels - 1) step / 2. More digits: the closed form's own.
TEST(ExpectedError, UniformGridsOnANormalAreMaxsTable) {
  const std::vector<Row> published = {{2, 1.596 / 2, 0.3634},
                                      {4, 0.9957 * 1.5, 0.1188},
                                      {8, 0.5860 * 3.5, 0.03744},
                                      {16, 0.3352 * 7.5, 0.01154},
                                      {32, 0.1881 * 15.5, 0.003495}};
  for (const auto& [levels, clip, mse] : published) {
    std::vector<double> values;
    for (int i = 0; i < levels; ++i) values.push_back(-1.0 + 2.0 * i / (levels - 1));
    const ScaleOptimum best = optimal_scale({}, midpoint_grid(values));
    EXPECT_NEAR(best.scale / clip, 1.0, 4e-4) << levels;
    EXPECT_NEAR(best.error / mse, 1.0, 5e-4) << levels;
  }
}

// More digits of the same, which an independent scipy computation also gave.
TEST(ExpectedError, UniformGridsOnANormalToSevenDigits) {
  const std::vector<Row> rows = {
      {2, 0.797885, 0.363380},     {3, 1.224006, 0.190174},      {4, 1.493530, 0.118846},
      {8, 2.051068, 0.0374397},    {16, 2.514005, 0.0115429},    {32, 2.916151, 3.495211e-3},
      {64, 3.277985, 1.040045e-3}, {128, 3.611097, 3.043328e-4}, {256, 3.922204, 8.768619e-5}};
  for (const auto& [levels, clip, mse] : rows) {
    std::vector<double> values;
    for (int i = 0; i < levels; ++i) values.push_back(-1.0 + 2.0 * i / (levels - 1));
    const ScaleOptimum best = optimal_scale({}, midpoint_grid(values));
    EXPECT_NEAR(best.scale, clip, 1.5e-6) << levels;
    EXPECT_NEAR(best.error / mse, 1.0, 2e-6) << levels;
  }
}

// Max 1960, table I: the nonuniform quantizers. Lloyd's iteration with centroids by moments.
TEST(ExpectedError, LloydsIterationReachesMaxsQuantizers) {
  for (const auto& [levels, mse] : {std::pair{4, 0.1174818}, {8, 0.0345478}, {16, 0.0095010}}) {
    std::vector<double> half;  // the positive values
    for (int i = 0; i < levels / 2; ++i) half.push_back(0.1 + 2.0 * i / levels * 2.0);
    ScalarGrid grid;
    for (int round = 0; round < 3000; ++round) {
      std::vector<double> values;
      for (std::size_t i = half.size(); i-- > 0;) values.push_back(-half[i]);
      values.insert(values.end(), half.begin(), half.end());
      grid = midpoint_grid(values);
      for (std::size_t i = 0; i < half.size(); ++i) {
        const double low = i == 0 ? 0.0 : 0.5 * (half[i - 1] + half[i]);
        const double high = i + 1 == half.size() ? kInfinity : 0.5 * (half[i] + half[i + 1]);
        const TailMoments a = tail_moments({}, low), b = tail_moments({}, high);
        values[half.size() + i] = (a.first - b.first) / (a.probability - b.probability);
      }
      half.assign(values.begin() + levels / 2, values.end());
    }
    EXPECT_NEAR(expected_square_error({}, grid, 1.0) / mse, 1.0, 2e-5) << levels;
  }
}

TEST(ExpectedError, FourBitFormats) {
  const ScaleOptimum e2m1 = optimal_scale({}, grid_of("e2m1fn"));
  EXPECT_NEAR(e2m1.scale, 0.487079, 1e-6);
  EXPECT_NEAR(e2m1.error, 0.0126849, 5e-8);
  EXPECT_NEAR(optimal_scale(parse_distribution("laplace"), grid_of("e2m1fn")).error, 0.0184910,
              5e-8);
  EXPECT_NEAR(best_db("uniform", "e2m1fn"), 20.92, 0.005);
  const ScaleOptimum int4 = optimal_scale({}, grid_of("int4sym"));
  EXPECT_NEAR(7.0 * int4.scale, 2.4739, 1e-4);
  EXPECT_NEAR(int4.error, 0.0128894, 5e-8);
  EXPECT_NEAR(optimal_scale({}, grid_of("int4")).error, 0.0118640, 5e-8);
  EXPECT_NEAR(best_db("normal", "int8"), 40.57, 0.005);
  EXPECT_NEAR(best_db("normal", "e3m0finite"), 14.23, 0.005);
  EXPECT_NEAR(best_db("normal", "e1m2finite"), best_db("normal", "int4sym"), 1e-9);
  // bitsandbytes' table of that name, which is not E2M1.
  const std::vector<double> half = {0.0625, 2, 3, 4, 6, 8, 12};
  std::vector<double> fp4 = {0.0};
  for (const double v : half) fp4.insert(fp4.end(), {v, -v});
  std::sort(fp4.begin(), fp4.end());
  EXPECT_NEAR(to_db(optimal_scale({}, midpoint_grid(fp4)).error), 17.80, 0.005);
}

// Posits round by their bit string and never to zero; with the nearest value they would have the
// second number.
TEST(ExpectedError, PositsRoundAsTheirStandardSays) {
  for (const auto& [name, own, nearest] : {std::tuple{"posit(8,0)", 41.346, 41.48},
                                           {"posit(8,1)", 37.484, 37.48},
                                           {"posit(8,2)", 31.557, 31.56}}) {
    const ScalarGrid grid = grid_of(name);
    EXPECT_NEAR(to_db(optimal_scale({}, grid).error), own, 6e-4) << name;
    EXPECT_NEAR(to_db(optimal_scale({}, midpoint_grid(grid.values)).error), nearest, 0.0051)
        << name;
  }
  const ScalarGrid nf4 = grid_of("nf4");
  EXPECT_NEAR(optimal_scale({}, nf4).error, 0.0098993, 5e-8);
  EXPECT_NEAR(optimal_scale({}, nf4).scale, 2.863, 5e-4);
}

struct SplitRow {
  const char* format;
  double uniform, normal, laplace, student_t4;
};

// Kuzmin et al. 2022 ask this; the numbers are from an independent scipy computation, except the
// uniform column of the wide floats (see the next test) and NaN where that gave none.
TEST(ExpectedError, PowerOfTheExponent) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<SplitRow> rows = {
      {"int8sym", 48.13, 40.54, 35.18, nan},    {"e1m6finite", 48.13, 40.54, 35.18, nan},
      {"e2m5finite", 44.49, 42.67, 39.45, nan}, {"e3m4finite", nan, 37.56, 37.54, nan},
      {"e4m3finite", nan, 31.56, 31.54, nan},   {"e5m2finite", nan, 25.58, 25.56, nan},
      {"int6sym", nan, 29.71, 25.26, 18.83},    {"e2m3fn", nan, 30.81, 28.55, 21.60},
      {"e3m2fn", nan, 25.58, 25.55, 24.82},     {"int4sym", 23.52, 18.90, 15.62, 12.48},
      {"e2m1fn", 20.92, 18.97, 17.33, 14.28}};
  for (const SplitRow& row : rows) {
    const auto expect = [&](const char* distribution, double db) {
      if (std::isnan(db)) return;
      EXPECT_NEAR(best_db(distribution, row.format), db, 0.0051) << row.format;
    };
    expect("uniform", row.uniform);
    expect("normal", row.normal);
    expect("laplace", row.laplace);
    expect("student_t4", row.student_t4);
  }
}

// On a uniform distribution the largest number at the edge is only a local optimum for floats with
// many exponents: an edge inside a binade, far below the largest number, is better.
TEST(ExpectedError, WideFloatsOnAUniformAreBestInsideABinade) {
  const Distribution uniform = {Distribution::Kind::uniform};
  for (const auto& [format, at_edge, best] : {std::tuple{"e3m4finite", 38.49, 38.656},
                                              {"e4m3finite", 32.41, 32.736},
                                              {"e5m2finite", 26.28, 26.914}}) {
    const ScalarGrid grid = grid_of(format);
    double local = 0.0;  // best with the largest number within 5 % of the edge
    for (double clip = 0.95; clip < 1.05; clip += 1e-4) {
      const double scale = clip * support(uniform) / grid.values.back();
      local = std::max(local, to_db(expected_square_error(uniform, grid, scale)));
    }
    EXPECT_NEAR(local, at_edge, 0.006) << format;
    EXPECT_NEAR(best_db("uniform", format), best, 0.0006) << format;
  }
}

// A float with exponents to spare has a relative error that no distribution changes.
TEST(ExpectedError, WideFloatsPlateau) {
  for (const auto& [format, trailing] :
       {std::pair{"e5m1finite", 1}, {"e5m2finite", 2}, {"e5m3finite", 3}}) {
    for (const char* distribution : {"normal", "laplace", "student_t5"}) {
      EXPECT_NEAR(best_db(distribution, format), 6.02 * trailing + 13.5, 0.25)
          << format << " " << distribution;
    }
  }
}

// The same bits on every machine: no C library function takes part.
TEST(ExpectedError, HasPinnedBits) {
  std::vector<double> errors;
  for (const char* name : {"uniform", "normal", "laplace", "student_t5"}) {
    errors.push_back(expected_square_error(parse_distribution(name), grid_of("e2m1fn"), 0.5));
  }
  const std::vector<double> expected = {0x1.7666d72c85352p-7, 0x1.a037e81bc165ep-7,
                                        0x1.a362774c307aep-6, 0x1.297f2aa25d096p-5};
  EXPECT_EQ(errors, expected);
}

TEST(ScaleSearch, FindsTheLowerOfSeveralMinima) {
  // Minima at log2 = -3 (1.0) and 2 (0.5); the second is narrower.
  const auto error = [](double scale) {
    const double x = std::log2(scale);
    return std::min(1.0 + (x + 3) * (x + 3), 0.5 + 20.0 * (x - 2) * (x - 2));
  };
  const ScaleOptimum best = minimize_over_scale(error, -8.0, 8.0, 16);
  EXPECT_NEAR(best.scale, 4.0, 1e-6);
  EXPECT_NEAR(best.error, 0.5, 1e-12);
}

}  // namespace
}  // namespace halfulp
