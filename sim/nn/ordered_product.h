// Matrix products whose additions follow a TermOrder: binary32, products fused with their addition
// inside a chain, every sum rounded to nearest even.
#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "formats/format.h"
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

/// Products under one reduction. Where it has several parts, each part's sum and each addition of
/// parts is rounded to `partial`; the finished sum is rounded to `result`.
class OrderedProduct {
 public:
  OrderedProduct(const Reduction& reduction, const Format& partial, const Format& result);

  /// Y (M x N) = X (M x K) W (K x N).
  void operator()(ConstMatrix x, ConstMatrix w, Matrix y);

 private:
  const TermOrder& order_of(std::size_t depth);

  Reduction reduction_;
  NearestRounding partial_, result_;
  std::map<std::size_t, TermOrder> orders_;  ///< by K
  std::vector<float> sums_;                  ///< of one part
};

}  // namespace halfulp::nn
