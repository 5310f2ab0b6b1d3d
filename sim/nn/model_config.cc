#include "sim/nn/model_config.h"

#include <cmath>

namespace halfulp::nn {
namespace {

constexpr double kEmbeddingStd = 0.02;

class ParameterList {
 public:
  explicit ParameterList(const ModelConfig& config) : config_(config) {}

  /// `std`: what the standard parameterization starts with.
  void matrix(const std::string& name, std::size_t rows, std::size_t cols, double std,
              ParameterRole role) {
    const ParameterRule rule =
        parameter_rule(config_, role, cols, role == ParameterRole::hidden, std);
    push({name, 0, rows, cols, rule.init_std, 0.0, true, rule.learning_rate_factor,
          rule.weight_decay_factor});
  }

  void norm(const std::string& name, bool in_branch) {
    vector(name + ".gain", 1.0, in_branch);
    if (config_.norm == Norm::layer_norm) vector(name + ".bias", 0.0, in_branch);
  }

  std::vector<Parameter> take() { return std::move(list_); }

 private:
  void vector(const std::string& name, double constant, bool in_branch) {
    const ParameterRule rule =
        parameter_rule(config_, ParameterRole::norm, config_.width, in_branch, 0.0);
    push({name, 0, 1, config_.width, 0.0, constant, false, rule.learning_rate_factor,
          rule.weight_decay_factor});
  }

  void push(Parameter parameter) {
    parameter.offset = next_;
    // Tensors start on cache lines; the gaps hold zeros that no kernel reads as weights.
    next_ += (parameter.size() + 15) / 16 * 16;
    list_.push_back(std::move(parameter));
  }

  const ModelConfig& config_;
  std::vector<Parameter> list_;
  std::size_t next_ = 0;
};

std::size_t up_width(const ModelConfig& config) {
  return config.activation == Activation::swiglu ? 2 * config.hidden : config.hidden;
}

}  // namespace

std::vector<Parameter> model_parameters(const ModelConfig& config) {
  const double width = static_cast<double>(config.width);
  const double narrow = 1.0 / std::sqrt(width);
  // Outputs into the residual stream shrink with depth, as in GPT-2.
  const double residual = 1.0 / std::sqrt(2.0 * static_cast<double>(config.blocks));
  using enum ParameterRole;
  ParameterList list(config);
  list.matrix("token_embedding", config.vocabulary, config.width, kEmbeddingStd, embedding);
  if (config.positions == Positions::learned) {
    list.matrix("position_embedding", config.context, config.width, kEmbeddingStd, embedding);
  }
  for (std::size_t i = 0; i < config.blocks; ++i) {
    const std::string block = "blocks." + std::to_string(i);
    list.norm(block + ".norm1", true);
    list.matrix(block + ".attention.qkv", 3 * config.width, config.width, narrow, hidden);
    list.matrix(block + ".attention.output", config.width, config.width, narrow * residual, hidden);
    list.norm(block + ".norm2", true);
    list.matrix(block + ".mlp.up", up_width(config), config.width, narrow, hidden);
    list.matrix(block + ".mlp.down", config.width, config.hidden,
                residual / std::sqrt(static_cast<double>(config.hidden)), hidden);
  }
  list.norm("final_norm", false);
  if (!config.tied_head) {
    list.matrix("head", config.vocabulary, config.width, kEmbeddingStd, readout);
  }
  return list.take();
}

std::size_t non_embedding_parameters(const ModelConfig& config) {
  const std::size_t per_block = config.width * (3 * config.width + config.width) +
                                config.width * (up_width(config) + config.hidden);
  return config.blocks * per_block;
}

std::size_t total_parameters(const ModelConfig& config) {
  std::size_t total = 0;
  for (const Parameter& parameter : model_parameters(config)) total += parameter.size();
  return total;
}

std::vector<std::string> linear_layer_names(const ModelConfig& config) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < config.blocks; ++i) {
    for (const char* layer : {"attention.qkv", "attention.output", "mlp.up", "mlp.down"}) {
      names.push_back("blocks." + std::to_string(i) + "." + layer);
    }
  }
  names.emplace_back("head");
  return names;
}

std::string attention_name(std::size_t block) {
  return "blocks." + std::to_string(block) + ".attention.products";
}

}  // namespace halfulp::nn
