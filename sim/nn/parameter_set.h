// The weights of a model and their gradients in two flat arrays, by the names of their tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/aligned_vector.h"
#include "sim/nn/model_config.h"

namespace halfulp::nn {

/// Builds the list of a model's tensors; each starts on a cache line.
class ParameterBuilder {
 public:
  /// Normal with `std`; weight decay applies.
  void matrix(const std::string& name, std::size_t rows, std::size_t cols, double std);
  /// Constant; weight decay does not apply.
  void vector(const std::string& name, std::size_t cols, double constant);

  std::vector<Parameter> take() { return std::move(list_); }

 private:
  void push(Parameter parameter);

  std::vector<Parameter> list_;
  std::size_t next_ = 0;
};

/// Elements of all tensors, without the gaps between them.
std::size_t total_size(const std::vector<Parameter>& parameters);

template <class T>
class ParameterSet {
 public:
  explicit ParameterSet(std::vector<Parameter> list);
  ParameterSet(const ParameterSet&) = delete;
  ParameterSet& operator=(const ParameterSet&) = delete;

  const std::vector<Parameter>& list() const { return list_; }

  std::span<T> weights() { return weights_; }

  std::span<T> gradients() { return gradients_; }

  /// The number of a tensor. Throws std::logic_error for a name that is not there.
  std::size_t find(const std::string& name) const;

  const Parameter& operator[](std::size_t number) const { return list_[number]; }

  T* weight(std::size_t number) { return weights_.data() + list_[number].offset; }

  T* gradient(std::size_t number) { return gradients_.data() + list_[number].offset; }

  T* weight(const std::string& name) { return weight(find(name)); }

  T* gradient(const std::string& name) { return gradient(find(name)); }

  /// From the seed alone: tensor p draws from RandomPurpose::weights, tensor p. Values go through
  /// binary32, so that binary64 gradient checks start from the same weights.
  void initialize(std::uint64_t seed);

 private:
  std::vector<Parameter> list_;
  AlignedVector<T> weights_, gradients_;
};

}  // namespace halfulp::nn
