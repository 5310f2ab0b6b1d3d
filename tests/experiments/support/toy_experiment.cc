// run_experiment with the toy kind: what tests/cli drives where real runs would take too long.
#include <string>
#include <vector>

#include "experiments/harness/cli.h"
#include "tests/experiments/support/toy_kind.h"

int main(int argc, char** argv) {
  return halfulp::harness::run_cli(std::vector<std::string>(argv + 1, argv + argc),
                                   halfulp::test::toy_kinds(), argv[0]);
}
