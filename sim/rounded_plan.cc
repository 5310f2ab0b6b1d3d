#include "sim/rounded_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <variant>

#include "formats/float_layout.h"
#include "formats/properties.h"

namespace halfulp {

namespace {

// Inside these exponents no operation of a kernel leaves binary32's normal numbers: they multiply
// sums by up to 2^23 and, under ChainRule::nearest_mean, sums and columns of B by up to 2^7 more.
constexpr int kLeastQuantum = -100;
constexpr int kLargestExponent = 96;
constexpr int kLargestOfB = 120;
constexpr int kMagicPrecision = 22;

/// Where arithmetic of unbounded exponent is that of a format.
struct Range {
  int precision;
  int least_quantum;  ///< multiples of 2^least_quantum that are below the normal numbers are exact
  int limit;          ///< magnitudes below 2^limit are in range
};

std::optional<Range> range_of(const Format& format) {
  const auto* f = std::get_if<FloatFormat>(&format);
  if (f == nullptr || !f->is_signed || !f->has_zero || is_fixed_grid(*f)) return std::nullopt;
  if (!fits_binary32(format)) return std::nullopt;
  const int p = precision(format);
  const bool has_subnormals = f->subnormals == Subnormals::on;
  const int least = has_subnormals ? emin(*f) - p + 1 : emin(*f);
  return Range{p, least, emax(*f)};
}

bool is_nearest(const Destination& to) { return to.rounding.rounding == Rounding::nearest_even; }

/// Finite sums of a format inside binary32 stay what they are in binary32.
bool keeps_sums(const AccumulatorSpec& spec) {
  return !spec.addend_last &&
         (!spec.result || *spec.result == std::get<RoundedSum>(binary32_accumulator().method).sum);
}

const RoundedSum* plain_sum(const AccumulatorSpec& spec) {
  const auto* sum = std::get_if<RoundedSum>(&spec.method);
  if (sum == nullptr || sum->flush || spec.product || !keeps_sums(spec)) return nullptr;
  const bool blocked = sum->order.order == Order::blocked;
  if (sum->order.order != Order::sequential && !blocked) return nullptr;
  if (blocked && (spec.promotion || sum->every != 1)) return nullptr;
  return sum;
}

/// The rule for a destination, before facts are known; no segments.
std::optional<ChainPlan> rule_for(const RoundedSum& sum, bool shared) {
  const auto range = range_of(sum.sum.format);
  if (!range || range->precision < 2) return std::nullopt;
  const RoundSpec& rounding = sum.sum.rounding;
  ChainPlan plan{ChainRule::nearest, range->precision, sum.every, 0, std::nullopt, sum.sum};
  const bool has_magic = range->precision <= kMagicPrecision;
  if (sum.every > 1) {
    plan.rule = ChainRule::every;
    if (is_nearest(sum.sum) && has_magic) return plan;
    return std::nullopt;
  }
  if (is_nearest(sum.sum)) {
    plan.rule = range->precision <= kSelfRoundingPrecision ? ChainRule::nearest_mean
                                                           : ChainRule::nearest_odd;
    if (has_magic) return plan;
    return std::nullopt;
  }
  if (rounding.rounding == Rounding::toward_zero) {
    plan.rule = ChainRule::toward_zero;
    return plan;
  }
  if (rounding.rounding == Rounding::nearest_away && has_magic) {
    plan.rule = ChainRule::nearest_away;
    return plan;
  }
  if (rounding.rounding == Rounding::stochastic &&
      rounding.variant == StochasticVariant::truncate &&
      range->precision + rounding.random_bits <= 24) {
    plan.rule = shared ? ChainRule::shared_draws : ChainRule::independent_draws;
    plan.random_bits = rounding.random_bits;
    return plan;
  }
  return std::nullopt;
}

bool add_segments(const AccumulatorSpec& spec, const RoundedSum& sum, ChainPlan& plan) {
  const bool blocked = sum.order.order == Order::blocked;
  if (!blocked && !spec.promotion) return true;
  plan.start = blocked ? sum.sum : spec.promotion->outer;
  const auto length = blocked ? sum.order.length : spec.promotion->interval;
  const auto range = range_of(plan.start.format);
  if (!range || !is_nearest(plan.start) || range->precision == 23) return false;
  // Stochastic draws are counted through all roundings of a dot product; kernels count terms.
  if (plan.random_bits > 0) return false;
  plan.segments = Segments{static_cast<std::size_t>(length), range->precision};
  return true;
}

/// The compound rule for a method whose products are not rounded by themselves.
std::optional<ChainRule> compound_rule(const AccumulatorSpec& spec) {
  if (const auto* other = std::get_if<CompensatedSum>(&spec.method)) {
    return other->method == CompensatedSum::Method::kahan ? ChainRule::kahan : ChainRule::two_sum;
  }
  const auto& order = std::get<RoundedSum>(spec.method).order;
  if (order.order == Order::pairwise) return ChainRule::pairwise;
  if (order.order == Order::interleaved && order.length <= kMostLanes) {
    return ChainRule::interleaved;
  }
  return std::nullopt;
}

std::optional<ChainPlan> compound_plan(const AccumulatorSpec& spec) {
  const auto* rounded = std::get_if<RoundedSum>(&spec.method);
  if (rounded == nullptr && !std::holds_alternative<CompensatedSum>(spec.method)) return {};
  if (spec.promotion || !keeps_sums(spec)) return {};
  const Destination& to = sum_destination(spec);
  const auto range = range_of(to.format);
  if (!is_nearest(to) || !range || range->precision < 2 || range->precision > kMagicPrecision) {
    return {};
  }
  ChainPlan plan{ChainRule::rounded_products, range->precision, 1, 0, std::nullopt, to};
  if (rounded != nullptr) {
    if (rounded->flush || rounded->every != 1) return {};
    plan.length = static_cast<std::size_t>(rounded->order.length);
  }
  if (!spec.product) {
    const auto rule = compound_rule(spec);
    if (!rule) return {};
    plan.rule = *rule;
    return plan;
  }
  const auto product = range_of(spec.product->format);
  if (rounded == nullptr || rounded->order.order != Order::sequential) return {};
  if (!is_nearest(*spec.product) || !product || product->precision < 2) return {};
  if (product->precision > kMagicPrecision && product->precision != kBinary32Precision) return {};
  plan.product_precision = product->precision;
  return plan;
}

std::optional<ChainPlan> plan_for(const AccumulatorSpec& spec) {
  const RoundedSum* sum = plain_sum(spec);
  if (sum == nullptr) return compound_plan(spec);
  auto plan = rule_for(*sum, spec.shared_draws);
  if (!plan || !add_segments(spec, *sum, *plan)) return std::nullopt;
  return plan;
}

/// Bits that the sums of a compound rule may have above the bound for a rounded chain.
///
/// To nearest, |round(x)| <= 2 |x|, and |round(x + y)| <= |x| + |y| + min(|x|, |y|): a rounded
/// product has one more; a tree of L levels multiplies by up to 1.5 at each; Knuth's errors are no
/// larger than the terms, and so is their sum's error, which is within three bits.
///
/// Kahan's, with u = 2^-p <= 1/4, terms of at most P, S = |s| and C = |c|: |t| <= (1 + u) (P + C),
/// S' <= (1 + u) (S + |t|), and c is the error of s + t but for two more roundings, C' <= u (1 +
/// u)^2 (S + 2 |t|). So S' + C' <= (1 + u)^2 (1 + 2 u (1 + u)) (S + C + P), the logarithm of which
/// factor is below 6.5 u.
double compound_bits(const ChainPlan& plan, std::size_t depth) {
  constexpr double kSlack = 3;
  constexpr double kLog2OfLevel = 0.585;
  if (!is_compound(plan.rule)) return 0;
  if (plan.rule == ChainRule::kahan) {
    return kSlack + static_cast<double>(depth) * std::ldexp(6.5, -plan.precision);
  }
  const bool is_tree = plan.rule == ChainRule::pairwise || plan.rule == ChainRule::interleaved;
  return kSlack + (is_tree ? kLog2OfLevel * static_cast<double>(std::bit_width(depth)) : 0);
}

/// Exponent e with all sums below 2^e, in magnitude.
///
/// To nearest, |round(s + p) - (s + p)| <= |p|, because s is itself a candidate: each term adds at
/// most 2 |p|, and so does each sum of segments, which is a term of the outer sum. Toward zero adds
/// less. Stochastic rounding also multiplies by up to 1 + 2^(1 - precision) at each step.
double exponent_bound(const ChainPlan& plan, const OperandFacts& a, const OperandFacts& b,
                      const OperandFacts& addend, std::size_t depth) {
  const double terms = static_cast<double>(depth) * 4;
  double sum =
      a.is_zero || b.is_zero ? 0 : std::ldexp(terms, a.largest_exponent + b.largest_exponent + 2);
  if (!addend.is_zero) sum += std::ldexp(4.0, addend.largest_exponent);
  double bound = sum > 0 ? std::ilogb(sum) + 1 : kLeastQuantum;
  bound += compound_bits(plan, depth);
  if (plan.random_bits > 0) {
    constexpr double kLog2OfE = 1.4427;
    bound += static_cast<double>(depth) * std::ldexp(kLog2OfE, 1 - plan.precision);
  }
  return bound;
}

/// The least shift that brings sums of multiples of 2^quantum below 2^bound inside the kernels'
/// exponents.
std::optional<int> kernel_shift(int quantum, double bound, const OperandFacts& a,
                                const OperandFacts& addend) {
  constexpr int kLargestOfA = 126;
  const int shift = std::max(kLeastQuantum - quantum, 0);
  if (bound + shift > kLargestExponent) return std::nullopt;
  const bool is_possible =
      addend.is_zero && (a.is_zero || a.largest_exponent + shift <= kLargestOfA);
  if (shift > 0 && !is_possible) return std::nullopt;
  return shift;
}

}  // namespace

// With s of p bits, the product P of q bits, and x = s + P rounded to binary32: the second rounding
// errs only where x = m is a midpoint of the p-bit numbers and s + P != m. Let 2^e <= |m| <
// 2^(e+1); m is an odd multiple of 2^(e-p), and 0 < |s + P - m| <= 2^(e-24).
//
// (1) s is a multiple of 2^(e-p). Then s - m is one, and not zero, since s has p bits and m needs
// p + 1. So 2^(e-p) - 2^(e-24) <= |P|, and the lowest bit of P is at most 2^(e-24), so
// |P| <= (2^q - 1) 2^(e-24). Impossible when 2^(24-p) - 1 > 2^q - 1, that is p + q <= 23.
//
// (2) s is not. Then |s| < 2^(e-1), |P| > 2^(e-1), and P is a multiple of 2^(e-q); P - m is a
// multiple of 2^(e-h), h = max(p, q). The lowest bit of s is at most 2^(e-24), hence |s| <= (2^p -
// 1) 2^(e-24). If P = m, s may be arbitrarily small, but then q >= p + 1. Otherwise |s| >= 2^(e-h)
// - 2^(e-24), impossible when 2^(24-h) - 1 > 2^p - 1, that is p + h <= 23.
//
// Case (2) also needs a sum whose lowest bit is 2^(e-24) or less beside a product above 2^(e-1):
// where all are multiples of 2^g and products are below 2^(f+1), it is impossible when f - g <= 22.
//
// Together: p + q <= 23, and either q <= p and 2 p <= 23, or f - g <= 22.
// tests/sim/rounded_plan_test.cc has counterexamples beyond each condition.
bool rounds_twice_safely(int precision, int bits, int span) {
  if (!rounds_aligned_safely(precision, bits)) return false;
  return (bits <= precision && 2 * precision <= 23) || span <= 22;
}

// Case (2) in full: P - m is a multiple of 2^(e-h), h <= 23, and s + P - m is neither zero nor more
// than 2^(e-24), so s is no multiple of 2^(e-23), the last place of x. Case (1) stays impossible.
bool rounds_aligned_safely(int precision, int bits) { return precision + bits <= 23; }

std::optional<ChainPlan> plan_unseen(const AccumulatorSpec& spec) {
  constexpr int kBinary32Emax = 127;
  constexpr int kBinary32Emin = -126;
  const auto plan = plan_for(spec);
  if (!plan || plan->rule != ChainRule::every || plan->segments) return std::nullopt;
  const auto range = range_of(plan->start.format);
  const bool is_wide = range->limit == kBinary32Emax && range->least_quantum <= kBinary32Emin;
  return is_wide && has_nan(plan->start.format) ? plan : std::nullopt;
}

// Of normal numbers the bounds have the exact number of significant bits, and multiples of larger
// quanta than that allows for do not become exact sums. Trials find by themselves what larger
// quanta would tell.
bool may_gain_by_facts(const ChainPlan& plan, const OperandFacts& a, const OperandFacts& b) {
  if (plan.rule != ChainRule::nearest_mean && plan.rule != ChainRule::nearest_odd) return false;
  const int bits = a.significant_bits + b.significant_bits;
  return rounds_aligned_safely(plan.precision, bits) || bits <= kBinary32Precision;
}

std::optional<Destination> chain_start(const AccumulatorSpec& spec) {
  const auto plan = plan_for(spec);
  if (!plan) return std::nullopt;
  return plan->start;
}

std::optional<ChainPlan> plan_chain(const AccumulatorSpec& spec, const OperandFacts& a,
                                    const OperandFacts& b, const OperandFacts& addend,
                                    std::size_t depth) {
  auto plan = plan_for(spec);
  if (!plan || !a.is_finite || !b.is_finite || !addend.is_finite) return std::nullopt;
  // A sum that starts from +0 is never -0; from -0 it may stay there, which kernels do not.
  if (addend.has_negative_zero) return std::nullopt;
  constexpr std::size_t kMostLeaves = std::size_t{1} << (kMostTreeLevels - 1);
  if (plan->rule == ChainRule::pairwise && depth > kMostLeaves) return std::nullopt;
  const auto inner = range_of(sum_destination(spec).format);
  const auto start = range_of(plan->start.format);
  const bool no_products = a.is_zero || b.is_zero;
  int quantum = no_products ? 0 : a.quantum_exponent + b.quantum_exponent;
  int addend_quantum = 0;
  if (!addend.is_zero) {
    if (addend.quantum_exponent < start->least_quantum) return std::nullopt;
    // Kernels have no draw for the rounding of the addend.
    const bool is_exact = addend.significant_bits <= start->precision;
    if (plan->random_bits > 0 && !is_exact) return std::nullopt;
    // After its rounding.
    const int last_place = addend.least_exponent - start->precision + 1;
    addend_quantum = std::max(addend.quantum_exponent, last_place);
    quantum = no_products ? addend_quantum : std::min(quantum, addend_quantum);
  }
  if (quantum < std::max(inner->least_quantum, start->least_quantum)) return std::nullopt;
  const double bound = exponent_bound(*plan, a, b, addend, depth);
  if (spec.product) {
    const auto product = range_of(spec.product->format);
    if (quantum < product->least_quantum || bound > product->limit) return std::nullopt;
  }
  if (bound > std::min(inner->limit, start->limit)) return std::nullopt;
  const std::optional<int> shift = kernel_shift(quantum, bound, a, addend);
  if (!shift) return std::nullopt;
  plan->shift = *shift;
  const bool is_repaired =
      plan->rule == ChainRule::nearest_mean || plan->rule == ChainRule::nearest_odd;
  if (!is_repaired) return plan;
  if (!b.is_zero && b.largest_exponent > kLargestOfB) return std::nullopt;
  const int bits = no_products ? 1 : a.significant_bits + b.significant_bits;
  // All sums are binary32 numbers when 24 bits reach from the quantum to the largest one.
  const bool first_is_exact = bound - quantum <= kBinary32Precision;
  const int span = a.largest_exponent + b.largest_exponent + 1 - quantum;
  if (first_is_exact || rounds_twice_safely(plan->precision, bits, span)) {
    plan->rule = ChainRule::nearest;
  } else if (plan->rule == ChainRule::nearest_odd && rounds_aligned_safely(plan->precision, bits)) {
    plan->rule = ChainRule::nearest_guarded;
  }
  return plan;
}

}  // namespace halfulp
