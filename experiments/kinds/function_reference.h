// The functions of formats/functions.h in binary64 with pinned bits: what function_error measures
// against.
#pragma once

#include <string_view>
#include <vector>

namespace halfulp {

/// Field::choices of a function.
inline constexpr std::string_view kFunctions =
    "softmax|two_pass_softmax|rms_norm|layer_norm|gelu|silu";

/// One row. Norms have gain 1, bias 0 and epsilon 1e-5.
std::vector<double> function_reference(std::string_view function, const std::vector<double>& x);

}  // namespace halfulp
