// An experiment kind that runs in microseconds and misbehaves on request.
#pragma once

#include "experiments/kind.h"

namespace halfulp::test {

/// "toy": value = width * 0.5^step + seed; keys to sleep, diverge, throw, crash and print.
std::span<const ExperimentKind> toy_kinds();

}  // namespace halfulp::test
