#include "sim/nn/parameterization.h"

#include <cmath>

#include "sim/elementary.h"
#include "sim/nn/model_config.h"

namespace halfulp::nn {
namespace {

double number(std::size_t n) { return static_cast<double>(n); }

double inverse_root(std::size_t n) { return 1.0 / std::sqrt(number(n)); }

/// x^y for x > 0, the same bits everywhere.
double power(double x, double y) { return pinned_exp(y * pinned_log(x)); }

bool is_unit_scaled(Parameterization rule) {
  return rule == Parameterization::unit_scaling || rule == Parameterization::u_mup;
}

/// Base width over width.
double base_ratio(const ModelConfig& config) {
  const std::size_t base = config.parameterization.base_width;
  return base == 0 ? 1.0 : number(base) / number(config.width);
}

double hidden_rate(const ModelConfig& config, std::size_t fan_in) {
  switch (config.parameterization.rule) {
    case Parameterization::standard_per_layer:
    case Parameterization::mup:
      return base_ratio(config);
    case Parameterization::munit:
      return std::sqrt(base_ratio(config));
    case Parameterization::u_mup:
      return inverse_root(fan_in);
    case Parameterization::standard:
    case Parameterization::unit_scaling:
      break;
  }
  return 1.0;
}

double learning_rate_factor(const ModelConfig& config, ParameterRole role, std::size_t fan_in,
                            bool in_branch) {
  const ParameterizationSpec& spec = config.parameterization;
  const bool is_u_mup = spec.rule == Parameterization::u_mup;
  const double depth = is_u_mup && in_branch ? inverse_root(config.blocks) : 1.0;
  switch (role) {
    case ParameterRole::embedding:
      return spec.embedding_rate * (is_u_mup ? inverse_root(config.width) : 1.0);
    case ParameterRole::hidden:
      return spec.hidden_rate * hidden_rate(config, fan_in) * depth;
    case ParameterRole::readout:
      return spec.readout_rate *
             (spec.rule == Parameterization::standard_per_layer ? base_ratio(config) : 1.0);
    case ParameterRole::norm:
      return depth;
  }
  return 1.0;
}

double logit_multiplier(const ModelConfig& config) {
  const ParameterizationSpec& spec = config.parameterization;
  const std::size_t own = config.width / config.heads;
  if (spec.rule == Parameterization::u_mup) return spec.attention_mult / number(own);
  const double standard = pinned_exp(-0.5 * pinned_log(number(own)));
  if (spec.rule == Parameterization::mup && spec.base_head_width != 0) {
    return spec.attention_mult * standard * std::sqrt(number(spec.base_head_width) / number(own));
  }
  return spec.attention_mult * standard;
}

LinearMultipliers alike(double factor) { return {factor, factor, factor}; }

void set_mup(const ModelConfig& config, Multipliers& m) {
  m.head = alike(config.parameterization.readout_mult * base_ratio(config));
}

/// Constants for unit variance under N(0, 1): 1 / standard deviation of the output and 1 / root
/// mean square of the derivative; SwiGLU has one for both, 1 / root mean square of SiLU.
ActivationMultipliers activation_multipliers(const ModelConfig& config) {
  const ParameterizationSpec& spec = config.parameterization;
  const bool exact = spec.activation == ActivationConstants::exact;
  if (config.activation == Activation::swiglu) {
    const double both = exact ? 1.6765324703330446 : 1.6817928305074290;  // 2^(3/4)
    return {both, both};
  }
  const double output = exact ? 1.700916561696976 : 1.766783;  // of GELU in its tanh form
  const double gradient = exact ? 1.4811680580950768 : 1.515717;
  return {output, spec.constraint == GradientConstraint::none ? gradient : output};
}

/// The pair up, down keeps exact gradients with each one's own scale: the product of both is the
/// same forward and backward. The head has its own scale because nothing else reads the logits.
void set_unit_scaling(const ModelConfig& config, double rows, Multipliers& m) {
  const ParameterizationSpec& spec = config.parameterization;
  const bool free = spec.constraint == GradientConstraint::none;
  const double narrow = inverse_root(config.width), hidden = inverse_root(config.hidden);
  const double per_row = 1.0 / std::sqrt(rows);
  const std::size_t raised = config.activation == Activation::swiglu ? 2 : 1;
  m.qkv = {narrow, free ? inverse_root(3 * config.width) : narrow, per_row};
  m.output = {narrow, narrow, per_row};
  m.up = {narrow, free ? inverse_root(raised * config.hidden) : hidden, per_row};
  m.down = {hidden, narrow, per_row};
  const double readout = spec.rule == Parameterization::u_mup ? 1.0 / number(config.width) : narrow;
  m.head = {spec.readout_mult * readout, inverse_root(config.vocabulary), per_row};
  const double spread = m.attention.logits * std::sqrt(number(config.width / config.heads));
  m.attention.output = 1.0 / attention_std(config.context, spread);
  m.attention.grad_input = m.attention.output;
  m.activation = activation_multipliers(config);
  m.grad_norm = per_row;
  const double mix = config.positions == Positions::learned ? std::sqrt(0.5) : 1.0;
  m.embedding = spec.embedding_mult * mix;
  m.grad_embedding = mix * std::sqrt(number(config.vocabulary) / rows);
  m.grad_position = mix * std::sqrt(number(config.context) / rows);
  m.delays_branch_gradient = true;
  for (std::size_t i = 0; i < 2 * config.blocks; ++i) {
    const double tau = u_mup_tau(i, 2 * config.blocks, spec.residual_mult, spec.residual_ratio);
    const double norm = std::sqrt(1.0 + tau * tau);
    m.residual[i] = {1.0 / norm, tau / norm};
  }
}

void set_munit(const ModelConfig& config, Multipliers& m) {
  const ParameterizationSpec& spec = config.parameterization;
  m.qkv = m.output = m.up = alike(inverse_root(config.width));
  m.down = alike(inverse_root(config.hidden));
  m.head = alike(spec.readout_mult / number(config.width));
  if (spec.gradient == GradientScale::unit) {
    // One factor for all gradients; the head's comes in here.
    m.head.grad_input = m.head.grad_weight = inverse_root(config.vocabulary);
  }
  const double mix = config.positions == Positions::learned ? std::sqrt(0.5) : 1.0;
  m.embedding = m.grad_embedding = m.grad_position = spec.embedding_mult * mix;
  m.norms_branch_output = true;
  const double tau = spec.residual_tau > 0.0 ? spec.residual_tau : munit_tau(config.blocks);
  for (ResidualMultipliers& residual : m.residual) {
    residual = {std::sqrt(1.0 - tau), std::sqrt(tau)};
  }
}

}  // namespace

ParameterizationSpec parameterization_spec(Parameterization rule) {
  ParameterizationSpec spec;
  spec.rule = rule;
  if (is_unit_scaled(rule)) spec.gradient = GradientScale::unit;
  if (rule == Parameterization::u_mup) spec.weight_decay = WeightDecayRule::independent;
  return spec;
}

bool has_unit_weights(Parameterization rule) {
  return is_unit_scaled(rule) || rule == Parameterization::munit;
}

bool has_standard_forward(const ParameterizationSpec& spec) {
  const bool is_standard =
      spec.rule == Parameterization::standard || spec.rule == Parameterization::standard_per_layer;
  return is_standard && spec.attention_mult == 1.0 && spec.embedding_mult == 1.0 &&
         spec.readout_mult == 1.0;
}

ParameterRule parameter_rule(const ModelConfig& config, ParameterRole role, std::size_t fan_in,
                             bool in_branch, double standard_std) {
  const ParameterizationSpec& spec = config.parameterization;
  const double rate = learning_rate_factor(config, role, fan_in, in_branch);
  const bool independent = spec.weight_decay == WeightDecayRule::independent;
  return {has_unit_weights(spec.rule) ? 1.0 : standard_std, rate, independent ? 1.0 / rate : 1.0};
}

Multipliers multipliers(const ModelConfig& config, std::size_t rows) {
  const ParameterizationSpec& spec = config.parameterization;
  Multipliers m;
  m.attention.logits = logit_multiplier(config);
  m.residual.resize(2 * config.blocks);
  m.embedding = m.grad_embedding = m.grad_position = spec.embedding_mult;
  m.head = alike(spec.readout_mult);
  if (spec.gradient == GradientScale::unit) {
    m.logit_gradient = number(config.vocabulary) / std::sqrt(number(config.vocabulary - 1));
  }
  if (spec.rule == Parameterization::mup) set_mup(config, m);
  if (spec.rule == Parameterization::munit) set_munit(config, m);
  if (is_unit_scaled(spec.rule)) set_unit_scaling(config, number(rows), m);
  return m;
}

double munit_tau(std::size_t layers) {
  if (layers <= 4) return 0.4;
  if (layers >= 100) return 0.1;
  return 0.4 * power(number(layers) / 4.0, pinned_log(0.25) / pinned_log(25.0));
}

double u_mup_tau(std::size_t index, std::size_t branches, double mult, double ratio) {
  const double feed_forward = mult * std::sqrt(2.0 / (1.0 + ratio * ratio));
  const double attention = ratio * feed_forward;
  const double before = number((index + 1) / 2) * attention * attention +
                        number(index / 2) * feed_forward * feed_forward;
  return (index % 2 == 0 ? attention : feed_forward) / std::sqrt(number(branches) / 2.0 + before);
}

double attention_std(std::size_t positions, double spread) {
  if (positions < 2) return 1.0;
  const double flat = std::sqrt(pinned_log(number(positions)) / number(positions));
  return power(flat, 1.0 - 1.0 / (1.0 + 4.0 / (spread * spread)));
}

}  // namespace halfulp::nn
