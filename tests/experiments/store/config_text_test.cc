#include "experiments/store/config_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace halfulp {
namespace {

TEST(ConfigText, IsSortedTomlWithShortestReals) {
  Config config;
  config.set("b.width", std::int64_t{-32});
  config.set("a", 0.1);
  config.set("big", 1e300);
  config.set("whole", 2.0);
  config.set("nan", -std::nan(""));
  config.set("low", -std::numeric_limits<double>::infinity());
  config.set("on", true);
  config.set("text", std::string("tab\t \"q\" \\ \x01 é\n"));
  config.set("list", std::vector<std::string>{"x", "y\""});
  config.set("odd key", std::string());
  EXPECT_EQ(canonical_toml(config),
            "a = 0.1\n"
            "b.width = -32\n"
            "big = 1e+300\n"
            "list = [\"x\", \"y\\\"\"]\n"
            "low = -inf\n"
            "nan = nan\n"
            "\"odd key\" = \"\"\n"
            "on = true\n"
            "text = \"tab\\t \\\"q\\\" \\\\ \\u0001 é\\n\"\n"
            "whole = 2.0\n");
}

}  // namespace
}  // namespace halfulp
