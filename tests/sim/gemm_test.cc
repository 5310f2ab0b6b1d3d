// The fast matrix products against the scalar definition, bit for bit, on every SIMD target.
#include "sim/gemm.h"

#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "sim/gemm_reference.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using Values = std::function<float(std::mt19937&)>;

float uniform(std::mt19937& rng) {
  return static_cast<float>(static_cast<std::int32_t>(rng())) * 0x1p-31F;
}

/// Exponents spread so widely that most additions round, absorb or cancel.
float wide(std::mt19937& rng) {
  const auto word = static_cast<std::uint32_t>(rng());
  return std::ldexp(uniform(rng), static_cast<int>(word % 41) - 20);
}

float extreme(std::mt19937& rng) {
  const float specials[] = {0.0F,      -0.0F,   0x1p-149F, -0x1p-140F,    0x1.8p-127F,
                            -0x1p-75F, FLT_MAX, -FLT_MAX,  0x1p64F,       -0x1p100F,
                            1.0F,      -1.0F,   0x1p-74F,  0x1.fffffep-1F};
  return rng() % 3 == 0 ? std::ldexp(uniform(rng), static_cast<int>(rng() % 200) - 100)
                        : specials[rng() % std::size(specials)];
}

/// A row-major matrix whose rows are followed by guard elements.
class Storage {
 public:
  Storage(std::size_t rows, std::size_t cols, std::size_t gap)
      : rows_(rows), cols_(cols), stride_(cols + gap), data_(rows * stride_, kGuard) {}

  void fill(const Values& values, std::mt19937& rng) {
    for (std::size_t r = 0; r < rows_; ++r) {
      for (std::size_t c = 0; c < cols_; ++c) data_[r * stride_ + c] = values(rng);
    }
  }

  float& at(std::size_t r, std::size_t c) { return data_[r * stride_ + c]; }

  Matrix view() { return {data_.data(), rows_, cols_, stride_}; }

  const std::vector<float>& data() const { return data_; }

 private:
  static constexpr float kGuard = -12345.0F;
  std::size_t rows_, cols_, stride_;
  std::vector<float> data_;
};

/// Guards included. NaN payloads may differ: x86 and other machines choose differently among
/// operands.
void expect_same_bits(const Storage& actual, const Storage& expected, const std::string& what) {
  for (std::size_t i = 0; i < expected.data().size(); ++i) {
    const float x = actual.data()[i];
    const float y = expected.data()[i];
    if (std::isnan(x) && std::isnan(y)) continue;
    if (std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y)) continue;
    ADD_FAILURE() << what << ": element " << i << " is " << std::hexfloat << x << ", not " << y;
    return;
  }
}

struct Form {
  const char* name;
  void (*fast)(ConstMatrix, ConstMatrix, Matrix);
  void (*reference)(ConstMatrix, ConstMatrix, Matrix);
  bool a_transposed;
  bool b_transposed;
};

constexpr Form kForms[] = {
    {"nn", gemm_nn, gemm_nn_reference, false, false},
    {"nt", gemm_nt, gemm_nt_reference, false, true},
    {"tn", gemm_tn, gemm_tn_reference, true, false},
};

struct Shape {
  std::size_t m, n, k;
};

class Problem {
 public:
  Problem(const Form& form, const Shape& s, std::size_t gap, const Values& values,
          std::mt19937& rng)
      : form_(form),
        shape_(s),
        a_(form.a_transposed ? s.k : s.m, form.a_transposed ? s.m : s.k, gap),
        b_(form.b_transposed ? s.n : s.k, form.b_transposed ? s.k : s.n, gap),
        empty_(s.m, s.n, gap),
        expected_(empty_) {
    a_.fill(values, rng);
    b_.fill(values, rng);
    compute_expected();
  }

  void compute_expected() { form_.reference(a_.view(), b_.view(), expected_.view()); }

  void check() {
    Storage c = empty_;
    form_.fast(a_.view(), b_.view(), c.view());
    expect_same_bits(c, expected_,
                     std::string(form_.name) + " M=" + std::to_string(shape_.m) +
                         " N=" + std::to_string(shape_.n) + " K=" + std::to_string(shape_.k));
  }

  Storage& a() { return a_; }

  Storage& b() { return b_; }

  Storage& expected() { return expected_; }

 private:
  Form form_;
  Shape shape_;
  Storage a_, b_, empty_, expected_;
};

void expect_equal(const std::vector<Shape>& shapes, std::size_t gap, const Values& values) {
  std::mt19937 rng(42);
  std::vector<Problem> problems;
  for (const Shape& shape : shapes) {
    for (const Form& form : kForms) problems.emplace_back(form, shape, gap, values, rng);
  }
  testing::on_every_simd_target([&] {
    for (Problem& problem : problems) {
      problem.check();
      if (::testing::Test::HasFailure()) return;
    }
  });
}

std::vector<Shape> box(Shape low, Shape high) {
  std::vector<Shape> shapes;
  for (std::size_t m = low.m; m <= high.m; ++m) {
    for (std::size_t n = low.n; n <= high.n; ++n) {
      for (std::size_t k = low.k; k <= high.k; ++k) shapes.push_back({m, n, k});
    }
  }
  return shapes;
}

