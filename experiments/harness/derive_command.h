// `run_experiment derive`: what follows from a law.
#pragma once

#include <string>
#include <vector>

namespace halfulp::harness {

/// Answers as the arguments after `derive` say and returns the text for standard output. Throws
/// ConfigError and IoError.
std::string derive_command(const std::vector<std::string>& arguments, const std::string& program);

}  // namespace halfulp::harness
