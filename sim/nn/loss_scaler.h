// Loss scaling: what the loss is multiplied by, so that gradients do not underflow on their way.
#pragma once

#include <cstdint>
#include <span>

#include "sim/nn/saved_state.h"

namespace halfulp::nn {

enum class LossScaling : std::uint8_t {
  none,
  fixed,      ///< spelled "static"
  dynamic,    ///< as PyTorch's GradScaler
  automatic,  ///< FP8-LM's factor of weight gradients (Peng et al. 2023, section 2.1)
};

struct LossScaleSpec {
  LossScaling kind = LossScaling::none;
  double scale = 65536.0;               ///< the scale, or the first one
  double growth = 2.0, backoff = 0.5;   ///< dynamic and automatic
  std::int64_t growth_interval = 2000;  ///< updates without backoff that multiply by `growth`
  double saturation = 0.0;              ///< automatic: the largest number of weight gradients
};

/// Dynamic: a gradient that is not finite skips its update and multiplies the scale by `backoff`;
/// after `growth_interval` updates in a row the scale is multiplied by `growth`, as long as it
/// stays a finite binary32 number. Automatic: after an update in which more than 0.001 % of the
/// gradients had the magnitude `saturation` the scale is multiplied by `backoff`, after any other
/// by growth^(1 / growth_interval); no update is skipped.
class LossScaler {
 public:
  explicit LossScaler(const LossScaleSpec& spec);

  /// What the next loss is multiplied by; 1 for none.
  double scale() const { return scale_; }

  bool is_active() const { return spec_.kind != LossScaling::none; }

  /// Divides gradients by the scale: times 1 / scale rounded to binary32. Returns whether the
  /// update is made, and moves the scale on.
  bool unscale(std::span<float> gradients);

  void visit_state(StateVisitor& visitor);

 private:
  void follow_saturation(std::int64_t saturated, std::size_t n);
  void grow(double factor);

  LossScaleSpec spec_;
  double scale_;
  std::int64_t clean_updates_ = 0;
};

}  // namespace halfulp::nn
