// Sums in a given order against the readable definition of accumulators, on every SIMD target.
#include "sim/nn/ordered_product.h"

#include <gmock/gmock.h>

#include <bit>
#include <limits>
#include <numeric>
#include <vector>

#include "formats/accumulate.h"
#include "formats/spec.h"
#include "sim/gemm_reference.h"
#include "sim/random.h"
#include "tests/sim/simd_targets.h"

namespace halfulp::nn {
namespace {

using ::testing::ElementsAre;

/// Values over a few binades, so that orders matter.
std::vector<float> values(std::uint32_t stream, std::size_t n) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double scale = static_cast<double>(1U << (random_word({5, stream, 1, 0}, i) % 8));
    out[i] = static_cast<float>(random_normal({5, stream, 0, 0}, i) * scale);
  }
  return out;
}

struct Problem {
  std::size_t rows, depth, cols;
  std::vector<float> x = values(1, rows*depth), w = values(2, depth*cols);

  ConstMatrix left() const { return {x.data(), rows, depth, depth}; }

  ConstMatrix right() const { return {w.data(), depth, cols, cols}; }
};

std::vector<std::uint32_t> bits(const std::vector<float>& x) {
  std::vector<std::uint32_t> out;
  for (const float v : x) out.push_back(std::bit_cast<std::uint32_t>(v));
  return out;
}

std::vector<float> product(const Problem& problem, const Reduction& reduction,
                           const char* partial = "binary32", const char* result = "binary32",
                           const char* sums = "binary32") {
  std::vector<float> y(problem.rows * problem.cols);
  OrderedProduct(reduction, {parse_format(sums), parse_format(partial), parse_format(result)})(
      problem.left(), problem.right(), {y.data(), problem.rows, problem.cols, problem.cols});
  return y;
}

/// The sum of the listed terms by the readable definition.
float defined(const Problem& problem, std::size_t m, std::size_t n,
              const std::vector<std::size_t>& terms, const SumOrder& order,
              const char* format = "binary32") {
  std::vector<double> a, b;
  for (const std::size_t k : terms) {
    a.push_back(static_cast<double>(problem.x[m * problem.depth + k]));
    b.push_back(static_cast<double>(problem.w[k * problem.cols + n]));
  }
  AccumulatorSpec spec = binary32_accumulator();
  auto& sum = std::get<RoundedSum>(spec.method);
  sum.order = order;
  sum.sum.format = parse_format(format);
  return static_cast<float>(accumulate(spec, a, b));
}

const std::vector<SumOrder> kOrders = {
    {},
    {Order::pairwise, 0},
    {Order::pairwise, 8},
    {Order::blocked, 16},
    {Order::interleaved, 4},
    {Order::interleaved, 32},
    {Order::interleaved, 5},
};

TEST(OrderedProduct, EveryOrderIsTheReadableDefinitionOfAccumulators) {
  const std::vector<Problem> problems = {{5, 37, 67}, {1, 1, 3}, {9, 64, 32}, {1, 100, 130}};
  testing::on_every_simd_target([&] {
    for (const Problem& problem : problems) {
      std::vector<std::size_t> terms(problem.depth);
      std::iota(terms.begin(), terms.end(), 0U);
      for (const SumOrder& order : kOrders) {
        const std::vector<float> y = product(problem, {order});
        for (std::size_t i = 0; i < y.size(); i += 7) {
          const std::size_t m = i / problem.cols, n = i % problem.cols;
          ASSERT_EQ(std::bit_cast<std::uint32_t>(y[i]),
                    std::bit_cast<std::uint32_t>(defined(problem, m, n, terms, order)))
              << to_text({order}) << " element " << m << " " << n;
        }
      }
    }
  });
}

TEST(OrderedProduct, PartsAreSummedApartAndAddedInTurn) {
  const Problem problem = {3, 61, 21};
  const std::size_t ends[] = {0, 15, 30, 45, 61};  // floor(s 61 / 4)
  for (const SumOrder& order : kOrders) {
    const std::vector<float> y = product(problem, {order, 4});
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t m = i / problem.cols, n = i % problem.cols;
      float sum = 0.0F;
      for (std::size_t part = 0; part < 4; ++part) {
        std::vector<std::size_t> terms(ends[part + 1] - ends[part]);
        std::iota(terms.begin(), terms.end(), ends[part]);
        sum += defined(problem, m, n, terms, order);
      }
      ASSERT_EQ(y[i], sum) << to_text({order, 4});
    }
  }
}

