// Functions of neural networks evaluated as hardware does it: one operation after another, each
// rounded to a format. The readable definition; sim/format_functions.h is the fast form.
//
// Steps of a function, numbered from 0, on rows of n numbers or (in brackets) one number per row;
// r() rounds to FunctionArithmetic::operation, sum() is FunctionArithmetic::sum, then r().
//   softmax     x = r(x); d = r(x - max x); z = r(d scale); e = r(exp z); [s = sum(e)]; y = r(e /
//   s) RMS norm    x = r(x); q = r(x x); [s = sum(q); v = r(s / n); w = r(v + epsilon); t = r(sqrt
//   w);
//               i = r(1 / t)]; u = r(x i); y = r(u gain)
//   layer norm  x = r(x); [s = sum(x); m = r(s / n)]; c = r(x - m); then from q = r(c c) as RMS
//   norm
//               to u = r(c i); g = r(u gain); y = r(g + bias)
//   GELU        x = r(x); a = r(x x); b = r(a x); c = r(k b); d = r(x + c); z = r(l d);
//               t = r(tanh z); o = r(1 + t); h = r(x / 2); y = r(h o)
//   SiLU        x = r(x); e = r(exp -x); d = r(1 + e); i = r(1 / d); y = r(x i)
//   SwiGLU      SiLU of the gate; u = r(up); y = r(silu u)
// Constants (scale, epsilon, gain, bias, k = 0.044715, l = sqrt(2 / pi)) are rounded to nearest
// even first; n is a count, not a number of the format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "formats/accumulator.h"

namespace halfulp {

/// How a function is evaluated.
struct FunctionArithmetic {
  Destination operation;
  AccumulatorSpec sum;  ///< of a row times ones, without draws
  friend bool operator==(const FunctionArithmetic&, const FunctionArithmetic&) = default;
};

/// Everything rounded to one destination; sums in sequence, each addition rounded (to nearest even
/// where `to` is stochastic).
FunctionArithmetic uniform_arithmetic(const Destination& to);

/// R of a stochastic rounding: the number of the step and the element of the row (0 for steps in
/// brackets).
using StepDraw = std::function<std::uint64_t(int step, std::size_t element)>;

/// Each takes one row and returns one; values are exact for formats inside binary64. Elementary
/// functions are correctly rounded (arithmetic.h), whose rules for special operands hold
/// throughout: a NaN in a row of softmax or norm makes the row NaN. Errors: as evaluate();
/// std::invalid_argument for different lengths, an empty row, or stochastic rounding without draws.
std::vector<double> softmax(const FunctionArithmetic& arithmetic, std::span<const double> x,
                            double scale = 1.0, const StepDraw& draws = {});
std::vector<double> rms_norm(const FunctionArithmetic& arithmetic, std::span<const double> x,
                             std::span<const double> gain, double epsilon = 1e-5,
                             const StepDraw& draws = {});
std::vector<double> layer_norm(const FunctionArithmetic& arithmetic, std::span<const double> x,
                               std::span<const double> gain, std::span<const double> bias,
                               double epsilon = 1e-5, const StepDraw& draws = {});
std::vector<double> gelu(const FunctionArithmetic& arithmetic, std::span<const double> x,
                         const StepDraw& draws = {});
std::vector<double> silu(const FunctionArithmetic& arithmetic, std::span<const double> x,
                         const StepDraw& draws = {});
std::vector<double> swiglu(const FunctionArithmetic& arithmetic, std::span<const double> gate,
                           std::span<const double> up, const StepDraw& draws = {});

}  // namespace halfulp