TEST(Gemm, SmallShapesAroundEveryTileEdge) {
  expect_equal(box({1, 1, 1}, {16, 18, 5}), 0, wide);
  expect_equal(box({1, 30, 3}, {30, 34, 3}), 0, wide);
  expect_equal(box({13, 62, 6}, {15, 66, 9}), 0, wide);
  expect_equal(box({26, 1, 4}, {30, 50, 4}), 0, wide);
}

TEST(Gemm, RowsFartherApartThanColumns) {
  expect_equal({{5, 7, 3}, {14, 32, 16}, {29, 47, 21}, {64, 64, 32}, {64, 32, 64}, {3, 100, 130}},
               5, wide);
  expect_equal({{64, 32, 70}, {239, 40, 140}, {80, 70, 30}}, 1000, wide);
}

TEST(Gemm, ChainContinuesAcrossBlocksOfK) {
  expect_equal({{15, 33, 255},
                {15, 33, 256},
                {15, 33, 257},
                {15, 17, 511},
                {15, 17, 513},
                {3, 5, 1030},
                {2, 3, 4099},
                {60, 40, 4099}},
               1, uniform);
}

TEST(Gemm, ShapesThatNeedSeveralBlocksOfRowsAndColumns) {
  expect_equal({{400, 17, 19}, {19, 1500, 11}, {337, 70, 40}, {9, 1057, 270}, {180, 1100, 3}}, 3,
               wide);
}

TEST(Gemm, SubnormalsOverflowAndSignedZeros) {
  expect_equal({{33, 65, 3}, {33, 65, 1}, {20, 40, 12}, {64, 32, 300}}, 2, extreme);
}

TEST(Gemm, NoTermsGiveZeros) {
  for (const Form& form : kForms) {
    std::mt19937 rng(1);
    Problem problem(form, {5, 9, 0}, 2, uniform, rng);
    for (std::size_t r = 0; r < 5; ++r) {
      for (std::size_t c = 0; c < 9; ++c) EXPECT_EQ(problem.expected().at(r, c), 0.0F);
    }
    testing::on_every_simd_target([&] { problem.check(); });
  }
}

TEST(Gemm, NoRowsOrColumnsAreNoWork) {
  expect_equal({{0, 5, 3}, {5, 0, 3}, {0, 0, 0}}, 1, uniform);
}

TEST(Gemm, InfinityAndNanReachExactlyTheirRowsAndColumns) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const Form& nn = kForms[0];
  std::mt19937 rng(3);
  Problem problem(nn, {37, 50, 30}, 1, uniform, rng);
  problem.a().at(4, 7) = kInf;
  problem.a().at(5, 29) = kNan;
  problem.a().at(36, 0) = kInf;
  problem.a().at(36, 1) = -kInf;
  problem.b().at(7, 49) = 0.0F;
  problem.b().at(12, 33) = kInf;
  problem.compute_expected();
  // The definition itself, seen from outside: infinity times zero is NaN, other rows are finite.
  EXPECT_TRUE(std::isnan(problem.expected().at(4, 49)));
  EXPECT_TRUE(std::isinf(problem.expected().at(4, 48)));
  EXPECT_TRUE(std::isnan(problem.expected().at(5, 0)));
  EXPECT_TRUE(std::isinf(problem.expected().at(0, 33)));
  EXPECT_TRUE(std::isfinite(problem.expected().at(0, 32)));
  testing::on_every_simd_target([&] { problem.check(); });
}

TEST(Gemm, OrderIsAscendingAndEveryStepIsFused) {
  // 2^24 + 1 - 2^24 in this order loses the 1; in any other order it stays.
  for (const Form& form : kForms) {
    std::mt19937 rng(1);
    Problem problem(
        form, {1, 1, 3}, 0, [](std::mt19937&) { return 1.0F; }, rng);
    Storage& a = problem.a();
    a.at(0, 0) = 0x1p24F;
    (form.a_transposed ? a.at(2, 0) : a.at(0, 2)) = -0x1p24F;
    problem.compute_expected();
    EXPECT_EQ(problem.expected().at(0, 0), 0.0F);
    // (1 + 2^-12)^2 - 1 - 2^-11 = 2^-24, which an unfused product would round away.
    (form.a_transposed ? a.at(1, 0) : a.at(0, 1)) = 1 + 0x1p-12F;
    a.at(0, 0) = -1 - 0x1p-11F;
    (form.a_transposed ? a.at(2, 0) : a.at(0, 2)) = 0;
    (form.b_transposed ? problem.b().at(0, 1) : problem.b().at(1, 0)) = 1 + 0x1p-12F;
    Storage check = problem.expected();
    testing::on_every_simd_target([&] {
      form.fast(a.view(), problem.b().view(), check.view());
      EXPECT_EQ(check.at(0, 0), 0x1p-24F);
    });
  }
}

TEST(Gemm, FullRandomShapes) {
  std::mt19937 rng(99);
  std::vector<Shape> shapes;
  for (int i = 0; i < 150; ++i)
    shapes.push_back({1 + rng() % 200, 1 + rng() % 200, 1 + rng() % 600});
  expect_equal(shapes, 7, wide);
  expect_equal({{256, 256, 256}, {200, 768, 256}, {192, 64, 2048}}, 0, uniform);
}

TEST(Gemm, FullEverySmallShape) {
  for (std::size_t m = 1; m <= 30; ++m) {
    expect_equal(box({m, 1, 1}, {m, 68, 6}), m % 3, wide);
  }
}

}  // namespace
}  // namespace halfulp
