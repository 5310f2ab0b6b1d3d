#include "sim/nn/scale_propagation.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>

#include "sim/nn/operand_units.h"

namespace halfulp::nn {
namespace {

double root(std::size_t n) { return power_of_two_below(std::sqrt(static_cast<double>(n))); }

double init_std(const std::vector<Parameter>& parameters, std::string_view name) {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const Parameter& p) { return p.name == name; });
  return power_of_two_below(found->init_std);
}

/// One block from its norms' outputs, whose scale is 1, and back from the gradient of its results.
class BlockRules {
 public:
  explicit BlockRules(const ModelConfig& config)
      : config_(config), parameters_(model_parameters(config)) {}

  BlockScales scales() const {
    BlockScales out;
    attention(out);
    feed_forward(out);
    return out;
  }

  LayerScales head() const {
    const char* name = config_.tied_head ? "token_embedding" : "head";
    return layer(1.0, init_std(parameters_, name), 1.0);
  }

 private:
  static LayerScales layer(double input, double weight, double gradient) {
    return {static_cast<float>(input), static_cast<float>(weight), static_cast<float>(gradient)};
  }

  double weight(const char* name) const {
    return init_std(parameters_, std::string("blocks.0.") + name);
  }

  void attention(BlockScales& out) const {
    const std::size_t c = config_.width, head = c / config_.heads;
    const double qkv = weight("attention.qkv"), output = weight("attention.output");
    // Query, key and value; a rotation by cosines and sines keeps a scale.
    const double value = qkv * root(c);
    // exp has scale 1, its sum sqrt(n), their quotient 1 / sqrt(n).
    const double n = root(config_.context), probability = 1.0 / n;
    const double context = probability * value * n;
    out.output = layer(context, output, 1.0);

    const double logits = power_of_two_below(1.0 / std::sqrt(static_cast<double>(head)));
    const double d_context = output * root(c);
    const double d_value = probability * d_context * n;
    // p (dp - sum p dp): the sum has the scale of dp.
    const double d_scores = d_context * value * root(head) * probability * logits;
    const double d_query = d_scores * value * n;  // the key's is the same
    out.qkv = layer(1.0, qkv, std::max(d_value, d_query));
  }

  void feed_forward(BlockScales& out) const {
    const double up = weight("mlp.up"), down = weight("mlp.down");
    const double raised = up * root(config_.width);
    const bool is_gated = config_.activation == Activation::swiglu;
    // x (1 + tanh) / 2, or gate sigmoid(gate) up with sigmoid = 1 / (1 + exp).
    const double activated = is_gated ? raised * raised : raised / 2.0;
    out.down = layer(activated, down, 1.0);
    const double d_activated = down * root(config_.width);
    // Gate and up are multiplied by one another and by functions of scale 1.
    out.up = layer(1.0, up, d_activated * (is_gated ? raised : 0.5));
  }

  const ModelConfig& config_;
  std::vector<Parameter> parameters_;
};

}  // namespace

double power_of_two_below(double x) {
  if (!std::isfinite(x) || !(x > 0.0)) return 1.0;
  int exponent = 0;
  std::frexp(x, &exponent);
  return std::ldexp(1.0, std::clamp(exponent - 1, -126, 127));
}

bool propagates_scales(const ModelConfig& config) {
  return is_plain_transformer(config) && has_standard_forward(config.parameterization);
}

PropagatedScales propagated_scales(const ModelConfig& config) {
  if (!propagates_scales(config)) throw std::invalid_argument(kNoPropagation);
  const BlockRules rules(config);
  return {rules.scales(), rules.head()};
}

float rescaled(const float* x, std::size_t rows, std::size_t cols) {
  double sum = 0.0;
  unit_squares({x, rows, cols, cols}, {rows, cols, rows, cols}, &sum);
  const double rms = std::sqrt(sum / static_cast<double>(rows * cols));
  return static_cast<float>(power_of_two_below(rms));
}

}  // namespace halfulp::nn
