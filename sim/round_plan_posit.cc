#include <algorithm>
#include <bit>
#include <cmath>

#include "formats/properties.h"
#include "sim/round_plan.h"

namespace halfulp {

namespace {
constexpr int kDigits = 24;  // of binary32
}  // namespace

PositPlan make_posit_plan(const PositFormat& f) {
  PositPlan p{};
  const int es = f.exponent_bits;
  p.max_bits = std::bit_cast<std::int32_t>(static_cast<float>(to_double(max_finite(f))));
  p.min_bits = std::bit_cast<std::int32_t>(static_cast<float>(to_double(min_positive(f))));
  p.regime_shift = 23 + es;
  p.regime_bias = 128 >> es;
  p.drop_bias = kDigits + es - f.bits;
  p.top_regime = f.bits - 3;
  p.fast_low2 = 1;  // odd: no doubled pattern
  // Magic numbers need 2 to 22 bits lacking; a regime k has length k + 2, or 1 - k below zero.
  const int longest = 22 - p.drop_bias;
  if (p.drop_bias < 0 || longest < 2) return p;
  const int lowest = std::max({1 - longest, -16, 3 - f.bits});
  const int highest = std::min({longest - 2, 15, f.bits - 4});
  const auto twice = [](double x) {
    return 2 * std::bit_cast<std::uint32_t>(static_cast<float>(x));
  };
  p.fast_low2 = twice(std::ldexp(1.0, lowest * (1 << es)));
  p.fast_limit2 = twice(std::ldexp(1.0, (highest + 1) * (1 << es))) - p.fast_low2 - 1;
  // By the low 5 bits of the biased regime field, which for es = 4 are its 4 bits and the sign.
  const int regimes = std::min(32, 256 >> es);
  for (int field = 0; field < 32; ++field) {
    const int rest = (field - p.regime_bias) & (regimes - 1);
    const int regime = rest < regimes / 2 ? rest : rest - regimes;
    const int length = regime >= 0 ? regime + 2 : 1 - regime;
    p.magic[field] = std::ldexp(1.5F, std::clamp(length + p.drop_bias, 2, 22));
  }
  return p;
}

}  // namespace halfulp
