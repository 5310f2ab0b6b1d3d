#include "experiments/kinds/model_spec.h"

#include <fmt/format.h>

#include <algorithm>

#include "experiments/kinds/parameterization_spec.h"

namespace halfulp {
namespace {

std::size_t size_of(const Config& config, const char* key) {
  return static_cast<std::size_t>(config.integer(key));
}

}  // namespace

nn::ModelConfig model_config(const Config& config) {
  nn::ModelConfig model;
  model.blocks = size_of(config, "model.layers");
  model.width = size_of(config, "model.width");
  model.heads = size_of(config, "model.heads");
  if (model.heads == 0) model.heads = std::max<std::size_t>(model.width / 32, 1);
  model.context = size_of(config, "model.context");
  model.norm =
      config.text("model.norm") == "layer_norm" ? nn::Norm::layer_norm : nn::Norm::rms_norm;
  model.positions =
      config.text("model.positions") == "learned" ? nn::Positions::learned : nn::Positions::rotary;
  model.activation =
      config.text("model.activation") == "gelu" ? nn::Activation::gelu : nn::Activation::swiglu;
  model.tied_head = config.boolean("model.tied_head");
  model.parameterization = parameterization_of(config);
  model.mixer =
      config.text("model.mixer") == "state_space" ? nn::Mixer::state_space : nn::Mixer::attention;
  model.mixer_width = size_of(config, "model.mixer_width");
  if (model.mixer_width == 0) model.mixer_width = 2 * model.width;
  model.states = size_of(config, "model.state");
  model.step_rank = size_of(config, "model.step_rank");
  if (model.step_rank == 0) model.step_rank = std::max<std::size_t>(model.width / 16, 1);
  model.experts = size_of(config, "model.experts");
  model.experts_per_token = size_of(config, "model.experts_per_token");
  model.balance = config.real("model.balance");
  model.hidden = size_of(config, "model.hidden");
  if (model.hidden == 0) {
    model.hidden = model.activation == nn::Activation::gelu ? 4 * model.width
                                                            : (8 * model.width / 3 + 15) / 16 * 16;
  }
  return model;
}

std::vector<ConfigIssue> check_model_and_data(const Config& config) {
  std::vector<ConfigIssue> issues;
  const nn::ModelConfig model = model_config(config);
  if (model.width % model.heads != 0) {
    issues.push_back({"model.heads", fmt::format("{} heads do not divide model.width = {}",
                                                 model.heads, model.width)});
  } else if (model.positions == nn::Positions::rotary && model.width / model.heads % 2 != 0) {
    issues.push_back(
        {"model.heads", fmt::format("rotary positions need an even head width, not model.width / "
                                    "model.heads = {}",
                                    model.width / model.heads)});
  }
  if (model.experts == 1) {
    issues.push_back({"model.experts", "a choice needs at least two experts; 0: no choice"});
  }
  if (!nn::is_plain_transformer(model) &&
      model.parameterization.rule != nn::Parameterization::standard) {
    issues.push_back({"model.parameterization",
                      "state-space mixers and experts know the standard parameterization only"});
  }
  if (config.text("data.corpus") == "file" && config.text("data.path").empty()) {
    issues.push_back({"data.path", "data.corpus = \"file\" needs the path of a file"});
  }
  for (ConfigIssue& issue : check_parameterization(config)) issues.push_back(std::move(issue));
  return issues;
}

}  // namespace halfulp
