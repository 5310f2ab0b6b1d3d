// The arguments of `run_experiment fit`, parsed.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiments/harness/cli_options.h"
#include "experiments/laws/fit.h"
#include "experiments/laws/problem.h"

namespace halfulp::harness {

struct FitArguments {
  std::vector<std::string> tables;
  std::string law, expression;
  std::vector<std::string> signed_parameters;
  std::string columns, where;
  laws::ProblemSpec spec;  ///< without the law
  laws::FitOptions options;
  std::vector<std::string> compare;
  std::size_t folds = 5;
  std::vector<std::string> profiles;
  bool json = false;
  std::string output;
  bool help = false;
  std::string command_line;
};

std::span<const OptionInfo> fit_option_table();

/// Throws ConfigError for an unknown option (with a suggestion), a bad argument, or a missing table
/// or law.
FitArguments parse_fit_arguments(const std::vector<std::string>& arguments,
                                 const std::string& program);

std::string fit_help(const std::string& program);

}  // namespace halfulp::harness
