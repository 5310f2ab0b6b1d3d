// The command line of run_experiment, apart from main(). docs/SWEEPS.md describes it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiments/kind.h"

namespace halfulp::harness {

/// Runs the program with the arguments after its name and returns the exit code: 0 done, 1 some run
/// failed or a file could not be written, 2 wrong usage or configuration, 75 stopped and resumable,
/// 130 interrupted. Results go to standard output, messages to standard error.
int run_cli(const std::vector<std::string>& arguments, std::span<const ExperimentKind> kinds,
            const std::string& program = "./run_experiment");

}  // namespace halfulp::harness
