// Products of the accumulator kernels against the definition, bit for bit, on every SIMD target.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "formats/accumulate.h"
#include "formats/accumulator.h"
#include "formats/accumulator_spec.h"
#include "sim/accumulated_gemm.h"
#include "sim/gemm_task.h"
#include "tests/sim/simd_targets.h"

namespace halfulp::testing {

using Values = std::function<float(std::mt19937&)>;
using Kernel = bool (*)(const AccumulatorSpec&, const GemmTask&, const OperandFacts&,
                        const OperandFacts&);

struct SumShape {
  std::size_t m, n, k;
};

/// One product with all that it is compared by.
class SumProblem {
 public:
  SumProblem(const SumShape& shape, bool a_transposed, bool b_transposed, const Values& a,
             const Values& b, const Values& addend, std::mt19937& rng)
      : a_(shape.m * shape.k), b_(shape.k * shape.n), c_(shape.m * shape.n) {
    for (float& x : a_) x = a(rng);
    for (float& x : b_) x = b(rng);
    task_.a = a_transposed ? ConstMatrix{a_.data(), shape.k, shape.m, shape.m}
                           : ConstMatrix{a_.data(), shape.m, shape.k, shape.k};
    task_.b = b_transposed ? ConstMatrix{b_.data(), shape.n, shape.k, shape.k}
                           : ConstMatrix{b_.data(), shape.k, shape.n, shape.n};
    task_.depth = shape.k;
    task_.a_transposed = a_transposed;
    task_.b_transposed = b_transposed;
    if (addend) {
      addend_.resize(shape.m * shape.n);
      for (float& x : addend_) x = addend(rng);
    }
    shape_ = shape;
  }

  float& a(std::size_t i) { return a_[i]; }

  float& b(std::size_t i) { return b_[i]; }

  std::vector<float> expected(const AccumulatorSpec& spec) const {
    std::vector<float> result;
    fold([&](const std::vector<double>& a, const std::vector<double>& b, double start) {
      result.push_back(static_cast<float>(accumulate(spec, a, b, start)));
      return std::uint64_t{0};
    });
    return result;
  }

  /// Sum of function(row of A, column of B, start) over all elements.
  template <class Function>
  std::uint64_t fold(Function function) const {
    std::uint64_t total = 0;
    std::vector<double> row(shape_.k), column(shape_.k);
    for (std::size_t m = 0; m < shape_.m; ++m) {
      for (std::size_t n = 0; n < shape_.n; ++n) {
        for (std::size_t k = 0; k < shape_.k; ++k) {
          row[k] = static_cast<double>(task_.left(m, k));
          column[k] = static_cast<double>(task_.right(k, n));
        }
        const double start = addend_.empty() ? 0.0 : static_cast<double>(addend_[m * shape_.n + n]);
        total += function(row, column, start);
      }
    }
    return total;
  }

  /// Runs `kernel` with the addend in C itself; false where the kernel does.
  bool run(Kernel kernel, const AccumulatorSpec& spec, std::vector<float>& result,
           AccumulatorReport* report = nullptr) {
    c_.assign(shape_.m * shape_.n, -7.0F);
    if (!addend_.empty()) c_ = addend_;
    GemmTask task = task_;
    task.c = {c_.data(), shape_.m, shape_.n, shape_.n};
    if (!addend_.empty()) task.addend = task.c;
    task.report = report;
    if (!kernel(spec, task, operand_facts(task.a), operand_facts(task.b))) return false;
    result = c_;
    return true;
  }

 private:
  SumShape shape_{};
  GemmTask task_;
  std::vector<float> a_, b_, c_, addend_;
};

inline void expect_same_sums(const std::vector<float>& actual, const std::vector<float>& expected,
                             const std::string& what) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(actual[i]) && std::isnan(expected[i])) continue;
    if (std::bit_cast<std::uint32_t>(actual[i]) == std::bit_cast<std::uint32_t>(expected[i])) {
      continue;
    }
    ADD_FAILURE() << what << ": element " << i << " is " << std::hexfloat << actual[i] << ", not "
                  << expected[i];
    return;
  }
}

struct SumCase {
  std::string spec;
  Values a, b, addend;
  bool is_covered = true;  ///< false: the kernel declines
};

/// Every form of the product, each shape, with and without an addend, on every SIMD target.
inline void expect_sums(Kernel kernel, const SumCase& test, const std::vector<SumShape>& shapes,
                        unsigned seed = 1) {
  const AccumulatorSpec spec = parse_accumulator(test.spec);
  std::mt19937 rng(seed);
  for (const SumShape& shape : shapes) {
    for (int form = 0; form < 3; ++form) {
      const Values addend = form == 1 ? Values{} : test.addend;
      SumProblem problem(shape, form == 2, form == 1, test.a, test.b, addend, rng);
      const std::vector<float> expected = problem.expected(spec);
      on_every_simd_target([&] {
        std::vector<float> actual;
        const bool is_done = problem.run(kernel, spec, actual);
        const std::string what = test.spec + " form " + std::to_string(form) + " of " +
                                 std::to_string(shape.m) + "x" + std::to_string(shape.n) + "x" +
                                 std::to_string(shape.k);
        ASSERT_EQ(is_done, test.is_covered) << what;
        if (is_done) expect_same_sums(actual, expected, what);
      });
      if (::testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace halfulp::testing
