// Matrix products whose additions follow a Reduction: products are fused with their addition inside
// a chain, every sum is rounded to nearest even.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "formats/format.h"
#include "sim/accumulated_gemm.h"
#include "sim/matrix.h"
#include "sim/nn/term_order.h"
#include "sim/rounder.h"

namespace halfulp::nn {

/// Y (M x N) = X (M x K) W (K x N), only the terms of `part`. A part of one chain is that chain; in
/// others the trees are added to a running sum that starts from zero. Exactness: each element is
/// accumulate() (formats/accumulate.h) under RoundedSum of binary32, on every SIMD target. Y
/// overlaps neither X nor W.
void sum_part(const TermOrder& order, std::size_t part, ConstMatrix x, ConstMatrix w, Matrix y);

/// Rounds to nearest even, to infinity beyond the format's range; binary32 stays as it is.
class NearestRounding {
 public:
  /// Throws SpecError for a format that does not fit binary32.
  explicit NearestRounding(const Format& format);

  void operator()(float* x, std::size_t n) const {
    if (rounder_) rounder_->round(x, x, n);
  }

  void operator()(Matrix x) const;

 private:
  std::optional<Rounder> rounder_;
};

/// Where an OrderedProduct rounds to nearest even.
struct ProductFormats {
  Format sums;          ///< each addition within a part
  Format partial_sums;  ///< each part's sum and each addition of parts, where there are several
  Format results;       ///< the finished sum
};

/// Products under one reduction.
class OrderedProduct {
 public:
  /// Throws SpecError for formats that do not fit binary32, std::invalid_argument as term_order().
  OrderedProduct(const Reduction& reduction, const ProductFormats& formats);

  /// Y (M x N) = X (M x K) W (K x N). Exactness: additions within a part are those of accumulate()
  /// (formats/accumulate.h) under RoundedSum of `sums`.
  void operator()(ConstMatrix x, ConstMatrix w, Matrix y);

 private:
  const TermOrder& order_of(std::size_t depth);
  void sum(const TermOrder& order, std::size_t part, ConstMatrix x, ConstMatrix w, Matrix y);
  void sum_narrow(const TermOrder& order, std::size_t part, ConstMatrix x, ConstMatrix w, Matrix y);

  Reduction reduction_;
  NearestRounding partial_, result_;
  std::optional<AccumulatedGemm> narrow_;    ///< of a part, for sums that are not binary32
  std::map<std::size_t, TermOrder> orders_;  ///< by K
  std::vector<float> sums_;                  ///< of one part
  std::vector<float> left_, right_;          ///< operands of one part in the order of its terms
};

}  // namespace halfulp::nn
