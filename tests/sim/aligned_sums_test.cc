#include "sim/aligned_sums.h"

#include "formats/round.h"
#include "formats/spec.h"
#include "tests/sim/sum_kernels_check.h"

namespace halfulp {
namespace {

using testing::expect_sums;
using testing::SumProblem;
using testing::SumShape;
using testing::Values;

/// Numbers of a format, spread over `binades` around 2^center.
Values spread(const std::string& format, int binades, int center = 0) {
  return [to = parse_format(format), binades, center](std::mt19937& rng) {
    const int exponent = static_cast<int>(rng() % static_cast<unsigned>(binades)) - binades / 2;
    const double x = std::ldexp(std::normal_distribution<double>()(rng), exponent + center);
    return rng() % 16 == 0 ? 0.0F : static_cast<float>(round(to, {}, x));
  };
}

const std::vector<SumShape> kShapes = {{1, 1, 1},  {1, 1, 37},  {5, 5, 8},   {7, 33, 19},
                                       {1, 40, 9}, {40, 1, 70}, {13, 2, 50}, {6, 19, 100}};

struct Preset {
  const char* spec;
  const char* operands;
};

const Preset kPresets[] = {
    {"v100(binary16)", "binary16"},
    {"v100(binary16,result=binary16)", "binary16"},
    {"turing(binary16)", "binary16"},
    {"a100(binary16)", "binary16"},
    {"a100(bfloat16)", "bfloat16"},
    {"a100(tf32)", "tf32"},
    {"a100(binary16,result=binary16)", "binary16"},
    {"ada(e4m3fn)", "e4m3fn"},
    {"ada(e5m2,result=binary16)", "e5m2"},
    {"h100(binary16)", "binary16"},
    {"h100(e4m3fn)", "e4m3fn"},
    {"h100(e5m2)", "e5m2"},
    {"h100(tf32)", "tf32"},
    {"b200(bfloat16)", "bfloat16"},
    {"b200(e4m3fn)", "e4m3fn"},
    {"mma_sync_fp8(e4m3fn)", "e4m3fn"},
    {"mma_sync_fp8(e5m2,result=binary16)", "e5m2"},
    {"cdna3(binary16)", "binary16"},
    {"cdna3(bfloat16)", "bfloat16"},
    {"cdna3(e5m2fnuz)", "e5m2fnuz"},
    {"deepseek_promotion_128(e4m3fn)", "e4m3fn"},
    {"deepseek_promotion_128(e4m3fn)+promote(24,binary32)", "e4m3fn"},
};

TEST(AlignedSums, PresetsOverFewBinades) {
  for (const Preset& preset : kPresets) {
    const Values values = spread(preset.operands, 6);
    expect_sums(accumulate_aligned, {preset.spec, values, values, spread("binary32", 12)}, kShapes);
  }
}

TEST(AlignedSums, PresetsOverManyBinades) {
  for (const Preset& preset : kPresets) {
    const Values values = spread(preset.operands, 36);
    expect_sums(accumulate_aligned, {preset.spec, values, values, spread("binary32", 60)}, kShapes);
  }
}

TEST(AlignedSums, SubnormalsAndOverflowOfOperandsAndSums) {
  for (const char* operands : {"bfloat16", "tf32"}) {
    for (const std::string preset : {"a100", "h100", "cdna3"}) {
      const std::string spec = preset + "(" + operands + ")";
      expect_sums(
          accumulate_aligned,
          {spec, spread(operands, 30, -120), spread(operands, 50), spread("binary32", 40, -130)},
          kShapes);
      expect_sums(accumulate_aligned,
                  {spec, spread(operands, 30, -60), spread(operands, 50, -60),
                   spread("binary32", 40, -130)},
                  kShapes);
      if (preset == "cdna3") continue;
      expect_sums(
          accumulate_aligned,
          {spec, spread(operands, 6, 60), spread(operands, 6, 60), spread("binary32", 12, 115)},
          kShapes);
    }
  }
}

TEST(AlignedSums, EveryWayToAlignAndToAdd) {
  for (const std::string details :
       {"", ",lanes=2", ",alignment=toward_negative", ",alignment=nearest_even",
        ",addend=separate,addition=binary32", ",addend=separate,addition=binary32,lanes=2",
        ",addend=realigned", ",addend=realigned,drops_far_addend,lanes=2",
        ",flush_operands,exponents=-3:-1", ",interleave=2", ",interleave=3,lanes=2",
        ",least_exponent=2"}) {
    for (const std::string shape : {"4,20", "8,24", "16,13", "32,26", "5,35", "16,3"}) {
      for (const std::string rounding : {"toward_zero", "nearest_even"}) {
        for (const std::string format : {"binary32", "e8m13", "binary16", "bfloat16", "e5m2"}) {
          const std::string spec = "aligned(" + format + "," + shape + details + ")+" + rounding;
          const Values values = spread("binary16", 10);
          expect_sums(accumulate_aligned, {spec, values, values, spread("binary32", 12)},
                      {{5, 17, 37}});
        }
      }
    }
  }
}

TEST(AlignedSums, SumsThatLeaveNarrowFormats) {
  const Values values = spread("binary16", 8, 5);
  for (const char* spec : {"aligned(binary16,8,24)+toward_zero", "aligned(binary16,8,24)",
                           "aligned(e4m3fn,8,24)+saturate", "aligned(e4m3fn,8,24)+nan",
                           "aligned(binary16,8,24)+saturate+toward_zero"}) {
    expect_sums(accumulate_aligned, {spec, values, values, values}, kShapes);
  }
}

TEST(AlignedSums, SumsThatLeaveBinary32) {
  const Values values = spread("bfloat16", 3, 62);
  for (const std::string details : {"", ",addend=separate,addition=binary32", ",addend=realigned",
                                    ",addend=realigned,lanes=2", ",lanes=2"}) {
    for (const std::string rounding : {"toward_zero", "nearest_even"}) {
      const std::string spec = "aligned(binary32,4,24" + details + ")+" + rounding;
      expect_sums(accumulate_aligned, {spec, values, values, spread("binary32", 3, 125)},
                  {{7, 33, 9}, {1, 1, 30}, {40, 1, 21}});
    }
  }
}

/// Terms that lie half a unit and one unit below what alignment keeps, of both signs, and sums that
/// cancel to a last unit.
TEST(AlignedSums, BoundaryOfTruncation) {
  const Values a = [](std::mt19937& rng) {
    const float magnitudes[] = {0x1p12F, 0x1p-12F, 0x1p-13F, 0x1.8p-13F, 0x1.ffcp11F, 0.0F};
    const float x = magnitudes[rng() % 6];
    return rng() % 2 == 0 ? x : -x;
  };
  const Values b = [](std::mt19937& rng) { return rng() % 3 == 0 ? 1.5F : 1.0F; };
  for (const char* spec : {"a100(binary16)", "h100(binary16)", "v100(binary16)", "h100(tf32)",
                           "aligned(binary32,8,24,alignment=nearest_even)"}) {
    for (unsigned seed = 0; seed < 8; ++seed) {
      expect_sums(accumulate_aligned, {spec, a, b, a}, {{6, 33, 40}}, seed);
    }
  }
}

/// The largest products of both signs fill int32 but do not leave it.
TEST(AlignedSums, LargestSumsOfAlignedTerms) {
  const Values largest = [](std::mt19937& rng) { return rng() % 64 == 0 ? 1.0F : 65504.0F; };
  const Values negative = [](std::mt19937&) { return -65504.0F; };
  const Values start = [](std::mt19937&) { return 0x1.fffffep30F; };
  for (const char* spec : {"a100(binary16)", "h100(binary16)", "b200(binary16)",
                           "aligned(binary32,64,25)+toward_zero"}) {
    expect_sums(accumulate_aligned, {spec, largest, largest, {}}, kShapes);
    expect_sums(accumulate_aligned, {spec, largest, negative, {}}, kShapes);
    expect_sums(accumulate_aligned, {spec, largest, largest, start}, kShapes);
  }
}

TEST(AlignedSums, DeclinesWhatItDoesNotCover) {
  const Values one = [](std::mt19937&) { return 1.0F; };
  const Values infinite = [](std::mt19937& rng) { return rng() % 3 == 0 ? INFINITY : 1.0F; };
  const Values large = [](std::mt19937&) { return 0x1p64F; };
  const std::vector<SumShape> shape = {{9, 9, 30}};
  expect_sums(accumulate_aligned, {"a100", one, infinite, {}, false}, shape);
  expect_sums(accumulate_aligned, {"cdna3(bfloat16)", large, large, {}, false}, shape);
  expect_sums(accumulate_aligned, {"aligned(binary32,8,50)", one, one, {}, false}, shape);
  expect_sums(accumulate_aligned, {"binary32", one, one, {}, false}, shape);
}

}  // namespace
}  // namespace halfulp
