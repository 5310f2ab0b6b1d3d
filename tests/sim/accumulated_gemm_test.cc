// Matrix products under an accumulator against the definition, bit for bit, on every SIMD target.
#include "sim/accumulated_gemm.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/accumulated_reference.h"
#include "sim/gemm_task.h"
#include "sim/rounded_plan.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using Values = std::function<float(std::mt19937&)>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

enum class Form { nn, nt, tn };

struct Shape {
  std::size_t m, n, k;
};

Destination destination(const std::string& format, Rounding rounding = Rounding::nearest_even,
                        Overflow overflow = Overflow::infinity) {
  return {parse_format(format), {rounding, overflow}};
}

Destination stochastic(const std::string& format, int bits,
                       StochasticVariant variant = StochasticVariant::truncate) {
  return {parse_format(format), {Rounding::stochastic, Overflow::infinity, bits, variant}};
}

AccumulatorSpec rounded(const Destination& sum, int every = 1, SumOrder order = {}) {
  AccumulatorSpec spec;
  spec.method = RoundedSum{sum, every, order};
  return spec;
}

AccumulatorSpec promoted(AccumulatorSpec spec, int interval, const Destination& outer) {
  spec.promotion = Promotion{interval, outer};
  return spec;
}

AccumulatorSpec sharing(AccumulatorSpec spec) {
  spec.shared_draws = true;
  return spec;
}

