// Owns the dispatch of sums in a given order.
#include "sim/nn/ordered_product.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/nn/ordered_product.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "sim/nn/ordered_product-inl.h"

#if HWY_ONCE
#include <algorithm>
#include <span>

#include "formats/spec.h"
#include "sim/nn/kernels.h"

namespace halfulp::nn {

HWY_EXPORT(SumPart);

void sum_part(const TermOrder& order, std::size_t part, ConstMatrix x, ConstMatrix w, Matrix y) {
  HWY_DYNAMIC_DISPATCH(SumPart)(order, part, x, w, y);
}

namespace {

constexpr RoundSpec kNearest = {.rounding = Rounding::nearest_even, .overflow = Overflow::infinity};

}  // namespace

NearestRounding::NearestRounding(const Format& format) {
  if (format == parse_format("binary32")) return;
  rounder_.emplace(format, kNearest);
}

void NearestRounding::operator()(Matrix x) const {
  if (!rounder_) return;
  if (x.stride == x.cols) return (*this)(x.data, x.rows * x.cols);
  for (std::size_t r = 0; r < x.rows; ++r) (*this)(x.data + r * x.stride, x.cols);
}

OrderedProduct::OrderedProduct(const Reduction& reduction, const ProductFormats& formats)
    : reduction_(reduction), partial_(formats.partial_sums), result_(formats.results) {
  term_order(reduction, 1);  // refuses what no product could use
  if (formats.sums == parse_format("binary32")) return;
  RoundedSum sums;
  sums.sum = {formats.sums, kNearest};
  sums.order = reduction.order;
  AccumulatorSpec spec = binary32_accumulator();
  spec.method = sums;
  narrow_.emplace(spec);
  reduction_.order = {};  // of a part the accumulator takes care
}

const TermOrder& OrderedProduct::order_of(std::size_t depth) {
  const auto found = orders_.find(depth);
  if (found != orders_.end()) return found->second;
  return orders_.emplace(depth, term_order(reduction_, depth)).first->second;
}

void OrderedProduct::sum(const TermOrder& order, std::size_t part, ConstMatrix x, ConstMatrix w,
                         Matrix y) {
  if (narrow_) {
    sum_narrow(order, part, x, w, y);
  } else {
    sum_part(order, part, x, w, y);
  }
}

/// The terms of a part, here one chain, are gathered for the accumulator.
void OrderedProduct::sum_narrow(const TermOrder& order, std::size_t part, ConstMatrix x,
                                ConstMatrix w, Matrix y) {
  const std::size_t first = part == 0 ? 0 : order.chains[part - 1];
  const auto terms = std::span(order.terms).subspan(first, order.chains[part] - first);
  left_.resize(x.rows * terms.size());
  right_.resize(terms.size() * w.cols);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    for (std::size_t r = 0; r < x.rows; ++r) {
      left_[r * terms.size() + i] = x.data[r * x.stride + terms[i]];
    }
    std::copy_n(w.data + terms[i] * w.stride, w.cols, right_.data() + i * w.cols);
  }
  narrow_->nn({left_.data(), x.rows, terms.size(), terms.size()},
              {right_.data(), terms.size(), w.cols, w.cols}, y);
}

void OrderedProduct::operator()(ConstMatrix x, ConstMatrix w, Matrix y) {
  const TermOrder& order = order_of(x.cols);
  sum(order, 0, x, w, y);
  const std::size_t parts = order.parts.size();
  if (parts > 1) partial_(y);
  if (sums_.size() < y.rows * y.cols) sums_.resize(y.rows * y.cols);
  const Matrix sums = {sums_.data(), y.rows, y.cols, y.cols};
  for (std::size_t part = 1; part < parts; ++part) {
    sum(order, part, x, w, sums);
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
