// Grids of floats, integers and fixed point, and which method rounds to them. Internal to
// round_plan.cc.
#pragma once

#include "formats/format.h"
#include "formats/rounding.h"
#include "sim/round_plan.h"

namespace halfulp {

inline constexpr int kSingleDigits = 24;
inline constexpr int kDoubleDigits = 53;
inline constexpr int kDrawBits = 16;

/// The grid of a format's magnitudes: where the spacing is constant and what it is.
struct Grid {
  int precision;
  int lowest_exponent;  ///< smallest normal exponent
  int fixed_quantum;    ///< exponent of the spacing below it
  bool all_fixed;       ///< one spacing everywhere: integers and floats without an exponent
  bool has_zero;
  Subnormals subnormals;
  bool odd_bias;
  bool is_signed;
};

Grid grid_of(const Format& format);

/// The binade whose spacing stands for the fixed one: 2^emin, or the top of a fixed grid.
int offset_exponent(const RoundPlan& plan, const Grid& grid);

/// Bits of a binary32 pattern that the format lacks in that binade.
int digits_dropped(const RoundPlan& plan, const Grid& grid);

/// Whether stochastic rounding of 16-bit draws can be by magic numbers.
bool suits_draws(const RoundPlan& plan, const RoundSpec& spec, const Grid& grid);

/// The fastest exact method for binary32 operands. The plan's policy and clamps must be filled in.
RoundMethod narrow_method(const Format& format, const RoundPlan& plan, const RoundSpec& spec,
                          const Grid& grid);

}  // namespace halfulp
