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

template <class Report>
void check(const Report& report, const RoundPlan& plan) {
  if (report.index == kNoOverflow) return;
  throw OverflowError(fmt::format("element {} ({}) is {} the range of {}", report.index,
                                  report.operand, report.operand < 0 ? "below" : "above",
                                  to_spec(plan.tables->format)));
}

}  // namespace

Rounder::Rounder(const Format& format, const RoundSpec& spec)
    : plan_(std::make_shared<const RoundPlan>(make_round_plan(format, spec))) {}

void Rounder::round(const float* in, float* out, std::size_t n, const RandomStream& stream,
                    std::size_t first_index) const {
  check(round_array(*plan_, in, out, n, {}, stream, first_index), *plan_);
}

void Rounder::round_scaled(const float* in, float* out, std::size_t n, float multiplier,
                           float scale, const RandomStream& stream, std::size_t first_index) const {
  const Scaling scaling{Scaling::Kind::uniform, &multiplier, &scale};
  check(round_array(*plan_, in, out, n, scaling, stream, first_index), *plan_);
}

void Rounder::round_scaled_each(const float* in, float* out, std::size_t n, const float* multiplier,
                                const float* scale, const RandomStream& stream,
                                std::size_t first_index) const {
  const Scaling scaling{Scaling::Kind::each, multiplier, scale};
  check(round_array(*plan_, in, out, n, scaling, stream, first_index), *plan_);
}

WideRounder::WideRounder(const Format& format, const RoundSpec& spec)
    : plan_(std::make_shared<const RoundPlan>(make_round_plan(format, spec, Carrier::binary64))) {}

void WideRounder::round(const double* in, double* out, std::size_t n, const RandomStream& stream,
                        std::size_t first_index) const {
  check(round_array(*plan_, in, out, n, stream, first_index), *plan_);
}

float amax(const float* in, std::size_t n) {
  const float largest = std::bit_cast<float>(largest_magnitude(in, n));
  return std::isnan(largest) ? std::numeric_limits<float>::quiet_NaN() : largest;
}

}  // namespace halfulp
