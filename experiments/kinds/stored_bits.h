// What a quantized tensor takes: codes, scales, zero points.
#pragma once

#include <cstddef>

#include "sim/quantizer.h"

namespace halfulp {

/// Scales of a rows x cols tensor, one for each unit, short ones at the ends too; 0 without.
double scale_count(const QuantizerSpec& spec, std::size_t rows, std::size_t cols);

/// Bits of the tensor: codes, scales (binary32, 8 bits for a power of two, their format's whole
/// bytes in block formats) and zero points. A tensor's second level of scales is not counted.
double stored_bits(const QuantizerSpec& spec, std::size_t rows, std::size_t cols);

}  // namespace halfulp
