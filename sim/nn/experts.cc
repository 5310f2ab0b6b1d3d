#include "sim/nn/experts.h"

#include <algorithm>
#include <cmath>

#include "sim/nn/kernels.h"

namespace halfulp::nn {
namespace {

std::string expert_name(const std::string& block, std::size_t expert) {
  return block + ".experts." + std::to_string(expert);
}

}  // namespace

std::vector<Parameter> expert_parameters(const std::string& block, const ExpertsShape& shape,
                                         double residual) {
  ParameterBuilder builder;
  const double narrow = 1.0 / std::sqrt(static_cast<double>(shape.width));
  const std::size_t raised =
      shape.activation == Activation::swiglu ? 2 * shape.hidden : shape.hidden;
  builder.matrix(block + ".router", shape.experts, shape.width, narrow);
  for (std::size_t e = 0; e < shape.experts; ++e) {
    builder.matrix(expert_name(block, e) + ".up", raised, shape.width, narrow);
    builder.matrix(expert_name(block, e) + ".down", shape.width, shape.hidden,
                   residual / std::sqrt(static_cast<double>(shape.hidden)));
  }
  return builder.take();
}

std::vector<std::string> expert_layer_names(const std::string& block, std::size_t experts) {
  std::vector<std::string> names = {block + ".router"};
  for (std::size_t e = 0; e < experts; ++e) {
    names.push_back(expert_name(block, e) + ".up");
    names.push_back(expert_name(block, e) + ".down");
  }
  return names;
}

template <class T>
Experts<T>::Experts(const std::string& block, const ExpertsShape& shape, const ModelParts<T>& parts,
                    std::uint32_t index, std::size_t max_rows)
    : shape_(shape), router_(parts.linear(block + ".router")), index_(index) {
  for (std::size_t e = 0; e < shape.experts; ++e) {
    const std::string name = expert_name(block, e);
    experts_.push_back({parts.linear(name + ".up"), parts.linear(name + ".down"),
                        parts.gradient(name + ".up"), parts.gradient(name + ".down")});
  }
  router_input_.resize(max_rows * shape.width);
  logits_.resize(max_rows * shape.experts);
  const std::size_t assigned = max_rows * shape.per_token;
  for (auto* narrow : {&gathered_, &results_, &dresults_, &dgathered_}) {
    narrow->resize(assigned * shape.width);
  }
  for (auto* hidden : {&activated_, &dactivated_}) hidden->resize(assigned * shape.hidden);
  for (auto* wide : {&raised_, &draised_}) wide->resize(assigned * raised_width());
}

template <class T>
void Experts<T>::run_expert(std::size_t number, const LayerFunctions<T>& functions,
                            const StepKey& key) {
  const std::size_t first = routing_.starts[number], rows = routing_.count(number);
  if (rows == 0) return;
  const std::size_t hidden = shape_.hidden;
  T* raised = raised_.data() + first * raised_width();
  T* activated = activated_.data() + first * hidden;
  experts_[number].up.forward(gathered_.data() + first * shape_.width, raised, rows, key);
  const auto index =
      index_ * static_cast<std::uint32_t>(shape_.experts) + static_cast<std::uint32_t>(number);
  if (shape_.activation == Activation::swiglu) {
    functions.swiglu(raised, activated, rows, hidden, index, key);
  } else {
    functions.gelu(raised, activated, rows * hidden, index, key);
  }
  experts_[number].down.forward(activated, results_.data() + first * shape_.width, rows, key);
}

template <class T>
void Experts<T>::forward(const T* x, T* y, std::size_t rows, const LayerFunctions<T>& functions,
                         const StepKey& key) {
  const std::size_t c = shape_.width, k = shape_.per_token;
  std::copy_n(x, rows * c, router_input_.data());
  router_.forward(router_input_.data(), logits_.data(), rows, key);
  routing_ = route(logits_.data(), rows, shape_.experts, k);
  for (std::size_t i = 0; i < routing_.order.size(); ++i) {
    std::copy_n(x + routing_.order[i] / k * c, c, gathered_.data() + i * c);
  }
  for (std::size_t e = 0; e < shape_.experts; ++e) run_expert(e, functions, key);
  // By assignment, so that a row's experts are added best first.
  std::vector<std::size_t> place(routing_.order.size());
  for (std::size_t i = 0; i < place.size(); ++i) place[routing_.order[i]] = i;
  std::fill_n(y, rows * c, T{0});
  for (std::size_t a = 0; a < place.size(); ++a) {
    const T gate = static_cast<T>(routing_.gates[a]);
    const T* result = results_.data() + place[a] * c;
    T* sum = y + a / k * c;
    for (std::size_t j = 0; j < c; ++j) sum[j] += gate * result[j];
  }
}

template <class T>
void Experts<T>::expert_backward(std::size_t number, const StepKey& key) {
  Expert& expert = experts_[number];
  const std::size_t first = routing_.starts[number], rows = routing_.count(number);
  const std::size_t c = shape_.width, hidden = shape_.hidden, wide = raised_width();
  if (rows == 0) {
    std::fill_n(expert.up_gradient, wide * c, T{0});
    std::fill_n(expert.down_gradient, c * hidden, T{0});
    return;
  }
  T* dactivated = dactivated_.data() + first * hidden;
  T* draised = draised_.data() + first * wide;
  const T* raised = raised_.data() + first * wide;
  expert.down.backward(activated_.data() + first * hidden, dresults_.data() + first * c, dactivated,
                       rows, false, key);
  if (shape_.activation == Activation::swiglu) {
    kernels<T>().swiglu_backward(raised, dactivated, draised, rows, hidden);
  } else {
    kernels<T>().gelu_backward(raised, dactivated, draised, rows * hidden);
  }
  expert.up.backward(gathered_.data() + first * c, draised, dgathered_.data() + first * c, rows,
                     false, key);
}

template <class T>
void Experts<T>::backward(const T* dy, T* dx, std::size_t rows, const StepKey& key) {
  const std::size_t c = shape_.width, k = shape_.per_token;
  std::vector<double> dgates(rows * k);
  for (std::size_t i = 0; i < routing_.order.size(); ++i) {
    const std::size_t assignment = routing_.order[i];
    const T gate = static_cast<T>(routing_.gates[assignment]);
    const T* up = dy + assignment / k * c;
    double sum = 0.0;
    for (std::size_t j = 0; j < c; ++j) {
      dresults_[i * c + j] = gate * up[j];
      sum += static_cast<double>(up[j]) * static_cast<double>(results_[i * c + j]);
    }
    dgates[assignment] = sum;
  }
  for (std::size_t e = 0; e < shape_.experts; ++e) expert_backward(e, key);
  route_backward(routing_, dgates, shape_.balance * key.loss_scale, logits_.data());
  router_.backward(router_input_.data(), logits_.data(), dx, rows, false, key);
  for (std::size_t i = 0; i < routing_.order.size(); ++i) {
    T* row = dx + routing_.order[i] / k * c;
    kernels<T>().add(row, dgathered_.data() + i * c, row, c);
  }
}

template class Experts<float>;
template class Experts<double>;

}  // namespace halfulp::nn
