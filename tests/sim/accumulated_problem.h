// Products under an accumulator and their definition, for the tests of AccumulatedGemm.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/accumulated_gemm.h"
#include "sim/accumulated_reference.h"
#include "sim/gemm_task.h"
#include "sim/rounded_plan.h"
#include "tests/sim/simd_targets.h"

namespace halfulp::testing {

using Values = std::function<float(std::mt19937&)>;

enum class Form { nn, nt, tn };

struct Shape {
  std::size_t m, n, k;
};

inline Destination destination(const std::string& format,
                               Rounding rounding = Rounding::nearest_even,
                               Overflow overflow = Overflow::infinity) {
  return {parse_format(format), {rounding, overflow}};
}

inline Destination stochastic(const std::string& format, int bits,
                              StochasticVariant variant = StochasticVariant::truncate) {
  return {parse_format(format), {Rounding::stochastic, Overflow::infinity, bits, variant}};
}

inline AccumulatorSpec rounded(const Destination& sum, int every = 1, SumOrder order = {}) {
  AccumulatorSpec spec;
  spec.method = RoundedSum{sum, every, order, {}};
  return spec;
}

inline AccumulatorSpec promoted(AccumulatorSpec spec, int interval, const Destination& outer) {
  spec.promotion = Promotion{interval, outer};
  return spec;
}

inline AccumulatorSpec sharing(AccumulatorSpec spec) {
  spec.shared_draws = true;
  return spec;
}

/// Values of a format, spread over 2^range.
inline Values values_of(const std::string& format, int range) {
  const Format f = parse_format(format);
  return [f, range](std::mt19937& rng) {
    const double x = std::normal_distribution<double>()(rng);
    const int exponent = range == 0 ? 0 : static_cast<int>(rng() % static_cast<unsigned>(range));
    return static_cast<float>(round(f, {}, std::ldexp(x, exponent - range / 2)));
  };
}

/// One product: operands, addend, what the definition gives.
class Problem {
 public:
  Problem(const AccumulatorSpec& spec, Form form, const Shape& s, bool has_addend,
          const Values& values, std::mt19937& rng)
      : spec_(spec), form_(form), shape_(s), a_(s.m * s.k), b_(s.k * s.n), expected_(s.m * s.n) {
    for (float& x : a_) x = values(rng);
    for (float& x : b_) x = values(rng);
    if (has_addend) addend_.resize(s.m * s.n);
    for (float& x : addend_) x = values(rng);
  }

  std::vector<float>& a() { return a_; }

  std::vector<float>& b() { return b_; }

  std::vector<float>& addend() { return addend_; }

  GemmTask task(Matrix c) const {
    GemmTask task;
    task.a = left(0, shape_.m);
    task.b = form_ == Form::nt ? ConstMatrix{b_.data(), shape_.n, shape_.k, shape_.k}
                               : ConstMatrix{b_.data(), shape_.k, shape_.n, shape_.n};
    task.c = c;
    if (!addend_.empty()) task.addend = {addend_.data(), shape_.m, shape_.n, shape_.n};
    task.depth = shape_.k;
    task.a_transposed = form_ == Form::tn;
    task.b_transposed = form_ == Form::nt;
    task.stream = kStream;
    return task;
  }

  void define() { accumulated_reference(spec_, task(view(expected_))); }

  /// The rule that kernels follow, if any.
  std::optional<ChainPlan> plan() const {
    const GemmTask t = task({});
    const OperandFacts addend = addend_.empty() ? OperandFacts{} : operand_facts(t.addend);
    return plan_chain(spec_, operand_facts(t.a), operand_facts(t.b), addend, t.depth);
  }

  void check(const std::string& what) const {
    const AccumulatedGemm gemm(spec_);
    std::vector<float> c(expected_.size(), -1.0F);
    run(gemm, 0, shape_.m, c);
    expect_same(c, what);
    // Rows in two parts, the addend in C itself.
    const std::size_t cut = shape_.m / 3;
    std::vector<float> parts = addend_.empty() ? c : addend_;
    run(gemm, 0, cut, parts, true);
    run(gemm, cut, shape_.m, parts, true);
    expect_same(parts, what + ", in parts");
  }

 private:
  static constexpr RandomStream kStream{77, 3, 5, 2};

  Matrix view(std::vector<float>& c) const { return {c.data(), shape_.m, shape_.n, shape_.n}; }

  ConstMatrix left(std::size_t first, std::size_t end) const {
    if (form_ == Form::tn) return {a_.data() + first, shape_.k, end - first, shape_.m};
    return {a_.data() + first * shape_.k, end - first, shape_.k, shape_.k};
  }

  void run(const AccumulatedGemm& gemm, std::size_t first, std::size_t end, std::vector<float>& c,
           bool in_place = false) const {
    float* start = c.empty() ? nullptr : c.data() + first * shape_.n;
    const Matrix out{start, end - first, shape_.n, shape_.n};
    const GemmTask t = task(out);
    ConstMatrix addend;
    if (!addend_.empty()) addend = in_place ? ConstMatrix(out) : t.addend;
    const ConstMatrix a = left(first, end);
    switch (form_) {
      case Form::nn:
        return gemm.nn(a, t.b, out, addend, kStream, nullptr, first);
      case Form::nt:
        return gemm.nt(a, t.b, out, addend, kStream, nullptr, first);
      case Form::tn:
        return gemm.tn(a, t.b, out, addend, kStream, nullptr, first);
    }
  }

  void expect_same(const std::vector<float>& c, const std::string& what) const {
    for (std::size_t i = 0; i < c.size(); ++i) {
      if (std::isnan(c[i]) && std::isnan(expected_[i])) continue;
      if (std::bit_cast<std::uint32_t>(c[i]) == std::bit_cast<std::uint32_t>(expected_[i]))
        continue;
      ADD_FAILURE() << what << ", form " << static_cast<int>(form_) << ", " << shape_.m << " x "
                    << shape_.n << " x " << shape_.k << ": element " << i << " is " << std::hexfloat
                    << c[i] << ", not " << expected_[i];
      return;
    }
  }

  AccumulatorSpec spec_;
  Form form_;
  Shape shape_;
  std::vector<float> a_, b_, addend_, expected_;
};

struct Named {
  std::string name;
  AccumulatorSpec spec;
};

inline void expect_equal(const std::vector<Named>& specs, const std::vector<Shape>& shapes,
                         const Values& values, unsigned seed = 1) {
  std::mt19937 rng(seed);
  for (const Named& named : specs) {
    for (const Shape& shape : shapes) {
      for (const Form form : {Form::nn, Form::nt, Form::tn}) {
        const bool has_addend = rng() % 2 == 0;
        Problem problem(named.spec, form, shape, has_addend, values, rng);
        problem.define();
        on_every_simd_target([&] { problem.check(named.name); });
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
}

}  // namespace halfulp::testing
