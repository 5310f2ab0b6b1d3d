#include "sim/format_functions.h"

#include <algorithm>

#include "sim/format_steps.h"

namespace halfulp {

namespace {

using Values = FormatSteps::Values;
using Op = Operation;

constexpr double kSqrtTwoOverPi = 0.79788456080286535588;
constexpr double kGeluCubic = 0.044715;

/// Numbers of a block, so that its buffers stay in cache.
constexpr std::size_t kBlock = 4096;

void store(const Values& x, float* out) {
  std::transform(x.begin(), x.end(), out, [](double v) { return static_cast<float>(v); });
}

/// x / sqrt(mean of squares + epsilon).
Values normalized(FormatSteps& step, const Values& x, std::size_t cols, double epsilon) {
  const Values squares = step.apply(Op::mul, x, x);
  const Values sums = step.sum(squares);
  const Values mean = step.apply(Op::div, sums, step.exact(static_cast<double>(cols)));
  const Values raised = step.apply(Op::add, mean, step.constant(epsilon));
  const Values root = step.apply(Op::sqrt, raised);
  const Values inverse = step.apply(Op::div, step.exact(1.0), root);
  return step.apply(Op::mul, x, inverse);
}

Values silu_block(FormatSteps& step, const float* x) {
  const Values own = step.input(x);
  Values minus = own;
  for (double& value : minus) value = -value;
  const Values power = step.elementary(Op::exp, minus);
  const Values sum = step.apply(Op::add, power, step.constant(1.0));
  const Values gate = step.apply(Op::div, step.exact(1.0), sum);
  return step.apply(Op::mul, own, gate);
}

}  // namespace

struct FormatFunctions::Impl {
  StepRounding rounding;

  /// body(steps, first element) for blocks of whole rows.
  template <class Body>
  void for_rows(std::size_t rows, std::size_t cols, const RandomStream& stream,
                std::size_t first_index, const Body& body) const {
    if (cols == 0) return;
    const std::size_t most = std::max<std::size_t>(1, kBlock / cols);
    for (std::size_t r = 0; r < rows; r += most) {
      FormatSteps steps(rounding, std::min(most, rows - r), cols, first_index + r * cols, stream);
      body(steps, r * cols);
    }
  }

  /// body(steps, first element) for blocks of one row.
  template <class Body>
  void for_elements(std::size_t n, const RandomStream& stream, std::size_t first_index,
                    const Body& body) const {
    for (std::size_t i = 0; i < n; i += kBlock) {
      FormatSteps steps(rounding, 1, std::min(kBlock, n - i), first_index + i, stream);
      body(steps, i);
    }
  }
};

FormatFunctions::FormatFunctions(const FunctionArithmetic& arithmetic)
    : impl_(std::make_unique<Impl>(Impl{StepRounding(arithmetic)})) {}

FormatFunctions::~FormatFunctions() = default;
FormatFunctions::FormatFunctions(FormatFunctions&&) noexcept = default;
FormatFunctions& FormatFunctions::operator=(FormatFunctions&&) noexcept = default;

const FunctionArithmetic& FormatFunctions::arithmetic() const { return impl_->rounding.arithmetic; }

void FormatFunctions::softmax(const float* x, float* out, std::size_t rows, std::size_t cols,
                              float scale, const RandomStream& stream,
                              std::size_t first_index) const {
  impl_->for_rows(rows, cols, stream, first_index, [&](FormatSteps& step, std::size_t at) {
    const Values own = step.input(x + at);
    const Values below = step.apply(Op::sub, own, step.largest(own));
    const Values scaled = step.apply(Op::mul, below, step.constant(static_cast<double>(scale)));
    const Values powers = step.elementary(Op::exp, scaled);
    const Values sums = step.sum(powers);
    store(step.apply(Op::div, powers, sums), out + at);
  });
}

void FormatFunctions::rms_norm(const float* x, const float* gain, float* out, std::size_t rows,
                               std::size_t cols, double epsilon, const RandomStream& stream,
                               std::size_t first_index) const {
  impl_->for_rows(rows, cols, stream, first_index, [&](FormatSteps& step, std::size_t at) {
    const Values own = step.input(x + at);
    const Values unit = normalized(step, own, cols, epsilon);
    store(step.apply(Op::mul, unit, step.constants(gain)), out + at);
  });
}

void FormatFunctions::layer_norm(const float* x, const float* gain, const float* bias, float* out,
                                 std::size_t rows, std::size_t cols, double epsilon,
                                 const RandomStream& stream, std::size_t first_index) const {
  impl_->for_rows(rows, cols, stream, first_index, [&](FormatSteps& step, std::size_t at) {
    const Values own = step.input(x + at);
    const Values sums = step.sum(own);
    const Values mean = step.apply(Op::div, sums, step.exact(static_cast<double>(cols)));
    const Values centred = step.apply(Op::sub, own, mean);
    const Values unit = normalized(step, centred, cols, epsilon);
    const Values scaled = step.apply(Op::mul, unit, step.constants(gain));
    store(step.apply(Op::add, scaled, step.constants(bias)), out + at);
  });
}

void FormatFunctions::gelu(const float* x, float* out, std::size_t n, const RandomStream& stream,
                           std::size_t first_index) const {
  impl_->for_elements(n, stream, first_index, [&](FormatSteps& step, std::size_t at) {
    const Values own = step.input(x + at);
    const Values square = step.apply(Op::mul, own, own);
    const Values cube = step.apply(Op::mul, square, own);
    const Values term = step.apply(Op::mul, step.constant(kGeluCubic), cube);
    const Values sum = step.apply(Op::add, own, term);
    const Values inner = step.apply(Op::mul, step.constant(kSqrtTwoOverPi), sum);
    const Values bent = step.elementary(Op::tanh, inner);
    const Values gate = step.apply(Op::add, step.constant(1.0), bent);
    const Values half = step.apply(Op::div, own, step.exact(2.0));
    store(step.apply(Op::mul, half, gate), out + at);
  });
}

void FormatFunctions::silu(const float* x, float* out, std::size_t n, const RandomStream& stream,
                           std::size_t first_index) const {
  impl_->for_elements(n, stream, first_index, [&](FormatSteps& step, std::size_t at) {
    store(silu_block(step, x + at), out + at);
  });
}

void FormatFunctions::swiglu(const float* gate, const float* up, float* out, std::size_t n,
                             const RandomStream& stream, std::size_t first_index) const {
  impl_->for_elements(n, stream, first_index, [&](FormatSteps& step, std::size_t at) {
    const Values own = silu_block(step, gate + at);
    const Values other = step.input(up + at);
    store(step.apply(Op::mul, own, other), out + at);
  });
}

}  // namespace halfulp
