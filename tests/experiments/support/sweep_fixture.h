// A temporary folder for sweep files and results.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "experiments/harness/sweep.h"

namespace halfulp::test {

class SweepFixture : public ::testing::Test {
 public:
  ~SweepFixture() override;

 protected:
  SweepFixture();

  /// Writes a file in the folder and returns its path.
  std::string write(const std::string& name, const std::string& text) const;

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  /// Loads sweep.toml with this text; throws ConfigError.
  std::pair<harness::Sweep, harness::Plan> load(
      const std::string& text, const std::vector<std::string>& overrides = {}) const;

  /// The lines of complaint about sweep.toml with this text, the folder's name cut from them.
  std::vector<std::string> complaints(const std::string& text,
                                      const std::vector<std::string>& overrides = {}) const;

  /// "width=64 seed=0" of each point, in order.
  std::vector<std::string> labels(const std::string& text,
                                  const std::vector<std::string>& overrides = {}) const;

  std::string folder_;
};

}  // namespace halfulp::test
