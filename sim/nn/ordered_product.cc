// Owns the dispatch of sums in a given order.
#include "sim/nn/ordered_product.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/nn/ordered_product.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "sim/nn/ordered_product-inl.h"

#if HWY_ONCE
#include "formats/spec.h"
#include "sim/nn/kernels.h"

namespace halfulp::nn {

HWY_EXPORT(SumPart);

void sum_part(const TermOrder& order, std::size_t part, ConstMatrix x, ConstMatrix w, Matrix y) {
  HWY_DYNAMIC_DISPATCH(SumPart)(order, part, x, w, y);
}

NearestRounding::NearestRounding(const Format& format) {
  if (format == parse_format("binary32")) return;
  rounder_.emplace(format,
                   RoundSpec{.rounding = Rounding::nearest_even, .overflow = Overflow::infinity});
}

void NearestRounding::operator()(Matrix x) const {
  if (!rounder_) return;
  if (x.stride == x.cols) return (*this)(x.data, x.rows * x.cols);
  for (std::size_t r = 0; r < x.rows; ++r) (*this)(x.data + r * x.stride, x.cols);
}

OrderedProduct::OrderedProduct(const Reduction& reduction, const Format& partial,
                               const Format& result)
    : reduction_(reduction), partial_(partial), result_(result) {
  term_order(reduction, 1);  // refuses what no product could use
}

const TermOrder& OrderedProduct::order_of(std::size_t depth) {
  const auto found = orders_.find(depth);
  if (found != orders_.end()) return found->second;
  return orders_.emplace(depth, term_order(reduction_, depth)).first->second;
}

void OrderedProduct::operator()(ConstMatrix x, ConstMatrix w, Matrix y) {
  const TermOrder& order = order_of(x.cols);
  sum_part(order, 0, x, w, y);
  const std::size_t parts = order.parts.size();
  if (parts > 1) partial_(y);
  if (sums_.size() < y.rows * y.cols) sums_.resize(y.rows * y.cols);
  const Matrix sums = {sums_.data(), y.rows, y.cols, y.cols};
  for (std::size_t part = 1; part < parts; ++part) {
    sum_part(order, part, x, w, sums);
    partial_(sums);
    for (std::size_t r = 0; r < y.rows; ++r) {
      float* row = y.data + r * y.stride;
      kernels<float>().add(row, sums.data + r * sums.stride, row, y.cols);
    }
    partial_(y);
  }
  result_(y);
}

}  // namespace halfulp::nn
#endif
