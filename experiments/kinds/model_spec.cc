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
  if (config.text("data.corpus") == "file" && config.text("data.path").empty()) {
    issues.push_back({"data.path", "data.corpus = \"file\" needs the path of a file"});
  }
  for (ConfigIssue& issue : check_parameterization(config)) issues.push_back(std::move(issue));
  return issues;
}

}  // namespace halfulp
