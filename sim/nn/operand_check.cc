#include "sim/nn/operand_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "sim/nn/operand_units.h"

namespace halfulp::nn {
namespace {

std::string rotation_text(const HadamardSpec& own) {
  if (own.n == 0) return "no rotation";
  OperandSpec spec;
  spec.hadamard = own;
  const std::string text = to_spec(spec);
  return text.substr(text.find("hadamard"));
}

/// Both operands of a product.
void check_pair(const LinearNumerics& numerics, Operand left, std::vector<OperandFault>& faults) {
  const auto right = static_cast<Operand>(left + 1);
  const OperandSpec& a = operand_of(numerics, left);
  const OperandSpec& b = operand_of(numerics, right);
  if (!(a.hadamard == b.hadamard)) {
    faults.push_back({a.hadamard.n > 0 ? left : right,
                      fmt::format("the operands of a product must be rotated alike: {} has {}, {} "
                                  "has {}; write binary32+hadamard(...) for an operand that is "
                                  "rotated but not rounded",
                                  to_string(left), rotation_text(a.hadamard), to_string(right),
                                  rotation_text(b.hadamard))});
  }
}

bool smooths(const OperandSpec& spec) { return spec.channels.rule == ChannelRule::smooth; }

void check_smooth(const LinearNumerics& numerics, std::vector<OperandFault>& faults) {
  const ChannelSpec& input = numerics.fprop_input.channels;
  if ((smooths(numerics.fprop_input) || smooths(numerics.fprop_weight)) &&
      !(input == numerics.fprop_weight.channels)) {
    faults.push_back({smooths(numerics.fprop_input) ? fprop_input : fprop_weight,
                      "smooth moves a scale from fprop's input to its weight: both need the same"});
  }
  for (const Operand operand : {dgrad_weight, wgrad_input}) {
    const OperandSpec& own = operand_of(numerics, operand);
    if (smooths(own) && !(own.channels == input)) {
      faults.push_back({operand, "smooth takes the scales of fprop, which has none like them"});
    }
  }
}

void check_role(const LinearNumerics& numerics, Operand operand,
                std::vector<OperandFault>& faults) {
  const OperandSpec& own = operand_of(numerics, operand);
  const auto fault = [&](std::string message) { faults.push_back({operand, std::move(message)}); };
  const bool is_weight = operand == fprop_weight || operand == dgrad_weight;
  const bool is_input = operand == fprop_input || operand == wgrad_input;
  if (is_gradient(operand)) {
    if (is_learned(own)) fault("a gradient's scale cannot be learned");
    if (own.estimator.rule != Estimator::straight_through) {
      fault("no gradient passes through a gradient's quantizer, so it has no estimator");
    }
    if (smooths(own)) fault("smooth acts on inputs and weights");
  }
  if (!is_input && own.channels.rule == ChannelRule::smooth_swiglu) {
    fault("smooth_swiglu acts on inputs");
  }
  if (operand == dgrad_weight || operand == wgrad_input) {
    const OperandSpec& forward = operand_of(numerics, is_weight ? fprop_weight : fprop_input);
    if (is_learned(own) && !same_numbers(own, forward)) {
      fault("learned scales belong to fprop: write the same operand there, or other scales here");
    }
  }
  const QuantizerSpec& quantizer = own.quantizer;
  const bool has_fixed_units = quantizer.granularity == Granularity::tensor || is_weight ||
                               quantizer.granularity == Granularity::column;
  if (is_learned(own) && !has_fixed_units) {
    fault("an input's learned scale is one for the tensor or for each column");
  }
}

}  // namespace

bool is_learned(const OperandSpec& spec) {
  return spec.scaling.source == ScaleSource::learned ||
         spec.scaling.source == ScaleSource::learned_clip;
}

bool is_propagated(const OperandSpec& spec) {
  return spec.scaling.source == ScaleSource::propagated;
}

bool propagates(const LinearNumerics& numerics) {
  return std::any_of(std::begin(kOperands), std::end(kOperands),
                     [&](Operand operand) { return is_propagated(operand_of(numerics, operand)); });
}

bool is_gradient(Operand operand) {
  return operand == dgrad_grad_output || operand == wgrad_grad_output;
}

const char* to_string(Operand operand) {
  switch (operand) {
    case fprop_input:
      return "fprop_input";
    case fprop_weight:
      return "fprop_weight";
    case dgrad_grad_output:
      return "dgrad_grad_output";
    case dgrad_weight:
      return "dgrad_weight";
    case wgrad_grad_output:
      return "wgrad_grad_output";
    case wgrad_input:
      break;
  }
  return "wgrad_input";
}

const OperandSpec& operand_of(const LinearNumerics& numerics, Operand operand) {
  switch (operand) {
    case fprop_input:
      return numerics.fprop_input;
    case fprop_weight:
      return numerics.fprop_weight;
    case dgrad_grad_output:
      return numerics.dgrad_grad_output;
    case dgrad_weight:
      return numerics.dgrad_weight;
    case wgrad_grad_output:
      return numerics.wgrad_grad_output;
    case wgrad_input:
      break;
  }
  return numerics.wgrad_input;
}

std::vector<OperandFault> operand_faults(const LinearNumerics& numerics) {
  std::vector<OperandFault> faults;
  for (const Operand left : {fprop_input, dgrad_grad_output, wgrad_grad_output}) {
    check_pair(numerics, left, faults);
  }
  check_smooth(numerics, faults);
  for (const Operand operand : kOperands) check_role(numerics, operand, faults);
  return faults;
}

std::vector<OperandFault> rotation_faults(const LinearNumerics& numerics, std::size_t in,
                                          std::size_t out, std::size_t rows) {
  std::vector<OperandFault> faults;
  for (const Operand operand : kOperands) {
    const auto n = static_cast<std::size_t>(operand_of(numerics, operand).hadamard.n);
    const std::size_t depth = operand < dgrad_grad_output   ? in
                              : operand < wgrad_grad_output ? out
                                                            : rows;
    if (n == 0 || depth % n == 0) continue;
    faults.push_back({operand, fmt::format("a rotation of {} elements does not divide the {} "
                                           "that the product sums over",
                                           n, depth)});
  }
  return faults;
}

std::vector<Parameter> learned_parameters(const std::string& layer, std::size_t in, std::size_t out,
                                          const LinearNumerics& numerics) {
  std::vector<Parameter> parameters;
  const auto add = [&](const OperandSpec& spec, const char* name, std::size_t rows) {
    if (!is_learned(spec)) return;
    const std::size_t n = unit_map(spec.quantizer, rows, in).count();
    parameters.push_back({layer + name, 0, 1, n, 0.0, 0.0, false});
  };
  add(numerics.fprop_weight, ".weight_scale", out);
  add(numerics.fprop_input, ".input_scale", 1);
  return parameters;
}

}  // namespace halfulp::nn
