// Tables of rotary positions.
#pragma once

#include "sim/aligned_vector.h"
#include "sim/nn/model_config.h"

namespace halfulp::nn {

/// cos and sin of the angle of position p and pair i, p * 10000^(-2 i / head_width): context x
/// head_width / 2 each. Angles in binary64 with pinned functions.
template <class T>
struct RotationTables {
  AlignedVector<T> cosines, sines;
};

template <class T>
RotationTables<T> rotation_tables(const ModelConfig& config);

}  // namespace halfulp::nn
