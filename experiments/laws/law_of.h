// Makes a Law of a form: a struct with info(), a template log_value(row, internal parameters) and
// kParameters, the most parameters it has. The gradient comes from the same source through Dual.
#pragma once

#include <memory>
#include <utility>

#include "experiments/laws/dual.h"
#include "experiments/laws/law.h"

namespace halfulp::laws {

inline constexpr std::size_t kMostParameters = 32;

template <std::size_t N, typename Function>
double gradient_by_dual(const double* internal, std::size_t count, double* gradient,
                        const Function& function) {
  std::array<Dual<N>, N> inputs;
  for (std::size_t i = 0; i < count; ++i) inputs[i] = Dual<N>::input(internal[i], i);
  const Dual<N> out = function(inputs.data());
  for (std::size_t i = 0; i < count; ++i) gradient[i] = out.slope[i];
  return out.value;
}

/// Calls `function` with duals of at least `count` inputs and returns its value and gradient.
template <typename Function>
double differentiate(const double* internal, std::size_t count, double* gradient,
                     const Function& function) {
  if (count <= 6) return gradient_by_dual<6>(internal, count, gradient, function);
  if (count <= 14) return gradient_by_dual<14>(internal, count, gradient, function);
  return gradient_by_dual<kMostParameters>(internal, count, gradient, function);
}

template <typename Form>
class LawOf final : public Law {
 public:
  explicit LawOf(Form form) : Law(form.info()), form_(std::move(form)) {}

  bool wants_curves() const override { return Form::kWantsCurves; }

  double log_value(const Row& row, const double* internal) const override {
    return form_.log_value(row, internal);
  }

  double log_value(const Row& row, const double* internal, double* gradient) const override {
    return gradient_by_dual<Form::kParameters>(
        internal, info().parameters.size(), gradient,
        [&](const auto* u) { return form_.log_value(row, u); });
  }

 private:
  Form form_;
};

template <typename Form>
std::shared_ptr<const Law> law_of(Form form = {}) {
  return std::make_shared<LawOf<Form>>(std::move(form));
}

}  // namespace halfulp::laws
