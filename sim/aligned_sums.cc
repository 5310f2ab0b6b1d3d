#include "sim/aligned_sums.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "formats/number.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "sim/aligned_kernels.h"
#include "sim/odd_rounder.h"
#include "sim/sum_stages.h"

namespace halfulp {

namespace {

// Below any exponent of a product or addend: a lower limit of the alignment says the same.
constexpr int kLeastOfAll = -300;
constexpr int kBinary32LeastQuantum = -149;
constexpr int kBinary32LeastExponent = -126;
constexpr int kBinary64Bits = 53;
const Destination kBinary32 = {FloatFormat{8, 23, 127},
                               {Rounding::nearest_even, Overflow::infinity}};

std::optional<SumRounding> sum_rounding(const Destination& to) {
  const auto* format = std::get_if<FloatFormat>(&to.format);
  if (format == nullptr || !fits_binary32(to.format)) return std::nullopt;
  const bool is_plain = format->is_signed && format->has_zero && format->exponent_bits > 0 &&
                        format->subnormals == Subnormals::on && format->trailing_bits >= 2;
  const RoundSpec& spec = to.rounding;
  const bool is_simple =
      spec.rounding == Rounding::nearest_even || spec.rounding == Rounding::toward_zero;
  if (!is_plain || !is_simple || spec.overflow == Overflow::error) return std::nullopt;
  SumRounding result;
  result.to_nearest = spec.rounding == Rounding::nearest_even;
  result.converts = to == kBinary32;
  result.trailing_bits = format->trailing_bits;
  result.least_exponent = emin(*format);
  result.largest = to_double(max_finite(to.format));
  result.beyond = spec.overflow == Overflow::infinity
                      ? std::numeric_limits<double>::infinity()
                      : round(to.format, spec, std::numeric_limits<double>::max());
  return result;
}

/// Which k are added together: successive ones, or those that `interleave` deals out.
void plan_order(const AlignedSum& rule, std::size_t depth, AlignedPlan& plan) {
  const auto terms = static_cast<std::size_t>(rule.terms);
  const auto run = static_cast<std::size_t>(rule.interleave);
  const std::size_t together = run > 0 ? 2 * terms : terms;
  const std::size_t parts = run > 0 ? 2 : 1;
  plan.order.clear();
  plan.counts.clear();
  for (std::size_t from = 0; from < depth; from += together) {
    for (std::size_t part = 0; part < parts; ++part) {
      const std::size_t before = plan.order.size();
      for (std::size_t k = from; k < std::min(from + together, depth); ++k) {
        if (run == 0 || (k - from) / run % 2 == part) plan.order.push_back(k);
      }
      if (plan.order.size() > before) plan.counts.push_back(plan.order.size() - before);
    }
  }
}

/// What is known of all products and sums of one GEMM.
struct Ranges {
  int least_product = 0;    ///< exponents that alignment sees
  int largest_product = 0;  ///< products are below 2^(largest_product + 2)
  int quantum = 0;          ///< of products
  int significant_bits = 0;
  double bound = 0;  ///< of every sum
  int least_addend = 0;
  bool has_products = false;
};

Ranges ranges_of(const AlignedSum& rule, const GemmTask& task, const OperandFacts& a,
                 const OperandFacts& b, const OperandFacts& addend) {
  Ranges r;
  r.has_products = !a.is_zero && !b.is_zero;
  r.least_product = std::max(a.least_exponent, rule.operand_exponents[0]) +
                    std::max(b.least_exponent, rule.operand_exponents[1]);
  r.largest_product = std::max(a.largest_exponent, rule.operand_exponents[0]) +
                      std::max(b.largest_exponent, rule.operand_exponents[1]);
  r.quantum = a.quantum_exponent + b.quantum_exponent;
  r.significant_bits = a.significant_bits + b.significant_bits;
  r.least_addend = addend.is_zero ? 0 : addend.least_exponent;
  const double start = addend.is_zero ? 0.0 : std::ldexp(1.0, addend.largest_exponent + 1);
  r.bound = static_cast<double>(task.depth) * std::ldexp(1.0, r.largest_product + 2) + start;
  return r;
}

/// Whether additions cannot leave the format: none lets a sum grow beyond the bound by more than
/// rounding to nearest does, which a factor of 4 covers for up to 2^(p - 1) additions.
bool stays_in_range(const Ranges& r, const SumRounding& rounding, std::size_t depth, double limit) {
  const bool is_short = !rounding.to_nearest || depth <= std::size_t{1} << rounding.trailing_bits;
  return is_short && r.bound * 4 <= limit;
}

/// The binary32 kernel, where all that it scales is in range: exponents of sums are at least those
/// of the last bits of products or of a start. The largest sum is that of a narrow format, or
/// within the bound.
void plan_binary32(const Ranges& r, std::size_t depth, AlignedPlan& plan) {
  constexpr int kMostFractionBits = 29;
  constexpr double kLargest = 0x1p120;
  const AlignedSum& rule = plan.rule;
  const int bits = rule.fraction_bits;
  const bool is_realigned = rule.addend == AlignedSum::Addend::realigned;
  SumRounding& rounding = plan.rounding;
  if (!r.has_products || rule.alignment != Rounding::toward_zero) return;
  if ((rule.lanes != 1 && !is_realigned) || bits > kMostFractionBits) return;
  const bool is_narrow = r.bound <= kLargest && rounding.largest <= kLargest;
  if (!is_narrow && !stays_in_range(r, rounding, depth, kLargest)) return;
  if (r.significant_bits > 24 || r.quantum < kBinary32LeastQuantum) return;
  const int most_bits = is_realigned ? std::max(bits, rule.realigned_bits) : bits;
  const int limit = most_bits + kBinary32LeastExponent;
  const int least = std::min({r.least_product - most_bits, r.least_addend, -1});
  if (std::max(least, plan.least_exponent) < limit) return;
  plan.chunk = std::size_t{1} << (kMostFractionBits - bits);
  // The int32 sums of both lanes are added.
  if (is_realigned && static_cast<std::size_t>(rule.terms) > plan.chunk) return;
  plan.least_exponent = std::max(plan.least_exponent, limit);
  plan.in_binary32 = true;
  rounding.clears_bits =
      !rounding.to_nearest && stays_in_range(r, rounding, depth, rounding.largest) &&
      r.least_product - most_bits >= rounding.least_exponent - rounding.trailing_bits;
  // terms of less than 2^(F + 2), and an addend of less than 2^(F + 1).
  const double terms = static_cast<double>(rule.terms);
  plan.in_int32 = rounding.clears_bits && std::ldexp(4 * terms + 2, bits) < 0x1p31;
}

/// Whether binary64 holds every aligned sum: integers of F + 2 bits and carries.
bool fits_binary64(const AlignedSum& rule) {
  const int carries = static_cast<int>(std::bit_width(static_cast<unsigned>(rule.terms) + 1));
  const bool is_realigned = rule.addend == AlignedSum::Addend::realigned || rule.lanes == 2;
  const int realigned = rule.addend == AlignedSum::Addend::realigned ? rule.realigned_bits : 0;
  // The sum of products lies up to `carries` above the unit of its exponent.
  return std::max(rule.fraction_bits, realigned) + 3 + carries + (is_realigned ? 1 : 0) <=
         kBinary64Bits;
}

bool is_covered(const AccumulatorSpec& spec, const AlignedSum& rule, const OperandFacts& a,
                const OperandFacts& b) {
  if (spec.product || rule.exact_products > 1 || rule.fraction_bits < 1) return false;
  if (!a.is_finite || !b.is_finite || !can_run_stages(spec) || !fits_binary64(rule)) return false;
  if (rule.addend == AlignedSum::Addend::separate &&
      rule.addition.value_or(rule.sum) != kBinary32) {
    return false;
  }
  // Exponents of subnormal numbers are not looked for.
  const auto has_exponents = [](const OperandFacts& x, int least) {
    return least >= kBinary32LeastExponent || x.least_exponent >= kBinary32LeastExponent;
  };
  return has_exponents(a, rule.operand_exponents[0]) && has_exponents(b, rule.operand_exponents[1]);
}

}  // namespace

bool accumulate_aligned(const AccumulatorSpec& spec, const GemmTask& task, const OperandFacts& a,
                        const OperandFacts& b) {
  const auto* rule = std::get_if<AlignedSum>(&spec.method);
  if (rule == nullptr || task.report != nullptr || !is_covered(spec, *rule, a, b)) return false;
  const auto rounding = sum_rounding(rule->sum);
  OperandFacts addend;
  if (task.addend.data != nullptr) addend = operand_facts(task.addend);
  if (!rounding || !addend.is_finite) return false;
  const Ranges ranges = ranges_of(*rule, task, a, b, addend);
  constexpr int kProductLimit = 128;
  if (rule->products_overflow && ranges.has_products &&
      ranges.largest_product + 2 > kProductLimit) {
    return false;
  }
  AlignedPlan plan;
  plan.rule = *rule;
  plan.least_exponent = std::max(rule->least_exponent, kLeastOfAll);
  plan.rounding = *rounding;
  plan_binary32(ranges, task.depth, plan);
  const OddRounder rounder(rule->sum);
  run_stages(spec, task, [&](const GemmTask& part, const SumSink& sink) {
    plan_order(*rule, part.depth, plan);
    run_oriented(part, sink, [&](const GemmTask& run, const SumSink& to, bool transposed) {
      plan.operand_least[0] = rule->operand_exponents[transposed ? 1 : 0];
      plan.operand_least[1] = rule->operand_exponents[transposed ? 0 : 1];
      const auto start = [&](std::size_t row, std::size_t column, double* starts,
                             std::size_t count) {
        if (run.addend.data == nullptr) return;  // zeros
        load_addend(run, row, column, starts, count);
        rounder.round(starts, count);
      };
      aligned_sums(run, plan, start, to);
    });
  });
  return true;
}

}  // namespace halfulp
