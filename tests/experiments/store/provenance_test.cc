#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/store/run_record.h"
#include "sim/simd_target.h"

namespace halfulp {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Provenance, NamesBuildAndMachine) {
  const Provenance provenance = collect_provenance();
  EXPECT_THAT(provenance.version, ContainsRegex("^[0-9]+\\.[0-9]+\\.[0-9]+$"));
  EXPECT_THAT(provenance.compiler, ContainsRegex("^(GNU|Clang) [0-9]"));
  EXPECT_THAT(provenance.flags, HasSubstr("-ffp-contract=off"));
  EXPECT_THAT(provenance.build_type, Not(""));
  EXPECT_THAT(provenance.cpu, Not(""));
  EXPECT_EQ(provenance.simd_target, simd_target());
  EXPECT_THAT(provenance.host_os, HasSubstr("Linux"));
  EXPECT_THAT(provenance.libraries,
              ContainsRegex("^HDF5 1\\.[0-9.]+, toml\\+\\+ 3\\.[0-9.]+, fmt [0-9.]+, Highway "
                            "1\\.[0-9.]+, xxHash 0\\.[0-9.]+$"));
}

TEST(Provenance, LeavesTimesAndCommandLineToTheCaller) {
  const Provenance provenance = collect_provenance();
  EXPECT_EQ(provenance.started_utc + provenance.finished_utc + provenance.command_line, "");
}

}  // namespace
}  // namespace halfulp
