// The arguments of `run_experiment fit`, parsed.
#pragma once

#include <string>
#include <vector>

#include "experiments/laws/fit_request.h"

namespace halfulp::harness {

struct FitArguments {
  std::vector<std::string> tables;
  laws::FitRequest request;
  bool json = false;
  std::string output;
  bool help = false;
  std::string command_line;
};

/// Throws ConfigError for an unknown option (with a suggestion), a bad argument, or a missing table
/// or law.
FitArguments parse_fit_arguments(const std::vector<std::string>& arguments,
                                 const std::string& program);

std::string fit_help(const std::string& program);

}  // namespace halfulp::harness
