// Text form of OperandSpec, and what follows from its fields alone.
#include <fmt/format.h>

#include "sim/nn/operand_spec.h"

namespace halfulp::nn {
namespace {

std::string source_text(const OperandSpec& spec) {
  const Scaling& own = spec.scaling;
  const bool has_powers =
      spec.quantizer.block || spec.quantizer.scale == ScaleRule::scale_power_of_two;
  switch (own.source) {
    case ScaleSource::current:
      return "";
    case ScaleSource::delayed:
      return fmt::format("+delayed({},{})", own.history,
                         own.reduction == AmaxReduction::max ? "max" : "most_recent");
    case ScaleSource::mse:
      return fmt::format("+mse({})", own.candidates);
    case ScaleSource::percentile:
      return fmt::format("+percentile({})", own.percentile);
    case ScaleSource::rms:
      return has_powers ? fmt::format("+rms({})", own.floors ? "floor" : "nearest") : "+rms";
    case ScaleSource::absmean:
      return "+absmean";
    case ScaleSource::learned:
      return "+learned";
    case ScaleSource::learned_clip:
      return "+learned_clip";
    case ScaleSource::propagated:
      return "+propagated";
    case ScaleSource::fixed:
      break;
  }
  return fmt::format("+fixed({})", own.fixed);
}

std::string hadamard_text(const HadamardSpec& own) {
  if (own.n == 0) return "";
  const char* signs = own.signs == SignRule::fixed    ? "fixed"
                      : own.signs == SignRule::random ? "random"
                                                      : "transformer_engine";
  return fmt::format("+hadamard({},{})", own.n, signs);
}

std::string channels_text(const ChannelSpec& own) {
  const char* kind = own.power_of_two ? "power_of_two" : "real";
  switch (own.rule) {
    case ChannelRule::none:
      return "";
    case ChannelRule::smooth:
      return fmt::format("+smooth({},{})", own.alpha, kind);
    case ChannelRule::smooth_swiglu:
      break;
  }
  return fmt::format("+smooth_swiglu({})", kind);
}

std::string estimator_text(const EstimatorSpec& own) {
  switch (own.rule) {
    case Estimator::straight_through:
      return "";
    case Estimator::clipped:
      return "+clipped";
    case Estimator::dge:
      return fmt::format("+dge({},{})", own.k, own.cap);
    case Estimator::trust:
      break;
  }
  return own.trust == 0.0 ? "+trust" : fmt::format("+trust({})", own.trust);
}

}  // namespace

std::string to_spec(const OperandSpec& spec) {
  std::string text = to_spec(spec.quantizer) + source_text(spec);
  if (spec.scaling.margin != 0) text += fmt::format("+margin({})", spec.scaling.margin);
  if (spec.scaling.range != 1.0) text += fmt::format("+range({})", spec.scaling.range);
  text += hadamard_text(spec.hadamard) + channels_text(spec.channels);
  if (spec.clamp.level != 1.0) {
    text += fmt::format("+clamp({},{})", spec.clamp.level,
                        spec.clamp.compensates ? "compensate" : "drop");
  }
  return text + estimator_text(spec.estimator);
}

bool is_plain(const OperandSpec& spec) {
  OperandSpec plain(spec.quantizer);
  plain.reduces_rows = spec.reduces_rows;
  return spec == plain;
}

bool same_numbers(const OperandSpec& a, const OperandSpec& b) {
  OperandSpec other = b;
  other.estimator = a.estimator;
  return a == other;
}

OperandSpec with_reduction(OperandSpec spec, bool reduces_rows) {
  spec.quantizer = with_reduction(spec.quantizer, reduces_rows);
  if (spec.hadamard.n > 0) spec.reduces_rows = reduces_rows;
  return spec;
}

double bits_per_element(const OperandSpec& spec) { return bits_per_element(spec.quantizer); }

QuantizerSpec product_quantizer(const OperandSpec& spec) {
  const bool in_numbers =
      spec.channels.rule == ChannelRule::smooth_swiglu || spec.clamp.compensates;
  return in_numbers ? parse_quantizer("binary32") : spec.quantizer;
}

}  // namespace halfulp::nn