/// Values of a format, spread over 2^range.
Values values_of(const std::string& format, int range) {
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
    const Matrix out{c.data() + first * shape_.n, end - first, shape_.n, shape_.n};
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

void expect_equal(const std::vector<Named>& specs, const std::vector<Shape>& shapes,
                  const Values& values, unsigned seed = 1) {
  std::mt19937 rng(seed);
  for (const Named& named : specs) {
    for (const Shape& shape : shapes) {
      for (const Form form : {Form::nn, Form::nt, Form::tn}) {
        const bool has_addend = rng() % 2 == 0;
        Problem problem(named.spec, form, shape, has_addend, values, rng);
        problem.define();
        testing::on_every_simd_target([&] { problem.check(named.name); });
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
}

/// Every kernel of rounded_gemm.h.
std::vector<Named> kernel_specs() {
  const Rounding zero = Rounding::toward_zero;
  return {
      {"p 8", rounded(destination("bfloat16"))},
      {"p 11", rounded(destination("e8m10"))},
      {"p 14", rounded(destination("e8m13"))},
      {"p 22", rounded(destination("e8m21"))},
      {"p 2", rounded(destination("e8m1"))},
      {"toward zero", rounded(destination("e8m13", zero))},
      {"binary32 toward zero", rounded(destination("binary32", zero))},
      {"every 3", rounded(destination("e8m10"), 3)},
      {"every 16", rounded(destination("e8m17"), 16)},
      {"draws", rounded(stochastic("e8m10", 13))},
      {"16 draws", rounded(stochastic("bfloat16", 16))},
      {"1 draw", rounded(stochastic("e8m1", 1))},
      {"shared draws", sharing(rounded(stochastic("e8m10", 13)))},
      {"shared 5", sharing(rounded(stochastic("e8m13", 5)))},
      {"promotion", promoted(rounded(destination("e8m13")), 7, destination("binary32"))},
      {"promotion to 12", promoted(rounded(destination("e8m7", zero)), 16, destination("e8m11"))},
      {"blocked", rounded(destination("e8m10"), 1, {Order::blocked, 5})},
  };
}

/// What goes operation by operation.
std::vector<Named> block_specs() {
  AccumulatorSpec product = rounded(destination("e8m10"));
  product.product = destination("e5m10");
  AccumulatorSpec random_product = rounded(stochastic("e8m10", 8));
  random_product.product = stochastic("e8m7", 11);
  AccumulatorSpec last = rounded(destination("e5m10"), 1, {Order::pairwise, 0});
  last.addend_last = true;
  last.result = destination("e4m3fn", Rounding::nearest_even, Overflow::saturate);
  AccumulatorSpec kahan;
  kahan.method = CompensatedSum{CompensatedSum::Method::kahan, destination("bfloat16")};
  AccumulatorSpec two_sum;
  two_sum.method = CompensatedSum{CompensatedSum::Method::two_sum, stochastic("e8m10", 7)};
  return {
      {"product", product},
      {"random product", random_product},
      {"pairwise, last", last},
      {"pairwise(4)", rounded(destination("bfloat16"), 1, {Order::pairwise, 4})},
      {"interleaved(3)", rounded(destination("e5m10"), 1, {Order::interleaved, 3})},
      {"kahan", kahan},
      {"two_sum", two_sum},
      {"odd", rounded(destination("e5m2", Rounding::to_odd))},
      {"up", rounded(destination("e5m10", Rounding::toward_positive))},
      {"down", rounded(destination("e5m10", Rounding::toward_negative))},
      {"away",
       promoted(rounded(destination("e4m3ieee", Rounding::nearest_away)), 5, destination("e5m10"))},
      {"unbiased", rounded(stochastic("e5m10", 12, StochasticVariant::unbiased))},
      {"integer", rounded({parse_format("int16"), {Rounding::nearest_even, Overflow::saturate}})},
      {"fnuz", rounded(destination("e4m3fnuz", Rounding::nearest_even, Overflow::saturate))},
  };
}

const std::vector<Shape> kShapes = {{1, 1, 1}, {9, 33, 5}, {17, 70, 20}, {8, 64, 16}};

TEST(AccumulatedGemm, KernelsEqualTheDefinition) {
  expect_equal(kernel_specs(), kShapes, values_of("e4m3fn", 6));
}

TEST(AccumulatedGemm, KernelsEqualTheDefinitionForWideOperands) {
  expect_equal(kernel_specs(), {{9, 33, 18}}, values_of("binary32", 30), 2);
}

TEST(AccumulatedGemm, BlocksEqualTheDefinition) {
  expect_equal(block_specs(), {{1, 1, 1}, {9, 17, 13}}, values_of("e4m3fn", 6), 3);
  expect_equal(block_specs(), {{9, 9, 11}}, values_of("binary32", 30), 4);
}

TEST(AccumulatedGemm, SumsLongerThanABlockOfK) {
  expect_equal(
      {{"p 11", rounded(destination("e8m10"))},
       {"every 7", rounded(destination("e8m7"), 7)},
       {"draws", rounded(stochastic("e8m10", 13))},
       {"promotion", promoted(rounded(destination("e8m13")), 100, destination("binary32"))},
       {"long", promoted(rounded(destination("e8m7")), 700, destination("binary32"))}},
      {{9, 35, 1030}}, values_of("e4m3fn", 6), 5);
}

TEST(AccumulatedGemm, SmallRangesUnderflowAndOverflow) {
  const Rounding zero = Rounding::toward_zero;
  const std::vector<Named> specs = {
      {"e5m2", rounded(destination("e5m2"))},
      {"e4m3fn saturates",
       rounded(destination("e4m3fn", Rounding::nearest_even, Overflow::saturate))},
      {"binary16", rounded(destination("binary16"))},
      {"binary16 toward zero", rounded(destination("binary16", zero))},
      {"e4m3ieee every 4", rounded(destination("e4m3ieee"), 4)},
      {"draws", rounded(stochastic("e5m7", 9))},
      {"flush", rounded(destination("float(4,3,subnormals=flush_input)"))},
      {"no subnormals", rounded(destination("float(4,3,subnormals=off)"))},
      {"blocked", rounded(destination("e4m3ieee"), 1, {Order::blocked, 4})},
  };
  expect_equal(specs, {{9, 20, 12}}, values_of("binary32", 24), 6);
  expect_equal(specs, {{9, 20, 12}}, values_of("e4m3fn", 14), 7);
}

TEST(AccumulatedGemm, NanInfinityAndMinusZero) {
  const Values extreme = [](std::mt19937& rng) {
    const float specials[] = {0.0F, -0.0F, kInfinity, -kInfinity, NAN, 0x1p-149F, 0x1p127F, 1.0F};
    return rng() % 8 != 0 ? static_cast<float>(static_cast<int>(rng() % 15) - 7)
                          : specials[rng() % std::size(specials)];
  };
  std::vector<Named> specs = kernel_specs();
  for (const Named& named : block_specs()) specs.push_back(named);
  expect_equal(specs, {{9, 17, 6}}, extreme, 8);
  const Values zeros = [](std::mt19937& rng) { return rng() % 2 == 0 ? 0.0F : -0.0F; };
  expect_equal(specs, {{3, 9, 2}}, zeros, 9);
}

TEST(AccumulatedGemm, NoTermsGiveTheRoundedAddend) {
  expect_equal(kernel_specs(), {{3, 5, 0}}, values_of("binary32", 4), 10);
}

TEST(AccumulatedGemm, KernelsAreChosenByFacts) {
  std::mt19937 rng(1);
  const auto rule = [&](const AccumulatorSpec& spec, const Values& values) {
    const auto plan = Problem(spec, Form::nn, {8, 32, 64}, false, values, rng).plan();
    return plan ? static_cast<int>(plan->rule) : -1;
  };
  const auto is = [](ChainRule r) { return static_cast<int>(r); };
  const Values e4m3 = values_of("e4m3fn", 6);
  EXPECT_EQ(rule(rounded(destination("e8m10")), e4m3), is(ChainRule::nearest));
  EXPECT_EQ(rule(rounded(destination("e8m13")), values_of("e4m3fn", 16)),
            is(ChainRule::nearest_odd));
  EXPECT_EQ(rule(rounded(destination("e8m10")), values_of("binary32", 0)),
            is(ChainRule::nearest_odd));
  EXPECT_EQ(rule(rounded(destination("e8m10"), 4), values_of("binary32", 0)), is(ChainRule::every));
  EXPECT_EQ(rule(rounded(stochastic("e8m10", 13)), e4m3), is(ChainRule::independent_draws));
  EXPECT_EQ(rule(sharing(rounded(stochastic("e8m10", 13))), e4m3), is(ChainRule::shared_draws));
  // 64 products up to 2^17 leave binary16's range.
  EXPECT_EQ(rule(rounded(destination("binary16")), values_of("e4m3fn", 16)), -1);
  EXPECT_EQ(rule(rounded(destination("binary16")), [](std::mt19937&) { return 1.0F; }),
            is(ChainRule::nearest));
}

TEST(AccumulatedGemm, ReportsDotProductsThatOverflow) {
  const std::vector<float> a = {1, 2, 100, 3};
  const std::vector<float> b = {100, 1, 1, 1};
  std::vector<float> c(4);
  AccumulatorReport report;
  const AccumulatedGemm gemm(
      rounded({parse_format("int8"), {Rounding::nearest_even, Overflow::saturate}}));
  gemm.nn({a.data(), 2, 2, 2}, {b.data(), 2, 2, 2}, {c.data(), 2, 2, 2}, {}, {}, &report);
  EXPECT_EQ(report.overflows, 1U);
  EXPECT_EQ(c, (std::vector<float>{102, 3, 127, 103}));
}

TEST(AccumulatedGemm, OverflowErrorsNameTheElement) {
  const std::vector<float> a = {1, 2};
  const std::vector<float> b = {1, 100};
  std::vector<float> c(4);
  const AccumulatedGemm gemm(
      rounded({parse_format("int8"), {Rounding::nearest_even, Overflow::error}}));
  try {
    gemm.nn({a.data(), 2, 1, 1}, {b.data(), 1, 2, 2}, {c.data(), 2, 2, 2});
    FAIL() << "no error";
  } catch (const OverflowError& error) {
    EXPECT_NE(std::string(error.what()).find("row 1, column 1"), std::string::npos) << error.what();
  }
}

TEST(AccumulatedGemm, RefusesWhatCannotBe) {
  EXPECT_THROW(AccumulatedGemm{rounded(stochastic("e8m10", 17))}, SpecError);
  EXPECT_THROW(AccumulatedGemm{rounded(destination("binary64"))}, SpecError);
  EXPECT_THROW(AccumulatedGemm{rounded(destination("e8m10"), 0)}, SpecError);
  EXPECT_THROW(AccumulatedGemm{rounded(destination("int8"))}, SpecError);
  EXPECT_THROW(AccumulatedGemm{rounded(destination("e8m10"), 1, {Order::blocked, 0})}, SpecError);
  EXPECT_TRUE(AccumulatedGemm{binary32_accumulator()}.is_binary32_chain());
}

/// Any spec of rounded and compensated sums.
AccumulatorSpec random_spec(std::mt19937& rng) {
  const auto below = [&](unsigned n) { return static_cast<int>(rng() % n); };
  const auto to = [&] {
    const char* formats[] = {"bfloat16", "e8m10", "e8m13",    "binary16", "e5m2",
                             "e4m3ieee", "e8m17", "binary32", "e6m9"};
    Destination d = destination(formats[rng() % std::size(formats)]);
    d.rounding.rounding = below(2) == 0 ? Rounding::nearest_even : static_cast<Rounding>(below(7));
    if (d.rounding.rounding == Rounding::stochastic) {
      d.rounding.random_bits = 1 + below(16);
      d.rounding.variant = static_cast<StochasticVariant>(below(3));
    }
    if (below(4) == 0) d.rounding.overflow = Overflow::saturate;
    return d;
  };
  AccumulatorSpec spec;
  if (below(6) == 0) {
    spec.method = CompensatedSum{static_cast<CompensatedSum::Method>(below(2)), to()};
  } else {
    const auto order = below(2) == 0 ? Order::sequential : static_cast<Order>(below(4));
    const int every = order == Order::sequential && below(3) == 0 ? 1 + below(5) : 1;
    spec.method = RoundedSum{to(), every, {order, order == Order::sequential ? 0 : 1 + below(6)}};
  }
  if (below(5) == 0) spec.product = to();
  if (below(4) == 0) spec.promotion = Promotion{1 + below(9), to()};
  if (below(6) == 0) spec.result = to();
  spec.addend_last = below(6) == 0;
  spec.shared_draws = below(2) == 0;
  return spec;
}

void expect_random_specs_equal(int count, unsigned seed) {
  std::mt19937 rng(seed);
  const Values values[] = {values_of("e4m3fn", 4), values_of("binary32", 20),
                           values_of("e2m1fn", 0), values_of("binary16", 10),
                           values_of("bfloat16", 60)};
  for (int i = 0; i < count; ++i) {
    const AccumulatorSpec spec = random_spec(rng);
    const Shape shape{1 + rng() % 12, 1 + rng() % 40, rng() % 30};
    Problem problem(spec, static_cast<Form>(rng() % 3), shape, rng() % 2 == 0,
                    values[rng() % std::size(values)], rng);
    problem.define();
    testing::on_every_simd_target([&] { problem.check("spec " + std::to_string(i)); });
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(AccumulatedGemm, RandomSpecs) { expect_random_specs_equal(150, 11); }

TEST(AccumulatedGemm, FullRandomSpecs) { expect_random_specs_equal(10000, 12); }

}  // namespace
}  // namespace halfulp
