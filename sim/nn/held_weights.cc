#include "sim/nn/held_weights.h"
#include "sim/random_purpose.h"

#include <algorithm>

#include "formats/spec.h"

namespace halfulp::nn {
namespace {

constexpr int kStochasticBits = 16;

bool has_two_parts(WeightRule rule) {
  return rule == WeightRule::kahan || rule == WeightRule::collage_light ||
         rule == WeightRule::collage_plus;
}

bool is_stochastic(const QuantizerSpec& spec) {
  return spec.rounding.rounding == Rounding::stochastic;
}

/// The held format with the rounding of the rule.
QuantizerSpec held_spec(const WeightSpec& spec) {
  QuantizerSpec held = spec.held();
  if (spec.rule != WeightRule::stochastic) return held;
  if (Quantizer(held).is_identity()) {
    throw SpecError("stochastic updates change nothing: the weights are held in binary32", 0);
  }
  if (is_stochastic(held)) return held;
  RoundSpec& rounding = held.block ? held.block->rounding : held.rounding;
  rounding.rounding = Rounding::stochastic;
  rounding.random_bits = kStochasticBits;
  return held.block ? block_quantizer(*held.block) : held;
}

}  // namespace

HeldWeights::HeldWeights(const WeightSpec& spec, const std::vector<Parameter>& parameters)
    : spec_(spec),
      parameters_(parameters),
      held_(held_spec(spec)),
      storage_(spec.storage),
      is_apart_(spec.master && !storage_.is_identity() && spec.storage != *spec.master),
      is_plain_(spec.rule == WeightRule::nearest && held_.is_identity() && !is_apart_) {
  if (has_two_parts(spec.rule)) {
    if (held_.is_identity()) {
      throw SpecError("updates in two parts need weights that are held below binary32", 0);
    }
    to_.emplace(spec.held());
    low_.resize(flat_size(parameters));
  }
  if (is_apart_) master_.resize(flat_size(parameters));
}

std::span<float> HeldWeights::of(std::size_t index, std::span<float> weights) {
  const Parameter& p = parameters_[index];
  return {(is_apart_ ? master_.data() : weights.data()) + p.offset, p.size()};
}

void HeldWeights::quantize(const Quantizer& quantizer, RandomPurpose purpose, std::uint64_t seed,
                           std::int64_t step, std::size_t index, const float* in,
                           float* out) const {
  const Parameter& p = parameters_[index];
  quantizer.quantize({in, p.rows, p.cols, p.cols}, {out, p.rows, p.cols, p.cols},
                     {seed, static_cast<std::uint32_t>(purpose), static_cast<std::uint32_t>(index),
                      static_cast<std::uint32_t>(step)});
}

void HeldWeights::initialize(std::uint64_t seed, std::span<float> weights) {
  if (is_plain_) return;
  // The held format's own rounding: initial weights are the same under every rule.
  const Quantizer initial(spec_.held());
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    quantize(initial, RandomPurpose::weight_update, seed, -1, i,
             weights.data() + parameters_[i].offset, of(i, weights).data());
  }
  publish(seed, -1, weights);
}

void HeldWeights::subtract_rounded(const UpdateStep& step, std::size_t index,
                                   std::span<const float> decrement, std::span<float> held) {
  for (std::size_t i = 0; i < held.size(); ++i) held[i] = held[i] - decrement[i];
  quantize(held_, RandomPurpose::weight_update, step.seed, step.step, index, held.data(),
           held.data());
}

void HeldWeights::subtract_pairs(std::size_t index, std::span<const float> decrement,
                                 std::span<float> held) {
  constexpr std::size_t kChunk = 1024;
  const std::span<float> low(low_.data() + parameters_[index].offset, held.size());
  for (std::size_t start = 0; start < held.size(); start += kChunk) {
    const std::size_t count = std::min(kChunk, held.size() - start);
    const std::span<float> high_part = held.subspan(start, count),
                           low_part = low.subspan(start, count);
    const Values w = load(high_part), l = load(low_part);
    Values d = to_->round(decrement.subspan(start, count));
    for (double& value : d) value = -value;
    if (spec_.rule == WeightRule::kahan) {
      const Values y = to_->add(d, l), t = to_->add(w, y);
      store(to_->sub(y, to_->sub(t, w)), low_part);
      store(t, high_part);
    } else {
      const ValuePairs sum = to_->grow({w, l}, d);
      store(sum.low, low_part);
      store(sum.high, high_part);
    }
  }
}

void HeldWeights::subtract(const UpdateStep& step, std::size_t index,
                           std::span<const float> decrement, std::span<float> weights) {
  const std::span<float> held = of(index, weights);
  const std::span<float> low =
      low_.empty() ? std::span<float>()
                   : std::span<float>(low_.data() + parameters_[index].offset, held.size());
  std::vector<float> before, low_before;
  if (step.observer != nullptr) {
    before.assign(held.begin(), held.end());
    low_before.assign(low.begin(), low.end());
  }
  if (to_) {
    subtract_pairs(index, decrement, held);
  } else {
    subtract_rounded(step, index, decrement, held);
  }
  if (step.observer != nullptr) {
    step.observer->on_weights({parameters_[index], decrement, before, held, low_before, low});
  }
}

void HeldWeights::publish(std::uint64_t seed, std::int64_t step, std::span<float> weights) {
  if (!is_apart_) return;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    quantize(storage_, RandomPurpose::weight_storage, seed, step, i, of(i, weights).data(),
             weights.data() + parameters_[i].offset);
  }
}

void HeldWeights::visit_state(StateVisitor& visitor) {
  if (!master_.empty()) visitor.visit("optimizer.master", std::span<float>(master_));
  if (!low_.empty()) visitor.visit("optimizer.weights_low", std::span<float>(low_));
}

}  // namespace halfulp::nn
