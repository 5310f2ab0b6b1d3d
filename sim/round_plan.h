// What the rounding kernels need to know of a format and a RoundSpec: plain numbers, made once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "formats/format.h"
#include "formats/rounding.h"
#include "sim/step_table.h"

namespace halfulp {

/// Ways to round; each is exact for the formats it is chosen for.
enum class RoundMethod : std::uint8_t {
  integer_magic,    ///< nearest_even to a fixed grid without minus zero, by one magic number
  magic,            ///< nearest_even and stochastic by adding and subtracting 1.5 * 2^k in binary32
  normal_magic,     ///< nearest_even to floats without subnormals: `magic`, and 2^k below normal
  parity_magic,     ///< nearest_even to precision 1: the multiple of 2^k depends on the exponent
  signed_magic,     ///< nearest_even to precision 23: 2^k with the operand's sign
  subnormal_magic,  ///< nearest_even to precision 24: 2^k for subnormals alone
  powers,           ///< nearest_even to e8m0fnu, on patterns of twice the operand
  carry,            ///< stochastic, few bits: add them below the kept bits, whose carry decides
  bits,            ///< formats with binary32's smallest normal number: drop low bits of the pattern
  bottom,          ///< nearest_even to any float: `bits`, and small magnitudes apart
  magnitude,       ///< any mode, in binary32
  wide_magnitude,  ///< any mode and any float or fixed-point format inside binary32, in binary64
  posit,           ///< nearest_even to posits: a place of the pattern that depends on the regime
  steps,           ///< any deterministic mode, by a table of the operands where results change
  scalar,          ///< the definition itself, element by element
};

/// How the magnitude methods decide between the two neighbours. The last two exist for precision 1,
/// where the parity of a code is the parity of its exponent field.
enum class Decision : std::uint8_t {
  nearest_even,
  nearest_away,
  toward_zero,
  toward_positive,
  toward_negative,
  to_odd,
  stochastic,
  nearest_even_exponent,
  to_odd_exponent,
};

/// What NaN becomes.
enum class NanRule : std::uint8_t {
  keep,      ///< itself, quieted
  highest,   ///< the clamp's upper end
  constant,  ///< nan_bits
};

/// Numbers of RoundMethod::magic and its stochastic sibling. With e the exponent of an operand, or
/// that of the smallest magnitude that has an ulp of its own if larger, the format's spacing is
/// 2^(e + 1 - p).
struct MagicPlan {
  std::int32_t min_exponent_bits;    ///< pattern of the smallest 2^e
  std::int32_t small_exponent_bits;  ///< of the 2^e that counts below it under normal_magic
  float magic;                       ///< 1.5 * 2^(24 - p): times 2^e its ulp is the spacing (see
                                     ///< round_nearest-inl.h for precision 1 and 23)
  float quantum;                     ///< 2^(1 - p): times 2^e it is the spacing
  float random_unit;        ///< quantum / 2^N, or quantum / 2^(N+1) for the unbiased variant
  std::uint32_t sign_mask;  ///< the sign bit where the format has a minus zero, else 0
  std::uint32_t draw_mask;  ///< the N bits of a 16-bit draw where DrawStochastic suits, else 0
  bool is_fixed;            ///< one spacing everywhere
};

/// Numbers of RoundMethod::bits.
struct BitsPlan {
  std::int32_t drop;              ///< low bits that the format lacks
  std::uint32_t drop_mask;        ///< 2^drop - 1
  std::uint32_t half_below;       ///< 2^(drop-1) - 1, or 0
  std::uint32_t half;             ///< 2^(drop-1), or 0
  std::uint32_t lowest_kept;      ///< 2^drop, or 0 where nothing is dropped
  std::uint32_t lowest_kept_one;  ///< the same shifted down: 1 or 0
  std::uint32_t random_mask;      ///< high N bits of a word
  std::uint32_t random_middle;    ///< the bit below them in the unbiased variant
  std::int32_t random_shift;
};

/// Numbers of RoundMethod::bottom: patterns of binary32 magnitudes, besides those of BitsPlan.
struct BottomPlan {
  std::int32_t threshold;     ///< magnitudes up to this one are rounded apart
  std::int32_t floor;         ///< larger ones become at least this one, then drop bits
  std::int32_t least;         ///< what the others become, unless has_subnormals
  bool has_subnormals;        ///< the others have a spacing: that of MagnitudePlan::fixed_magic
  std::uint32_t odd_addend;   ///< added where the lowest kept bit is 1: half a unit, or just below
  std::uint32_t even_addend;  ///< where it is 0 (the other way at precision 1 and even bias)
};

/// Numbers of both magnitude methods. binary64 holds them all; the binary32 kernel converts.
struct MagnitudePlan {
  double min_normal;     ///< magnitudes below have the one quantum that fixed_magic stands for
  double fixed_magic;    ///< that quantum times 2^(digits - 1)
  double min_magnitude;  ///< smaller magnitudes become this one (formats without zero), or 0
  double flush_below;    ///< smaller magnitudes are read as zero, or 0
  double zero_in;        ///< added to the operand: +0 turns -0 into +0, -0 changes nothing
  double zero_out;       ///< the same for the result
  double random_scale;   ///< 2^-N, or 2^-(N+1) for the unbiased variant
  std::int32_t digits_dropped;  ///< digits of the carrier minus precision of the format
  std::int32_t random_shift;    ///< 32 - N
  bool unbiased;
  bool rounds_fraction;  ///< StochasticVariant::rounded
  double random_limit;   ///< 2^N
  bool odd_bias;         ///< whether the bias is odd: even exponents have odd codes
};

/// Numbers of RoundMethod::carry. The spacing of normal numbers is 2^drop units of the last place
/// of a binary32 pattern; `offset` added to smaller magnitudes gives them the same spacing.
struct CarryPlan {
  float min_normal;             ///< magnitudes below get the offset
  float offset;                 ///< 2^k with k = its exponent, or the largest one of a fixed grid
  std::uint32_t drop_mask;      ///< 2^drop - 1
  std::int32_t low_shift;       ///< left, for a draw in the low half of a word
  std::int32_t high_shift;      ///< right, for a draw in the high half
  std::uint32_t random_mask;    ///< where the N bits are after the shift
  std::uint32_t random_middle;  ///< the bit below them in the unbiased variant, or 0
  float zero_out;               ///< added to the result: +0 turns -0 into +0, -0 changes nothing
  bool is_plain;                ///< symmetric range and a minus zero
};

/// Numbers of RoundMethod::posit. A posit's exponent and fraction bits are those of the binary32
/// pattern, once 1 is added to the exponent field (its bias is then a multiple of 2^es).
struct PositPlan {
  std::int32_t min_bits, max_bits;  ///< patterns of the smallest and the largest posit
  std::int32_t regime_shift;        ///< 23 + es
  std::int32_t regime_bias;         ///< 128 / 2^es
  std::int32_t drop_bias;   ///< 24 + es - n: plus the regime's length it is the number of low bits
                            ///< that the posit lacks
  std::int32_t top_regime;  ///< n - 3: the last one with a terminating bit
  // Where magic numbers do: operands whose doubled pattern is at most `limit` above `low`.
  std::uint32_t fast_low2, fast_limit2;
  float magic[32];  ///< 1.5 * 2^(bits lacking) by regime field modulo 32
};

/// What arrays hold.
enum class Carrier : std::uint8_t { binary32, binary64 };

/// All numbers of a plan.
struct RoundNumbers {
  RoundMethod method;
  Decision decision;
  bool clamps;  ///< clamping the operand (or the pattern) is the whole overflow policy
  NanRule nan_rule;
  bool wraps;              ///< results are still to be reduced to [lowest, largest] modulo 2^bits
  bool reports;            ///< overflow is marked by NaN, for the caller to throw
  bool uses_draws;         ///< random bits are 16-bit draws, not words
  std::uint32_t nan_bits;  ///< pattern of `nan` in binary32
  double nan;              ///< result for NaN under NanRule::constant
  double clamp_low, clamp_high;        ///< operands beyond give the same result as these
  double lowest, largest;              ///< of the format
  double overflow_low, overflow_high;  ///< results for finite operands out of range
  double infinity_low, infinity_high;  ///< results for infinite operands
  double quantum;                      ///< spacing of a fixed grid
  MagicPlan magic;
  CarryPlan carry;
  BitsPlan bits;
  BottomPlan bottom;
  MagnitudePlan magnitude;
  PositPlan posit;
};

/// What the methods `steps` and `scalar` need besides.
struct RoundTables {
  Format format;
  RoundSpec spec;
  std::optional<StepTable<float>> steps = {};
  std::optional<StepTable<double>> wide_steps = {};
};

struct RoundPlan : RoundNumbers {
  std::shared_ptr<const RoundTables> tables;  ///< never change, so copies share them
};

/// Of posits with 5 to 32 bits.
PositPlan make_posit_plan(const PositFormat& format);

/// Throws SpecError for an impossible pair or a format that does not fit the carrier.
RoundPlan make_round_plan(const Format& format, const RoundSpec& spec,
                          Carrier carrier = Carrier::binary32);

}  // namespace halfulp
