// Which instruction set the kernels run on. Chosen once from the CPU; the environment variable
// HALFULP_SIMD (a name from simd_targets()) forces one. Stored bits never depend on it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace halfulp {

/// Names of the targets that are compiled in and that this CPU runs, best first ("avx3", "avx2",
/// ...).
std::vector<std::string> simd_targets();

/// The target in use.
std::string simd_target();

/// Forces a target by name; "" returns to the CPU's best. Throws std::invalid_argument for a name
/// that is not in simd_targets(). Not thread-safe; for start-up and tests.
void force_simd_target(std::string_view name);

/// Reads HALFULP_SIMD and checks the floating-point environment (round to nearest, no flush to
/// zero). Programs call it first. Throws std::runtime_error with the remedy.
void initialize_numerics();

}  // namespace halfulp
