// Comparing Rounder with round() on every SIMD target.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/random.h"
#include "sim/rounder.h"
#include "tests/sim/simd_targets.h"

namespace halfulp::testing {

inline const RandomStream kStream{.seed = 99, .stream = 3, .tensor = 5, .step = 6};
inline constexpr std::size_t kFirstIndex = 101;

inline std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }

inline bool same(float a, float b) {
  return bits_of(a) == bits_of(b) || (std::isnan(a) && std::isnan(b));
}

inline std::uint64_t random_of(const RoundSpec& spec, std::size_t index) {
  if (spec.rounding != Rounding::stochastic) return 0;
  return random_bits(kStream, index, spec.random_bits);
}

inline std::string describe(const Format& format, const RoundSpec& spec) {
  return to_spec(format) + " " + rounding_to_string(spec) + " " +
         std::string(to_string(spec.overflow));
}

inline std::vector<float> expected_results(const Format& format, const RoundSpec& spec,
                                           const std::vector<float>& operands) {
  std::vector<float> results(operands.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const std::uint64_t random = random_of(spec, kFirstIndex + i);
    results[i] = static_cast<float>(round(format, spec, static_cast<double>(operands[i]), random));
  }
  return results;
}

// Compares on every target; also the NaN patterns, which must not depend on the target.
inline void compare(const Format& format, const RoundSpec& spec,
                    const std::vector<float>& operands) {
  const std::vector<float> expected = expected_results(format, spec, operands);
  const Rounder rounder(format, spec);
  std::vector<float> first;
  on_every_simd_target([&] {
    std::vector<float> actual(operands.size());
    rounder.round(operands.data(), actual.data(), operands.size(), kStream, kFirstIndex);
    int shown = 0;
    for (std::size_t i = 0; i < operands.size() && shown < 3; ++i) {
      if (same(actual[i], expected[i])) continue;
      ++shown;
      ADD_FAILURE() << describe(format, spec)
                    << fmt::format(": {:a} ({}) gave {:a}, expected {:a}, R = {}", operands[i],
                                   operands[i], actual[i], expected[i],
                                   random_of(spec, kFirstIndex + i));
    }
    if (first.empty()) first = actual;
    EXPECT_EQ(std::memcmp(first.data(), actual.data(), 4 * actual.size()), 0)
        << describe(format, spec) << ": bits differ between targets";
  });
}

}  // namespace halfulp::testing
