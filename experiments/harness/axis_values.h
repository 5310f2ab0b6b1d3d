// The short forms of an axis: ranges such as { logspace = [1e-4, 1e-1, 7] }, and random draws.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/config.h"
#include "experiments/harness/diagnostics.h"
#include "experiments/harness/toml_tree.h"

namespace halfulp::harness {

/// The values of an axis written as a range table, as TOML numbers at the range's place:
/// { start, stop, num } and { start, stop, step } (both ends included), { logspace = [first, last,
/// n] } (geometric, the ends themselves), { pow2 = [a, b] } (2^a, 2^(a+1), ..., 2^b). Values are
/// rounded to 12 significant digits, so that 0.1 + 0.2 is 0.3 and no C library decides a bit. Empty
/// after a complaint.
std::vector<TomlNode> range_values(const std::string& key, const TomlNode& range,
                                   Diagnostics& diagnostics);

/// `n` draws of { uniform = [a, b] }, { log_uniform = [a, b] }, { integer = [a, b] } (both
/// included) or { choice = [...] }. Draw i of a key depends on (seed, key, i) alone: a larger n
/// keeps the earlier draws, another key does not disturb them. Reals are rounded to 6 significant
/// digits.
std::vector<TomlNode> random_values(const std::string& key, const TomlNode& distribution,
                                    std::int64_t n, std::uint64_t seed, Diagnostics& diagnostics);

}  // namespace halfulp::harness
