// The accumulator mini-language: text to AccumulatorSpec and back.
//
//   accumulator = method { "+" option }
//   method      = format                                     each addition rounded to it
//               | "aligned(" format "," n "," F { "," detail } ")"
//               | "kahan(" format ")" | "two_sum(" format ")" | "exact(" format ")"
//               | preset [ "(" [ format [ "," format ] ] [ "," "result=" format ] ")" ]
//   option      = rounding | overflow                        of the sum, as in rounding.h
//               | "every(" n ")"                             rounded sums in sequence, exact sums
//               | "sequential" | "pairwise" [ "(" n ")" ] | "blocked(" n ")" | "interleaved(" n ")"
//               | "flush(" e [ "," e ] ")"                   rounded sums
//               | "product(" destination ")" | "promote(" n "," destination ")"
//               | "result(" destination ")" | "addend_last" | "shared_draws"
//   detail      = "alignment=" rounding | "lanes=" n | "exact_products=" n | "interleave=" n
//               | "least_exponent=" e | "exponents=" e [ ":" e ] | "flush_operands" |
//               "products_overflow" | "addend=" ( "aligned" | "separate" | "realigned" ) |
//               "realigned_bits=" n | "drops_far_addend" | "addition=" destination
//   destination = format { "+" ( rounding | overflow ) }
//
// Options may come in any order, each kind once. Defaults: nearest_even; infinity for formats that
// have one, else saturate. Presets are the rows of named_accumulators.h, with the formats of the
// operands; options behind one change what it stands for. to_spec() prints the complete spelling,
// presets as what they stand for.
#pragma once

#include <string>
#include <string_view>

#include "formats/accumulator.h"

namespace halfulp {

/// Throws SpecError (spec.h) with the column in `text`.
AccumulatorSpec parse_accumulator(std::string_view text);
/// Reads FORMAT{+rounding|+overflow}. Throws SpecError.
Destination parse_destination(std::string_view text);

/// Canonical, complete spelling; parse_accumulator(to_spec(x)) == x.
std::string to_spec(const AccumulatorSpec& spec);
std::string to_spec(const Destination& destination);

/// Why the parameters cannot be an accumulator, with the remedy; empty when they can.
std::string accumulator_fault(const AccumulatorSpec& spec);
/// Throws SpecError (column 1) with accumulator_fault().
void check_accumulator(const AccumulatorSpec& spec);

}  // namespace halfulp
