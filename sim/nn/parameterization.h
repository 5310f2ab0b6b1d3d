// How initial weights, multipliers of forward and backward passes and learning rates depend on a
// model's shape: standard, muP, unit scaling, u-muP and munit scaling (docs/PARAMETERIZATIONS.md
// has the formulas with their sources). Shapes as in transformer.h: C = width, F = hidden width, V
// = vocabulary, R = rows of a training batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace halfulp::nn {

struct ModelConfig;

enum class Parameterization : std::uint8_t {
  standard,
  standard_per_layer,  ///< Everett et al.: standard, with learning rates by layer
  mup,
  unit_scaling,
  u_mup,
  munit,
};

enum class WeightDecayRule : std::uint8_t {
  coupled,      ///< decay times the parameter's own learning rate
  independent,  ///< decay times the schedule's share of the peak, whatever the rate
};

enum class GradientConstraint : std::uint8_t {
  to_output_scale,  ///< gradients of activations are those of the loss up to a factor
  none,             ///< every product's gradient has its own scale
};

enum class GradientScale : std::uint8_t {
  mean,  ///< the gradient of the mean loss
  unit,  ///< near unit variance at the logits and at the head's input
};

enum class ActivationConstants : std::uint8_t {
  exact,    ///< quadrature over N(0, 1)
  library,  ///< the empirical fits of graphcore-research/unit-scaling
};

struct ParameterizationSpec {
  Parameterization rule = Parameterization::standard;
  std::size_t base_width = 0;       ///< width of the learning rate's model; 0: the model's own
  std::size_t base_head_width = 0;  ///< the same for mup's logits
  double attention_mult = 1.0;      ///< of attention's logits
  double residual_mult = 1.0;       ///< unit_scaling, u_mup: alpha_res
  double residual_ratio = 1.0;      ///< unit_scaling, u_mup: alpha_res-attn-ratio
  double residual_tau = 0.0;        ///< munit: of every branch; 0: munit_tau()
  double embedding_mult = 1.0, readout_mult = 1.0;
  /// Further factors of learning rates.
  double embedding_rate = 1.0, hidden_rate = 1.0, readout_rate = 1.0;
  WeightDecayRule weight_decay = WeightDecayRule::coupled;
  GradientConstraint constraint = GradientConstraint::to_output_scale;
  GradientScale gradient = GradientScale::mean;
  ActivationConstants activation = ActivationConstants::exact;
};

/// The spec of `rule` with its own weight decay and gradient scale.
ParameterizationSpec parameterization_spec(Parameterization rule);

/// The rules whose weights start with unit variance.
bool has_unit_weights(Parameterization rule);

/// Whether a forward pass without multipliers is the model's.
bool has_standard_forward(const ParameterizationSpec& spec);

enum class ParameterRole : std::uint8_t { embedding, hidden, readout, norm };

struct ParameterRule {
  double init_std;              ///< of matrices
  double learning_rate_factor;  ///< for Adam
  double weight_decay_factor;
};

/// `fan_in`: columns of a matrix. `in_branch`: in a residual branch. `standard_std`: what standard
/// starts with.
ParameterRule parameter_rule(const ModelConfig& config, ParameterRole role, std::size_t fan_in,
                             bool in_branch, double standard_std);

/// Of a linear layer's three products: y = output x W^T, dx = grad_input dy W, dW = grad_weight
/// dy^T x. The gradient of the loss has all three equal. Applied to products, so that operands keep
/// the variance they come with.
struct LinearMultipliers {
  double output = 1.0, grad_input = 1.0, grad_weight = 1.0;
};

struct AttentionMultipliers {
  double logits = 1.0;      ///< of query key^T
  double output = 1.0;      ///< of the context
  double grad_input = 1.0;  ///< of the gradients of queries, keys and values
};

struct ActivationMultipliers {
  double output = 1.0, grad_input = 1.0;
};

/// x becomes skip x + branch f(x).
struct ResidualMultipliers {
  double skip = 1.0, branch = 1.0;
};

struct Multipliers {
  double embedding = 1.0;
  double grad_embedding = 1.0, grad_position = 1.0;  ///< of the tables' gradients
  LinearMultipliers qkv, output, up, down, head;
  AttentionMultipliers attention;
  ActivationMultipliers activation;
  std::vector<ResidualMultipliers> residual;  ///< attention and feed-forward of each block
  /// Unit scaling: a branch's backward pass starts from the unscaled gradient and its end is
  /// multiplied by `branch`, so that gradients within it keep unit variance.
  bool delays_branch_gradient = false;
  /// munit: x becomes skip x + branch norm(f(x)) in place of f(norm(x)).
  bool norms_branch_output = false;
  double grad_norm = 1.0;                ///< of gradients of gains and biases
  std::optional<double> logit_gradient;  ///< of softmax - onehot of every row; none: 1 / R
};

/// `rows`: R, of a training batch.
Multipliers multipliers(const ModelConfig& config, std::size_t rows);

/// munit scaling's share of a branch by depth: 0.4 up to 4 layers, 0.1 from 100 on, a power law
/// between.
double munit_tau(std::size_t layers);

/// The ratio of branch to skip connection of branch number `index` of `branches` (attention and
/// feed-forward alternate), such that all attention branches contribute alike to the stream, and so
/// do all feed-forward branches: u-muP, appendix G.
double u_mup_tau(std::size_t index, std::size_t branches, double mult, double ratio);

/// The empirical standard deviation of causal attention over `positions` values of unit variance
/// with logits of standard deviation `spread`, of graphcore-research/unit-scaling.
double attention_std(std::size_t positions, double spread);

}  // namespace halfulp::nn
