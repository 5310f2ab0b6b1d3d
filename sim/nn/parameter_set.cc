#include "sim/nn/parameter_set.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {

void ParameterBuilder::matrix(const std::string& name, std::size_t rows, std::size_t cols,
                              double std) {
  Parameter parameter = {};
  parameter.name = name;
  parameter.rows = rows;
  parameter.cols = cols;
  parameter.init_std = std;
  parameter.decays = true;
  parameter.learning_rate_factor = 1.0;
  push(std::move(parameter));
}

void ParameterBuilder::vector(const std::string& name, std::size_t cols, double constant) {
  Parameter parameter = {};
  parameter.name = name;
  parameter.rows = 1;
  parameter.cols = cols;
  parameter.constant = constant;
  parameter.learning_rate_factor = 1.0;
  push(std::move(parameter));
}

void ParameterBuilder::push(Parameter parameter) {
  parameter.offset = next_;
  next_ += (parameter.size() + 15) / 16 * 16;
  list_.push_back(std::move(parameter));
}

std::size_t total_size(const std::vector<Parameter>& parameters) {
  std::size_t total = 0;
  for (const Parameter& parameter : parameters) total += parameter.size();
  return total;
}

template <class T>
ParameterSet<T>::ParameterSet(std::vector<Parameter> list) : list_(std::move(list)) {
  const std::size_t total = list_.back().offset + (list_.back().size() + 15) / 16 * 16;
  weights_.resize(total);
  gradients_.resize(total);
}

template <class T>
std::size_t ParameterSet<T>::find(const std::string& name) const {
  const auto found = std::find_if(list_.begin(), list_.end(), [&](const Parameter& parameter) {
    return parameter.name == name;
  });
  if (found == list_.end()) throw std::logic_error("no parameter '" + name + "'");
  return static_cast<std::size_t>(found - list_.begin());
}

template <class T>
void ParameterSet<T>::initialize(std::uint64_t seed) {
  for (std::size_t p = 0; p < list_.size(); ++p) {
    const Parameter& parameter = list_[p];
    const RandomStream stream = {seed, static_cast<std::uint32_t>(RandomPurpose::weights),
                                 static_cast<std::uint32_t>(p), 0};
    for (std::size_t i = 0; i < parameter.size(); ++i) {
      const double value = parameter.init_std == 0.0
                               ? parameter.constant
                               : parameter.init_std * random_normal(stream, i);
      weight(p)[i] = static_cast<T>(static_cast<float>(value));
    }
  }
}

template class ParameterSet<float>;
template class ParameterSet<double>;

}  // namespace halfulp::nn
