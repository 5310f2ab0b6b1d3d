// `run_experiment fit` and `run_experiment laws`.
#pragma once

#include <string>
#include <vector>

namespace halfulp::harness {

/// Fits as the arguments after `fit` say and returns the text for standard output. Throws
/// ConfigError and IoError.
std::string fit_command(const std::vector<std::string>& arguments, const std::string& program);

/// The laws, or one of them with its variables and parameters. Throws ConfigError.
std::string laws_command(const std::vector<std::string>& arguments);

}  // namespace halfulp::harness
