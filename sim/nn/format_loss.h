// Cross entropy with every operation rounded to a format.
#pragma once

#include <cstddef>
#include <vector>

#include "formats/accumulator.h"
#include "sim/random.h"
#include "sim/rounder.h"

namespace halfulp::nn {

/// Of one row of logits x (taken as they are) with target t, each step rounded:
///   m = max x;  a_i = x_i - m;  e_i = exp(a_i);  s = e_0 + e_1 + ... in ascending order;
///   n = log(s);  l_i = a_i - n;  loss = -l_t
/// and backward, with g = gradient_scale rounded,  p_i = exp(l_i);  d_i = p_i - [i = t];
/// gradient_i = d_i g.
/// Each operation is computed in binary64 (exp and log as in sim/elementary.h, within an ulp of it)
/// and rounded once: for the other operations that is the correctly rounded result where the
/// format has at most 25 bits of precision and rounds to nearest.
class FormatLoss {
 public:
  /// Throws SpecError for a format outside binary32.
  explicit FormatLoss(const Destination& to);

  /// As Kernels::cross_entropy(). Random: the p-th of the eight steps above of element i of row r
  /// draws word r cols + i of `stream` with p added to its tensor.
  void cross_entropy(float* logits, const unsigned char* targets, float* losses, std::size_t rows,
                     std::size_t cols, bool gradient, double gradient_scale,
                     const RandomStream& stream) const;

 private:
  WideRounder rounder_;
};

}  // namespace halfulp::nn
