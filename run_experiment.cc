// run_experiment: sweeps from a TOML file. The command line is experiments/harness/cli.h.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "experiments/harness/cli.h"
#include "experiments/kind.h"
#include "sim/simd_target.h"

int main(int argc, char** argv) {
  try {
    halfulp::initialize_numerics();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  return halfulp::harness::run_cli(std::vector<std::string>(argv + 1, argv + argc),
                                   halfulp::experiment_kinds());
}
