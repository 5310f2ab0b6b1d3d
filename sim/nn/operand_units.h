// Units of a matrix, that is elements that share a scale, whatever the granularity: all are tiles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "sim/matrix.h"
#include "sim/quantizer.h"
#include "sim/random.h"
#include "sim/round_plan.h"

namespace halfulp::nn {

struct UnitMap {
  std::size_t rows = 0, cols = 0;            ///< of the matrix
  std::size_t unit_rows = 1, unit_cols = 1;  ///< of a unit; those at the ends may be short

  std::size_t down() const { return (rows + unit_rows - 1) / unit_rows; }

  std::size_t across() const { return (cols + unit_cols - 1) / unit_cols; }

  std::size_t count() const { return down() * across(); }
};

/// Units in the order of Quantizer::scale_shape(). No block formats.
UnitMap unit_map(const QuantizerSpec& spec, std::size_t rows, std::size_t cols);

/// Patterns of the units' largest magnitudes, NaN above all.
void unit_maxima(ConstMatrix in, const UnitMap& units, std::uint32_t* maxima);

/// Sums of squares in binary64: of each row's part as Kernels::sum_of_squares, up to 256 elements
/// as eight partial sums in binary64 (element i into sum i mod 8, added ascending); parts
/// ascending.
void unit_squares(ConstMatrix in, const UnitMap& units, double* sums);

/// Calls `use` with the number of each unit, its elements row by row, and their count.
void for_each_unit(ConstMatrix in, const UnitMap& units,
                   const std::function<void(std::size_t, const float*, std::size_t)>& use);

/// out = round(in * multiplier) * scale with the factors of the element's unit; random: element
/// (r, c) uses index r * cols + c. A multiplier of 0 marks a unit that is not finite: NaN. Throws
/// OverflowError under Overflow::error.
void round_units(const RoundPlan& plan, ConstMatrix in, Matrix out, const UnitMap& units,
                 const float* multipliers, const float* scales, const RandomStream& stream);

/// The same factors for each element of row r.
void spread_factors(const UnitMap& units, std::size_t r, const float* factors, float* out);

}  // namespace halfulp::nn
