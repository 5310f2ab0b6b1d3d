#include "experiments/kinds/trained_tensors.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <utility>

#include "experiments/kinds/corpora.h"
#include "experiments/kinds/language_model_spec.h"
#include "sim/nn/trainer.h"

namespace halfulp {
namespace {

/// By layer and role.
using Operands = std::map<std::pair<std::string, std::string>, Tensor>;

std::string role_name(nn::LinearOperand::Role role) {
  switch (role) {
    case nn::LinearOperand::Role::input:
      return "activation";
    case nn::LinearOperand::Role::weight:
      return "weight";
    case nn::LinearOperand::Role::grad_output:
      break;
  }
  return "gradient";
}

Tensor copy_of(const ConstMatrix& view) {
  Tensor tensor{std::vector<float>(view.rows * view.cols), view.rows, view.cols};
  for (std::size_t r = 0; r < view.rows; ++r) {
    std::copy_n(view.data + r * view.stride, view.cols, tensor.values.data() + r * view.cols);
  }
  return tensor;
}

std::string model_key(const Config& config) {
  return training_key(config) + std::to_string(config.integer("tensor.seed"));
}

Operands trained_operands(const Config& config) {
  Operands operands;
  const auto keep = [&](const nn::LinearOperand& operand) {
    operands[{operand.layer, role_name(operand.role)}] = copy_of(operand.tensor);
  };
  nn::TrainSpec spec = binary32_train_spec(config);
  spec.evaluation_bytes = 1;  // nobody reads the validation loss
  const auto ignore = [](std::int64_t, double) {};
  nn::train(spec, *shared_corpus(config), static_cast<std::uint64_t>(config.integer("tensor.seed")),
            ignore, keep);
  return operands;
}

}  // namespace

const Tensor& trained_tensor(const Config& config, const std::string& role) {
  static std::map<std::string, Operands> models;
  const std::string key = model_key(config);
  auto found = models.find(key);
  if (found == models.end()) found = models.emplace(key, trained_operands(config)).first;
  const auto tensor = found->second.find({config.text("tensor.layer"), role});
  if (tensor == found->second.end()) {
    throw std::runtime_error("the training run ended before its last update");
  }
  return tensor->second;
}

}  // namespace halfulp
