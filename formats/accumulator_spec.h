// The accumulator mini-language: text to AccumulatorSpec and back.
//
//   accumulator = method { "+" option }
//   method      = format                                     each addition rounded to it
//               | "aligned(" n "," F { "," key "=" value } ")" "+" format
//               | "kahan(" format ")" | "two_sum(" format ")" | "exact(" format ")"
//               | preset [ "(" operand format [ "," operand format ] ")" ]
//   option      = rounding | overflow                        of the sum, as in rounding.h
//             | "every(" n ")" | "pairwise" [ "(" n ")" ] | "blocked(" n ")" | "interleaved(" n ")"
//             | "product(" destination ")" | "promote(" n "," destination ")"
//             | "result(" destination ")" | "addend_last" | "shared_draws"
//   destination = format { "+" ( rounding | overflow ) }
//
// Defaults: nearest_even; infinity for formats that have one, else saturate. to_spec() prints the
// complete spelling; presets are printed as what they stand for.
#pragma once

#include <string>
#include <string_view>

#include "formats/accumulator.h"

namespace halfulp {

/// Throws SpecError (spec.h) with the column in `text`.
AccumulatorSpec parse_accumulator(std::string_view text);
std::string to_spec(const AccumulatorSpec& spec);

}  // namespace halfulp
