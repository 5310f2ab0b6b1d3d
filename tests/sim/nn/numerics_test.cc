#include "sim/nn/numerics.h"

#include <gtest/gtest.h>

namespace halfulp::nn {
namespace {

TEST(HighPrecisionLayers, MatchByNameWildcardAndIndex) {
  const auto keeps = [](const char* pattern, const char* layer) {
    return keeps_high_precision({pattern}, layer, 4);
  };
  EXPECT_TRUE(keeps("head", "head"));
  EXPECT_FALSE(keeps("head", "blocks.0.mlp.up"));
  EXPECT_TRUE(keeps("*.mlp.down", "blocks.2.mlp.down"));
  EXPECT_FALSE(keeps("*.mlp.down", "blocks.2.mlp.up"));
  EXPECT_TRUE(keeps("blocks.1", "blocks.1.attention.qkv"));
  EXPECT_FALSE(keeps("blocks.1", "blocks.10.attention.qkv"));
  EXPECT_TRUE(keeps("blocks.-1", "blocks.3.mlp.up"));
  EXPECT_TRUE(keeps("blocks.-4.mlp.*", "blocks.0.mlp.up"));
  EXPECT_FALSE(keeps("blocks.-5", "blocks.0.mlp.up"));
  EXPECT_FALSE(keeps_high_precision({}, "head", 4));
}

}  // namespace
}  // namespace halfulp::nn
