// Random accumulators, shapes and operands against the definition, on every SIMD target.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <variant>

#include "tests/sim/accumulated_problem.h"

namespace halfulp::testing {
namespace {

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
    spec.method =
        RoundedSum{to(), every, {order, order == Order::sequential ? 0 : 1 + below(6)}, {}};
  }
  auto* sum = std::get_if<RoundedSum>(&spec.method);
  if (sum != nullptr && sum->every == 1 && below(8) == 0) {
    sum->flush = Flush{{-2 - below(8), -2 - below(8)}};
  } else if (below(5) == 0) {
    spec.product = to();
  }
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
    on_every_simd_target([&] { problem.check("spec " + std::to_string(i)); });
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(AccumulatedRandom, Specs) { expect_random_specs_equal(150, 11); }

TEST(AccumulatedRandom, FullSpecs) { expect_random_specs_equal(10000, 12); }

}  // namespace
}  // namespace halfulp::testing
