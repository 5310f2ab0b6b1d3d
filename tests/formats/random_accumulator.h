// Random accumulators of every kind, for round trips and for the rational oracle.
#pragma once

#include <random>

#include "formats/accumulator.h"

namespace halfulp {

/// A valid accumulator; its formats are of up to 17 bits (binary64 holds their numbers exactly).
AccumulatorSpec random_accumulator(std::mt19937_64& random);

}  // namespace halfulp
