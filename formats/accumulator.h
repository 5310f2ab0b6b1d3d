// What happens inside a dot product: how products are rounded, in which order and format they are
// added, and how the sum becomes the result. Parameters only: text is in accumulator_spec.h, the
// readable definition in accumulate.h, published hardware in named_accumulators.h.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "formats/format.h"
#include "formats/rounding.h"

namespace halfulp {

/// Where a result goes: a format and how it is rounded to it.
struct Destination {
  Format format = {};
  RoundSpec rounding = {};
  friend bool operator==(const Destination&, const Destination&) = default;
};

/// Order of the additions of K terms. `n` is SumOrder::length.
enum class Order : std::uint8_t {
  sequential,  ///< running sum + term 0, + term 1, ...
  pairwise,    ///< neighbours, then neighbours of the sums, ...: a left-complete binary tree over
               ///< n terms (all, when n = 0); trees of n terms are added to the running sum in turn
  blocked,     ///< n terms in sequence from zero; the blocks are added to the running sum in turn
  interleaved,  ///< n lanes, lane l sums the terms l, l + n, ... in sequence from zero; the lanes
                ///< are added pairwise and then to the running sum
};

struct SumOrder {
  Order order = Order::sequential;
  int length = 0;  ///< n: 0 for sequential, 0 (all terms) or more for pairwise, else at least 1
  friend bool operator==(const SumOrder&, const SumOrder&) = default;
};

/// Subnormal numbers read and written as zero, sign kept only by results: an operand or addend
/// below its least exponent is +0, and so is a product or sum that is still subnormal in the format
/// of the sum after rounding to it, with its own sign.
struct Flush {
  int operand_exponents[2] = {-126, -126};  ///< of the smallest normal number of a, b
  friend bool operator==(const Flush&, const Flush&) = default;
};

/// Each addition is rounded to one format: a float of few bits, an integer that saturates or wraps,
/// a posit. In sequence the product and the running sum are added with one rounding (a fused
/// multiply-add) unless products are rounded first; the leaves of a tree are such additions to
/// zero.
struct RoundedSum {
  Destination sum;
  /// Sequential only: the running sum is a binary32 chain (nearest even) that is rounded to `sum`
  /// after each `every` additions and after the last. 1: every addition is rounded once, to `sum`.
  int every = 1;
  SumOrder order = {};
  std::optional<Flush> flush = {};  ///< only with every = 1 and products that are not rounded
  friend bool operator==(const RoundedSum&, const RoundedSum&) = default;
};

/// Several products in one addition, as matrix engines do it (block fused multiply-add). A product
/// of operands with exponents e_a and e_b is the exact s * 2^(e_a + e_b), 0 <= |s| < 4, not
/// normalized; exponents of operands are at least `operand_exponents`. Products with a zero take no
/// part; the exponent of the addend and of the running sum is at least -126. Terms are aligned to
/// the largest exponent, rounded to `fraction_bits` bits below its unit, and added exactly. The sum
/// is rounded to `sum`; under Overflow::infinity a finite sum beyond its range is an infinity in
/// every rounding mode, as the published models have it.
struct AlignedSum {
  static constexpr int kMostTerms = 1 << 20;
  static constexpr int kMostBits = 60;  ///< kept by an alignment: the sums fit 128 bits

