#include "sim/nn/model_config.h"

#include <algorithm>
#include <cmath>

#include "sim/nn/experts.h"
#include "sim/nn/state_space.h"

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

  void append(std::vector<Parameter> parameters) {
    for (Parameter& parameter : parameters) push(std::move(parameter));
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

std::string block_name(std::size_t i) { return "blocks." + std::to_string(i); }

}  // namespace

StateSpaceShape state_space_shape(const ModelConfig& config) {
  return {config.width, config.mixer_width, config.states, config.step_rank};
}

ExpertsShape experts_shape(const ModelConfig& config) {
  return {config.width,      config.hidden, config.experts, config.experts_per_token,
          config.activation, config.balance};
}

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
    if (config.mixer == Mixer::state_space) {
      list.append(state_space_parameters(block + ".mixer", state_space_shape(config), residual));
    } else {
      list.matrix(block + ".attention.qkv", 3 * config.width, config.width, narrow, hidden);
      list.matrix(block + ".attention.output", config.width, config.width, narrow * residual,
                  hidden);
    }
    list.norm(block + ".norm2", true);
    if (config.experts > 0) {
      list.append(expert_parameters(block, experts_shape(config), residual));
      continue;
    }
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
  const std::vector<std::string> layers = linear_layer_names(config);
  std::size_t total = 0;
  for (const Parameter& parameter : model_parameters(config)) {
    const bool is_layer = std::find(layers.begin(), layers.end() - 1, parameter.name) !=
                          layers.end() - 1;  // the head is the last
    if (is_layer) total += parameter.size();
  }
  return total;
}

std::size_t total_parameters(const ModelConfig& config) {
  std::size_t total = 0;
  for (const Parameter& parameter : model_parameters(config)) total += parameter.size();
  return total;
}

std::vector<std::string> linear_layer_names(const ModelConfig& config) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < config.blocks; ++i) {
    const std::string block = block_name(i);
    const auto add = [&](const std::vector<std::string>& layers) {
      names.insert(names.end(), layers.begin(), layers.end());
    };
    if (config.mixer == Mixer::state_space) {
      add(state_space_layer_names(block + ".mixer"));
    } else {
      for (const char* layer : {".attention.qkv", ".attention.output"}) {
        names.push_back(block + layer);
      }
    }
    if (config.experts > 0) {
      add(expert_layer_names(block, config.experts));
    } else {
      for (const char* layer : {".mlp.up", ".mlp.down"}) names.push_back(block + layer);
    }
  }
  names.emplace_back("head");
  return names;
}

bool is_plain_transformer(const ModelConfig& config) {
  return config.mixer == Mixer::attention && config.experts == 0;
}

std::string attention_name(std::size_t block) {
  return "blocks." + std::to_string(block) + ".attention.products";
}

}  // namespace halfulp::nn
