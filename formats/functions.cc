#include "formats/functions.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "formats/accumulate.h"
#include "formats/arithmetic.h"
#include "formats/round.h"

namespace halfulp {

namespace {

using Op = Operation;

constexpr double kSqrtTwoOverPi = 0.79788456080286535588;
constexpr double kGeluCubic = 0.044715;

/// A row of numbers; one number stands for a row of it.
using Row = std::vector<Number>;

/// The steps of one function: counts them and rounds each.
class Steps {
 public:
  Steps(const FunctionArithmetic& arithmetic, const StepDraw& draws)
      : arithmetic_(arithmetic), to_(arithmetic.operation), draws_(draws) {}

  /// The argument, rounded.
  Row input(std::span<const double> x) {
    if (x.empty()) throw std::invalid_argument("a row without elements");
    Row out;
    for (std::size_t i = 0; i < x.size(); ++i) {
      out.push_back(round_to(to_.format, to_.rounding, from_double(x[i]), draw(i), flags_));
    }
    ++step_;
    return out;
  }

  /// Constants, which no draw rounds.
  Row constants(std::span<const double> x) {
    Row out;
    const RoundSpec nearest = {Rounding::nearest_even, to_.rounding.overflow};
    for (const double value : x) {
      out.push_back(round_to(to_.format, nearest, from_double(value), 0, flags_));
    }
    return out;
  }

  Row constant(double x) { return constants({&x, 1}); }

  template <class... Rows>
  Row operator()(Operation operation, const Rows&... operands) {
    const std::size_t n = std::max({operands.size()...});
    Row out;
    for (std::size_t i = 0; i < n; ++i) {
      const std::array<Number, sizeof...(Rows)> own = {operands[operands.size() == 1 ? 0 : i]...};
      out.push_back(evaluate(operation, own, to_.format, to_.rounding, draw(i), flags_));
    }
    ++step_;
    return out;
  }

  Row sum(const Row& x) {
    const Row ones(x.size(), from_double(1.0));
    const Number sum = accumulate(arithmetic_.sum, x, ones, Number{}, {}, flags_);
    const Row out = {round_to(to_.format, to_.rounding, sum, draw(0), flags_)};
    ++step_;
    return out;
  }

 private:
  std::uint64_t draw(std::size_t element) const {
    if (to_.rounding.rounding != Rounding::stochastic) return 0;
    if (!draws_) throw std::invalid_argument("stochastic rounding needs a source of random bits");
    return draws_(step_, element);
  }

  const FunctionArithmetic& arithmetic_;
  const Destination& to_;
  const StepDraw& draws_;
  Flags flags_;
  int step_ = 0;
};

Row count(std::size_t n) { return {from_double(static_cast<double>(n))}; }

Row largest(const Row& x, const Destination& to) {
  Flags flags;
  const RoundSpec exact = {Rounding::nearest_even, to.rounding.overflow};
  Number best = x[0];
  for (const Number& value : x) {
    const std::array<Number, 2> both = {best, value};
    best = evaluate(Op::maximum, both, to.format, exact, 0, flags);
  }
  return {best};
}

Row inverted(Row x) {
  for (Number& value : x) value = negated(value);
  return x;
}

std::vector<double> values(const Row& x) {
  std::vector<double> out;
  for (const Number& value : x) out.push_back(to_double(value));
  return out;
}

void check_length(std::size_t n, std::size_t expected) {
  if (n != expected) throw std::invalid_argument("rows of different lengths");
}

/// x / sqrt(mean(x^2) + epsilon).
Row normalized(Steps& step, const Row& x, double epsilon) {
  const Row squares = step(Op::mul, x, x);
  const Row mean = step(Op::div, step.sum(squares), count(x.size()));
  const Row root = step(Op::sqrt, step(Op::add, mean, step.constant(epsilon)));
  return step(Op::mul, x, step(Op::recip, root));
}

Row silu_row(Steps& step, std::span<const double> x) {
  const Row own = step.input(x);
  const Row power = step(Op::exp, inverted(own));
  const Row gate = step(Op::recip, step(Op::add, power, step.constant(1.0)));
  return step(Op::mul, own, gate);
}

}  // namespace

FunctionArithmetic uniform_arithmetic(const Destination& to) {
  Destination sum = to;
  if (to.rounding.rounding == Rounding::stochastic) {
    sum.rounding = {Rounding::nearest_even, to.rounding.overflow};
  }
  FunctionArithmetic arithmetic;
  arithmetic.operation = to;
  RoundedSum chain;
  chain.sum = sum;
  arithmetic.sum.method = chain;
  return arithmetic;
}

std::vector<double> softmax(const FunctionArithmetic& arithmetic, std::span<const double> x,
                            double scale, const StepDraw& draws) {
  Steps step(arithmetic, draws);
  const Row own = step.input(x);
  const Row below = step(Op::sub, own, largest(own, arithmetic.operation));
  const Row powers = step(Op::exp, step(Op::mul, below, step.constant(scale)));
  const Row sum = step.sum(powers);
  return values(step(Op::div, powers, sum));
}

std::vector<double> rms_norm(const FunctionArithmetic& arithmetic, std::span<const double> x,
                             std::span<const double> gain, double epsilon, const StepDraw& draws) {
  check_length(gain.size(), x.size());
  Steps step(arithmetic, draws);
  const Row own = step.input(x);
  return values(step(Op::mul, normalized(step, own, epsilon), step.constants(gain)));
}

std::vector<double> layer_norm(const FunctionArithmetic& arithmetic, std::span<const double> x,
                               std::span<const double> gain, std::span<const double> bias,
                               double epsilon, const StepDraw& draws) {
  check_length(gain.size(), x.size());
  check_length(bias.size(), x.size());
  Steps step(arithmetic, draws);
  const Row own = step.input(x);
  const Row mean = step(Op::div, step.sum(own), count(x.size()));
  const Row centred = step(Op::sub, own, mean);
  const Row scaled = step(Op::mul, normalized(step, centred, epsilon), step.constants(gain));
  return values(step(Op::add, scaled, step.constants(bias)));
}

std::vector<double> gelu(const FunctionArithmetic& arithmetic, std::span<const double> x,
                         const StepDraw& draws) {
  Steps step(arithmetic, draws);
  const Row own = step.input(x);
  const Row square = step(Op::mul, own, own);
  const Row cube = step(Op::mul, square, own);
  const Row term = step(Op::mul, step.constant(kGeluCubic), cube);
  const Row inner = step(Op::mul, step.constant(kSqrtTwoOverPi), step(Op::add, own, term));
  const Row gate = step(Op::add, step.constant(1.0), step(Op::tanh, inner));
  const Row half = step(Op::div, own, count(2));
  return values(step(Op::mul, half, gate));
}

std::vector<double> silu(const FunctionArithmetic& arithmetic, std::span<const double> x,
                         const StepDraw& draws) {
  Steps step(arithmetic, draws);
  return values(silu_row(step, x));
}

std::vector<double> swiglu(const FunctionArithmetic& arithmetic, std::span<const double> gate,
                           std::span<const double> up, const StepDraw& draws) {
  check_length(up.size(), gate.size());
  Steps step(arithmetic, draws);
  const Row own = silu_row(step, gate);
  return values(step(Op::mul, own, step.input(up)));
}

}  // namespace halfulp