  enum class Addend : std::uint8_t {
    aligned,    ///< the running sum is one of the aligned terms (NVIDIA)
    separate,   ///< it is added to the sum of products by an addition that `addition` rounds
    realigned,  ///< the sum of products and the running sum are aligned to the larger exponent,
                ///< rounded down to `realigned_bits` and `fraction_bits` bits (CDNA3)
  };
  int terms = 16;                              ///< products of one addition
  int fraction_bits = 24;                      ///< F: 0 to 60
  Rounding alignment = Rounding::toward_zero;  ///< toward_zero (of the magnitude), toward_negative,
                                               ///< nearest_even
  int lanes = 1;  ///< 2: even and odd products are aligned and added apart; the two sums are
                  ///< then aligned to the larger exponent, rounded down to F bits
  int exact_products = 1;  ///< more than 1: so many neighbouring products are first added exactly;
                           ///< their sum is one term, whose exponent is that of the block scales
                           ///< (accumulate.h), also when it is zero (FP4)
  int interleave = 0;  ///< n > 0: two successive additions share 2 terms products; neighbours, n
                       ///< at a time, go to the first and to the second in turn
  int least_exponent = -133;                ///< of the alignment
  int operand_exponents[2] = {-126, -126};  ///< least exponent of an operand a, b: that of its
                                            ///< format's smallest normal number
  bool flush_operands = false;              ///< operands below 2^operand_exponents are read as zero
  bool products_overflow = false;           ///< products of 2^128 and more are infinities (CDNA3)
  Addend addend = Addend::aligned;
  int realigned_bits = 31;        ///< of Addend::realigned: 0 to 60
  bool drops_far_addend = false;  ///< of Addend::realigned: an addend whose exponent is more than
                                  ///< F + 1 below the larger one is zero, not rounded down
  std::optional<Destination> addition = {};  ///< of Addend::separate; none: `sum`
  Destination sum;                           ///< of the running sum, after each addition
  friend bool operator==(const AlignedSum&, const AlignedSum&) = default;
};

/// Sequential sums that carry what rounding lost, every operation rounded to `sum`.
struct CompensatedSum {
  enum class Method : std::uint8_t {
    kahan,    ///< y = r(p - c); t = r(s + y); c = r(r(t - s) - y); s = t
    two_sum,  ///< q = r(p); t = r(s + q); x = r(t - s); y = r(t - x); e = r(r(s - y) + r(q - x));
              ///< lost = r(lost + e); s = t; last r(s + lost). s + q = t + e (Knuth's TwoSum) under
              ///< nearest_even without overflow
  };
  Method method = Method::kahan;
  Destination sum;
  friend bool operator==(const CompensatedSum&, const CompensatedSum&) = default;
};

/// Every bit is kept (Kulisch accumulator, quire); rounded once, or once after each `every` terms
/// and after the last (an exact dot-product-and-add instruction).
struct ExactAccumulation {
  Destination sum;
  int every = 0;  ///< 0: once
  friend bool operator==(const ExactAccumulation&, const ExactAccumulation&) = default;
};

/// The running sum goes to an outer sum after each `interval` terms and after the last, and starts
/// again from zero.
struct Promotion {
  int interval = 128;
  Destination outer;  ///< each addition to the outer sum is rounded to it
  friend bool operator==(const Promotion&, const Promotion&) = default;
};

struct AccumulatorSpec {
  std::optional<Destination> product = {};  ///< of each product; none: exact
  std::variant<RoundedSum, AlignedSum, CompensatedSum, ExactAccumulation> method;
  std::optional<Promotion> promotion = {};
  std::optional<Destination> result = {};  ///< last rounding of the whole; none: what the sum is in
  bool addend_last = false;   ///< c of a b + c is added to the finished sum, in its format, instead
                              ///< of being what the running (with promotion: outer) sum starts from
  bool shared_draws = false;  ///< stochastic rounding in matrix products: draws of different rows
                              ///< of the result differ by a constant xor (sim/accumulated_gemm.h)
  friend bool operator==(const AccumulatorSpec&, const AccumulatorSpec&) = default;
};

/// Each addition fused and rounded to binary32, in sequence: what plain products do (sim/gemm.h).
AccumulatorSpec binary32_accumulator();

/// Where the running sum lives: the `sum` of the method.
const Destination& sum_destination(const AccumulatorSpec& spec);

/// What the value of the whole was rounded to last, whose format it has.
const Destination& last_destination(const AccumulatorSpec& spec);

}  // namespace halfulp
