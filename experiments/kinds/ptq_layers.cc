#include "experiments/kinds/ptq_layers.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "experiments/kinds/language_model_spec.h"
#include "sim/nn/layer_policy.h"
#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp {
namespace {

void shuffle(std::vector<nn::Parameter>& layers, std::int64_t seed, std::int64_t draw) {
  const RandomStream stream = {static_cast<std::uint64_t>(seed),
                               static_cast<std::uint32_t>(RandomPurpose::layer_choice), 0,
                               static_cast<std::uint32_t>(draw)};
  for (std::size_t i = layers.size(); i > 1; --i) {
    std::swap(layers[i - 1], layers[random_below(stream, i, i)]);
  }
}

double size_of(const nn::Parameter& layer) { return static_cast<double>(layer.size()); }

}  // namespace

std::vector<std::string> layers_to_quantize(const Config& config, const nn::ModelConfig& model,
                                            std::int64_t seed) {
  const std::vector<nn::Parameter> all = block_layers(model);
  std::vector<nn::Parameter> order;
  double parameters = 0.0;
  for (const nn::Parameter& layer : all) {
    parameters += size_of(layer);
    const auto& kept = config.text_list("ptq.keep_high");
    if (!nn::keeps_high_precision(kept, layer.name, model.blocks)) order.push_back(layer);
  }
  if (config.text("ptq.share_order") == "drawn") shuffle(order, seed, config.integer("ptq.draw"));
  const double wanted = config.real("ptq.share") * parameters;
  std::vector<std::string> names;
  double taken = 0.0;
  for (const nn::Parameter& layer : order) {
    if (std::fabs(taken + size_of(layer) - wanted) >= std::fabs(taken - wanted)) break;
    taken += size_of(layer);
    names.push_back(layer.name);
  }
  std::vector<std::string> forward;
  for (const nn::Parameter& layer : all) {
    if (std::find(names.begin(), names.end(), layer.name) != names.end()) {
      forward.push_back(layer.name);
    }
  }
  return forward;
}

nn::ModelNumerics evaluation_numerics(const nn::ModelNumerics& training,
                                      const nn::ModelConfig& model,
                                      const std::vector<std::string>& layers,
                                      const nn::OperandSpec& activation) {
  const std::vector<std::string> names = nn::linear_layer_names(model);
  const nn::LayerPolicy policy(training, names, model.blocks);
  nn::ModelNumerics numerics = training;
  for (const std::string& name : layers) {
    const nn::LinearNumerics trained = policy.linear(name);
    nn::LayerNumerics own = {name, "weight=given", nn::binary32_numerics(), {}};
    own.linear.fprop = trained.fprop;
    own.linear.fprop_output = trained.fprop_output;
    own.linear.fprop_input =
        activation == nn::OperandSpec(nn::binary32_quantizer()) ? trained.fprop_input : activation;
    own.attention = policy.attention(name);
    numerics.layers.push_back(std::move(own));
  }
  return numerics;
}

}  // namespace halfulp
