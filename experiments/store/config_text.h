#pragma once

#include <string>

#include "experiments/config.h"

namespace halfulp {

/// The configuration as TOML: one `key = value` a line, sorted by key, reals in the shortest form
/// that reads back to the same binary64. Equal configurations give equal text and the reverse.
std::string canonical_toml(const Config& config);

/// A key as a line of canonical_toml() spells it before its " = ": bare, or in quotes.
std::string toml_key(const std::string& key);

}  // namespace halfulp
