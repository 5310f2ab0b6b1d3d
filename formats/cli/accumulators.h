// Accumulators in the calculator: tables of presets, descriptions.
#pragma once

#include <string_view>

namespace halfulp::cli {

/// True for presets and for the methods that are no formats: "h100(e4m3fn)", "kahan(binary16)".
bool names_accumulator(std::string_view text);

/// What a spec stands for; throws SpecError.
void print_accumulator(std::string_view text);

/// One line for each preset, or the table of docs/ACCUMULATORS.md.
void print_accumulators(bool markdown);

}  // namespace halfulp::cli
