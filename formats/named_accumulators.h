// The one table of named accumulators: what published models say of matrix engines, and common
// software accumulators. Rules as published, not vendor-confirmed.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "formats/accumulator.h"

namespace halfulp {

/// What may stand in the parentheses of a preset.
struct PresetArguments {
  std::vector<Format> operands;  ///< of a and b; one: of both; none: the first of the row
  std::optional<Format> result;  ///< binary32 or binary16; none: binary32
};

struct NamedAccumulator {
  std::string_view name;                   ///< canonical
  std::vector<std::string_view> aliases;   ///< accepted on input
  std::vector<std::string_view> operands;  ///< formats of a and b that the source covers; empty:
                                           ///< the preset takes no argument
  std::string_view summary;
  std::string_view source;
  AccumulatorSpec (*make)(const Format& a, const Format& b, bool is_binary16_result);
  bool takes_result = false;  ///< result=binary16
};

std::span<const NamedAccumulator> named_accumulators();

/// What every row of a matrix engine (one with operands) is labelled with.
inline constexpr std::string_view kAsPublished = "as published, not vendor-confirmed";

/// The row of that name or alias (lower case), or nullptr.
const NamedAccumulator* find_named_accumulator(std::string_view name);

/// Throws SpecError for operands or results that the row's source does not cover.
AccumulatorSpec named_accumulator(const NamedAccumulator& row, const PresetArguments& arguments);

}  // namespace halfulp
