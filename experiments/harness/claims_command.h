// `run_experiment claims`: what papers claim against what the results say.
#pragma once

#include <string>
#include <vector>

namespace halfulp::harness {

/// Evaluates claims as the arguments after `claims` say and returns the text for standard output.
/// Throws ConfigError with every mistake of the file, and IoError for results that cannot be read;
/// results that are not there make claims untested.
std::string claims_command(const std::vector<std::string>& arguments, const std::string& program);

}  // namespace halfulp::harness
