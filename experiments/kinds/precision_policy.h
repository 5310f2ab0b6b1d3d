// The parts of a model's numerics beside linear operands and functions, from the keys precision.*:
// attention, stored tensors, the head, layers with their own keys, high precision and the switch.
#pragma once

#include <string>
#include <vector>

#include "experiments/config.h"
#include "sim/nn/numerics.h"

namespace halfulp {

/// The quantizer of `key`, or of `inherited` where it says so.
QuantizerSpec inherited_quantizer(const Config& config, const char* key, const char* inherited);

nn::AttentionNumerics attention_numerics(const Config& config);

/// Sets what model_numerics() has besides ModelNumerics::linear, attention, functions and
/// high_precision. Throws SpecError for lines of precision.layers that cannot be read.
void add_policy(const Config& config, nn::ModelNumerics& numerics);

/// A line of precision.layers.
struct LayerLine {
  std::string pattern;

  struct Setting {
    std::string key, value;  ///< the key without "precision."
  };

  std::vector<Setting> settings;
};

/// Reads "PATTERN: key=value, key=value". Throws SpecError that names what is wrong, with a
/// suggestion for keys that do not exist.
LayerLine parse_layer_line(const std::string& text);

/// `config` with the keys of the line.
Config with_settings(const Config& config, const LayerLine& line);

/// "; name=..." for everything that add_policy() and set_switch() set and attention's operands,
/// caches and outputs, where it is not binary32; empty where nothing is.
std::string policy_text(const nn::ModelNumerics& numerics);

}  // namespace halfulp