TEST(OrderedProduct, SumsInAnotherFormatAreThoseOfTheAccumulator) {
  const Problem problem = {2, 30, 9};
  const std::vector<std::uint32_t> permuted = term_order({.permutation = 6}, 30).terms;
  for (const SumOrder& order : kOrders) {
    const std::vector<float> y =
        product(problem, {order, 2, 6}, "binary32", "binary32", "bfloat16");
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t m = i / problem.cols, n = i % problem.cols;
      const std::vector<std::size_t> low(permuted.begin(), permuted.begin() + 15);
      const std::vector<std::size_t> high(permuted.begin() + 15, permuted.end());
      ASSERT_EQ(y[i], defined(problem, m, n, low, order, "bfloat16") +
                          defined(problem, m, n, high, order, "bfloat16"))
          << to_text({order});
    }
  }
}

TEST(OrderedProduct, SequenceIsThePlainProduct) {
  const Problem problem = {6, 83, 50};
  std::vector<float> plain(problem.rows * problem.cols);
  gemm_nn_reference(problem.left(), problem.right(),
                    {plain.data(), problem.rows, problem.cols, problem.cols});
  EXPECT_EQ(bits(product(problem, {})), bits(plain));
  EXPECT_EQ(bits(product(problem, {.split = 1})), bits(plain));
  EXPECT_NE(bits(product(problem, {.split = 2})), bits(plain));
  EXPECT_NE(bits(product(problem, {.permutation = 1})), bits(plain));
  EXPECT_NE(bits(product(problem, {.permutation = 1})), bits(product(problem, {.permutation = 2})));
}

TEST(OrderedProduct, PartialSumsAndResultsAreRounded) {
  // 257 = 256 + 1 is a tie of bfloat16 that goes to 256; the parts are 256 + 1 and 1.
  Problem problem = {1, 4, 1};
  problem.x = {256, 1, 1, 0};
  problem.w = {1, 1, 1, 1};
  const Reduction halves = {.split = 2};
  EXPECT_THAT(product(problem, halves), ElementsAre(258));
  EXPECT_THAT(product(problem, halves, "binary32", "bfloat16"), ElementsAre(258));
  EXPECT_THAT(product(problem, halves, "bfloat16", "bfloat16"), ElementsAre(256));
  problem.x = {65504, 65504, 0, 0};
  EXPECT_THAT(product(problem, {}, "binary32", "binary16"),
              ElementsAre(std::numeric_limits<float>::infinity()));
}

TEST(TermOrder, SpellsOutTheAdditions) {
  const Reduction reduction = {{Order::interleaved, 2}, 2};
  const TermOrder order = term_order(reduction, 5);
  EXPECT_THAT(order.terms, ElementsAre(0, 1, 2, 4, 3));
  EXPECT_THAT(order.chains, ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(order.trees, ElementsAre(2, 4));
  EXPECT_THAT(order.parts, ElementsAre(1, 2));
}

TEST(TermOrder, PartsWithoutTermsAreLeftOut) {
  EXPECT_THAT(term_order({.split = 8}, 3).parts, ElementsAre(1, 2, 3));
  EXPECT_THROW(term_order({.split = 0}, 3), std::invalid_argument);
  EXPECT_THROW(term_order({{Order::interleaved, 0}}, 3), std::invalid_argument);
}

TEST(TermOrder, TheIdentityPermutationIsNone) {
  std::vector<std::uint32_t> identity(40);
  std::iota(identity.begin(), identity.end(), 0U);
  for (const SumOrder& order : kOrders) {
    const TermOrder plain = term_order({order, 3}, 40), same = term_order({order, 3, 7}, identity);
    EXPECT_EQ(plain.terms, same.terms);
    EXPECT_EQ(plain.chains, same.chains);
    EXPECT_EQ(plain.trees, same.trees);
    EXPECT_EQ(plain.parts, same.parts);
  }
}

TEST(TermOrder, APermutationHoldsEveryTermOnce) {
  std::vector<std::uint32_t> terms = term_order({.permutation = 3}, 100).terms;
  EXPECT_NE(terms, term_order({}, 100).terms);
  EXPECT_NE(terms, term_order({.permutation = 4}, 100).terms);
  std::sort(terms.begin(), terms.end());
  EXPECT_EQ(terms, term_order({}, 100).terms);
}

TEST(TermOrder, SmallBatchesDealASumToMoreLanes) {
  const auto lanes = [](std::size_t batch) { return order_of_batch(batch).length; };
  EXPECT_EQ(lanes(1), 32);
  EXPECT_EQ(lanes(3), 8);
  EXPECT_EQ(lanes(8), 4);
  EXPECT_EQ(lanes(16), 2);
  EXPECT_EQ(order_of_batch(32), SumOrder{});
  EXPECT_EQ(order_of_batch(33), SumOrder{});
  EXPECT_EQ(to_text(Reduction{order_of_batch(4), 2, 5}), "interleaved(8) split=2 permutation=5");
}

}  // namespace
}  // namespace halfulp::nn
