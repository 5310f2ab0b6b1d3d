// One operand of a linear layer's product as training sees it: a quantizer, and what training adds
// to it, as one value with one spelling.
//
//   operand = quantizer { "+" option }                                     sim/quantizer.h
//   option  = "delayed(" steps [ ",max" | ",most_recent" ] ")" | "mse" [ "(" candidates ")" ]
//           | "percentile(" p ")" | "rms" [ "(floor)" | "(nearest)" ] | "absmean"
//           | "learned" | "learned_clip" | "fixed(" scale ")" | "propagated"
//           | "current"                                              where scales come from |
//           "margin(" n ")" | "range(" f ")"                             what they leave unused |
//           "hadamard(" n [ ",fixed" | ",random" | ",transformer_engine" ] ")" | "smooth(" alpha [
//           ",real" | ",power_of_two" ] ")" | "smooth_swiglu" [ "(real)" | "(power_of_two)" ] |
//           "clamp(" alpha [ ",compensate" | ",drop" ] ")" | "straight_through" | "clipped" |
//           "dge(" k "," cap ")" | "trust" [ "(" T ")" ]
//
// Options may come in any order among those of the quantizer, each kind once. to_spec() prints the
// quantizer's text, then what differs from the defaults with all its arguments, in the order above;
// so a plain quantizer keeps its text. docs/OPERANDS.md says what each option computes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/quantizer.h"

namespace halfulp::nn {

enum class ScaleSource : std::uint8_t {
  current,       ///< the largest magnitude of the numbers themselves
  delayed,       ///< that of earlier steps
  mse,           ///< the share of the largest magnitude with the least squared error
  percentile,    ///< a quantile of the magnitudes
  rms,           ///< the best scale for normal numbers of this root mean square
  absmean,       ///< the mean magnitude (TriLM, BitNet b1.58)
  learned,       ///< a step trained with the weights
  learned_clip,  ///< a largest magnitude trained with the weights
  fixed,         ///< one number
  propagated,    ///< the network's (sim/nn/scale_propagation.h)
};
enum class AmaxReduction : std::uint8_t { max, most_recent };
enum class SignRule : std::uint8_t {
  fixed,               ///< all 1
  random,              ///< drawn for each step and product
  transformer_engine,  ///< transformer_engine_signs(), of 16 elements
};
enum class ChannelRule : std::uint8_t {
  none,
  smooth,  ///< max |x_j|^alpha / max |w_j|^(1 - alpha): the input over it, the weight times it
  smooth_swiglu,  ///< max |x_j| of the inputs of layers called "...mlp.down", divided out and back
};
enum class Estimator : std::uint8_t { straight_through, clipped, dge, trust };

struct Scaling {
  ScaleSource source = ScaleSource::current;
  int history = 1024;  ///< steps
  AmaxReduction reduction = AmaxReduction::max;
  int candidates = 32;      ///< of mse
  double percentile = 1.0;  ///< share of the magnitudes that are not clipped
  bool floors = false;      ///< rms: powers of two are rounded down instead of to the nearest
  double fixed = 1.0;       ///< the scale
  int margin = 0;           ///< the multiplier is 2^margin times smaller
  double range = 1.0;       ///< share of the format's range that is used
  friend bool operator==(const Scaling&, const Scaling&) = default;
};

struct HadamardSpec {
  int n = 0;  ///< elements, a power of two; 0: none
  SignRule signs = SignRule::fixed;
  friend bool operator==(const HadamardSpec&, const HadamardSpec&) = default;
};

struct ChannelSpec {
  ChannelRule rule = ChannelRule::none;
  double alpha = 0.0;  ///< share of the input's range that moves into the weight
  bool power_of_two = false;
  friend bool operator==(const ChannelSpec&, const ChannelSpec&) = default;
};

struct ClampSpec {
  double level = 1.0;  ///< numbers beyond the quantiles 1 - level and level are clamped; 1: none
  bool compensates = false;  ///< what is cut off is added to the quantized rest
  friend bool operator==(const ClampSpec&, const ClampSpec&) = default;
};

struct EstimatorSpec {
  Estimator rule = Estimator::straight_through;
  double k = 5.0, cap = 3.0;  ///< of dge
  double trust = 0.0;         ///< T in units of the root mean square; 0: the format's own
  friend bool operator==(const EstimatorSpec&, const EstimatorSpec&) = default;
};

struct OperandSpec {
  OperandSpec() = default;

  // NOLINTNEXTLINE(google-explicit-constructor): every quantizer is an operand
  OperandSpec(QuantizerSpec plain) : quantizer(std::move(plain)) {}

  QuantizerSpec quantizer = {};
  Scaling scaling = {};
  HadamardSpec hadamard = {};
  ChannelSpec channels = {};
  ClampSpec clamp = {};
  EstimatorSpec estimator = {};
  bool reduces_rows = false;  ///< of with_reduction(): Hadamard runs go down the columns
  friend bool operator==(const OperandSpec&, const OperandSpec&) = default;
};

/// Throws SpecError with the column in `text`.
OperandSpec parse_operand(std::string_view text);
/// Canonical spelling: parse_operand(to_spec(s)) == s, but for reduces_rows.
std::string to_spec(const OperandSpec& spec);

/// A quantizer and nothing else.
bool is_plain(const OperandSpec& spec);
/// Whether a tensor quantized for one of them serves the other: all but the estimator is equal.
bool same_numbers(const OperandSpec& a, const OperandSpec& b);

/// As with_reduction() of quantizers.
OperandSpec with_reduction(OperandSpec spec, bool reduces_rows);

double bits_per_element(const OperandSpec& spec);

/// The scales of this operand as a product sees them: those of a quantizer, or none where they
/// are in the numbers.
QuantizerSpec product_quantizer(const OperandSpec& spec);

}  // namespace halfulp::nn
