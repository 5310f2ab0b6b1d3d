// The keys of a fit in TOML: those of laws::request_keys(), read by the same code as the options of
// `run_experiment fit`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiments/harness/toml_tree.h"
#include "experiments/laws/fit_request.h"

namespace halfulp::harness {

/// Names of all keys, each after `prefix`.
std::vector<std::string> fit_key_names(const std::string& prefix);

/// Reads one key into `request`: a text or number as on the command line, a list for what has
/// commas there, a table for NAME=VALUE pairs. False when it is no key of a fit; a bad value is
/// complained about as `prefix` + key.
bool read_fit_key(const TomlEntry& entry, const std::string& prefix, laws::FitRequest& request,
                  Diagnostics& diagnostics);

/// The lines of an error of experiments/laws as complaints: "option '--where'" becomes `prefix` +
/// where, at the place of this key when `places` has it, else at `otherwise`.
void complain(const ConfigError& error, const std::string& prefix,
              const std::map<std::string, Location>& places, const Location& otherwise,
              Diagnostics& diagnostics);

/// The same for messages that are no complaint.
std::string as_key(const std::string& line, const std::string& prefix);

}  // namespace halfulp::harness
