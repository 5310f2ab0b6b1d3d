#include "tests/experiments/support/sweep_fixture.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "experiments/harness/labels.h"
#include "tests/experiments/support/toy_kind.h"

namespace halfulp::test {

SweepFixture::SweepFixture() {
  std::string name = (std::filesystem::temp_directory_path() / "halfulp_test_XXXXXX").string();
  folder_ = ::mkdtemp(name.data());
}

SweepFixture::~SweepFixture() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string SweepFixture::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name)) << text;
  return path(name);
}

std::pair<harness::Sweep, harness::Plan> SweepFixture::load(
    const std::string& text, const std::vector<std::string>& overrides) const {
  return harness::load_plan(write("sweep.toml", text), overrides, toy_kinds());
}

std::vector<std::string> SweepFixture::complaints(const std::string& text,
                                                  const std::vector<std::string>& overrides) const {
  std::vector<std::string> lines;
  try {
    load(text, overrides);
  } catch (const harness::ConfigError& error) {
    lines = error.lines();
  }
  const std::string prefix = folder_ + "/";
  for (std::string& line : lines) {
    for (std::size_t at = line.find(prefix); at != line.npos; at = line.find(prefix)) {
      line.erase(at, prefix.size());
    }
  }
  return lines;
}

std::vector<std::string> SweepFixture::labels(const std::string& text,
                                              const std::vector<std::string>& overrides) const {
  const auto [sweep, plan] = load(text, overrides);
  const harness::Labels labels(sweep, plan);
  std::vector<std::string> out;
  for (const auto& point : plan.points) {
    out.push_back(labels.describe(point));
  }
  return out;
}

}  // namespace halfulp::test
