// Runs a test body once on each SIMD target of this machine.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "sim/simd_target.h"

namespace halfulp::testing {

inline void on_every_simd_target(const std::function<void()>& body) {
  for (const std::string& target : simd_targets()) {
    SCOPED_TRACE("SIMD target " + target);
    force_simd_target(target);
    body();
    if (::testing::Test::HasFatalFailure()) break;
  }
  force_simd_target("");
}

}  // namespace halfulp::testing
