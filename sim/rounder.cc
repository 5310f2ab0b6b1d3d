#include "sim/rounder.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/round_kernels.h"
#include "sim/round_plan.h"

namespace halfulp {

namespace {

void check(const OverflowReport& report, const Format& format) {
  if (report.index == kNoOverflow) return;
  throw OverflowError(fmt::format("element {} ({}) is {} the range of {}", report.index,
                                  report.operand, report.operand < 0 ? "below" : "above",
                                  to_spec(format)));
}

}  // namespace

Rounder::Rounder(const Format& format, const RoundSpec& spec)
    : format_(format), plan_(std::make_shared<const RoundPlan>(make_round_plan(format, spec))) {}

void Rounder::round(const float* in, float* out, std::size_t n, const RandomStream& stream,
                    std::size_t first_index) const {
  check(round_array(*plan_, in, out, n, {}, stream, first_index), format_);
}

void Rounder::round_scaled(const float* in, float* out, std::size_t n, float multiplier,
                           float scale, const RandomStream& stream, std::size_t first_index) const {
  const Scaling scaling{Scaling::Kind::uniform, &multiplier, &scale};
  check(round_array(*plan_, in, out, n, scaling, stream, first_index), format_);
}

void Rounder::round_scaled_each(const float* in, float* out, std::size_t n, const float* multiplier,
                                const float* scale, const RandomStream& stream,
                                std::size_t first_index) const {
  const Scaling scaling{Scaling::Kind::each, multiplier, scale};
  check(round_array(*plan_, in, out, n, scaling, stream, first_index), format_);
}

float amax(const float* in, std::size_t n) {
  const float largest = std::bit_cast<float>(largest_magnitude(in, n));
  return std::isnan(largest) ? std::numeric_limits<float>::quiet_NaN() : largest;
}

}  // namespace halfulp
