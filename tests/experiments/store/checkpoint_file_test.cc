// Checkpoints on disk: every bit comes back, no damaged byte goes unseen.
#include "experiments/store/checkpoint_file.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>

#include "experiments/store/atomic_file.h"
#include "experiments/store/io_error.h"

namespace halfulp {
namespace {

const CheckpointIdentity kIdentity = {"0123456789abcdef", "program", "inputs\nof the run"};

std::string path() {
  return testing::TempDir() + "checkpoint_file_test_" +
         testing::UnitTest::GetInstance()->current_test_info()->name();
}

nn::Checkpoint sample() {
  nn::Checkpoint checkpoint;
  checkpoint.tensors = {{"head", 0, 2, 3}, {"gain", 16, 1, 4}};
  const auto odd_nan = std::bit_cast<float>(0x7FA12345U);
  checkpoint.state = {{"loop.updates", std::vector<std::int64_t>{std::int64_t{1} << 60}},
                      {"weights", std::vector<float>{-0.0F, 0x1p-149F, odd_nan, -INFINITY}},
                      {"optimizer.beta_powers", std::vector<double>{0.1, -0.0}},
                      {"optimizer.empty", std::vector<float>{}}};
  checkpoint.curves = {{"train_loss", {{0, 5.5}, {1, std::nan("")}}}, {"validation", {}}};
  checkpoint.counters.tensors = {{"head", "fprop_input"}};
  checkpoint.counters.steps = {0, 20};
  checkpoint.counters.indices = {0, 0};
  checkpoint.counters.values = {{1, 2, 3, 4, 5, 6, 7, 8}, {8, 7, 6, 5, 4, 3, 2, 1}};
  return checkpoint;
}

TEST(CheckpointFile, EveryBitComesBack) {
  const nn::Checkpoint written = sample();
  write_checkpoint(path(), kIdentity, written);
  const CheckpointFile read = read_checkpoint(path());
  EXPECT_EQ(difference(read.identity, kIdentity), "");
  EXPECT_EQ(read.checkpoint.tensors, written.tensors);
  EXPECT_EQ(read.checkpoint.counters, written.counters);
  ASSERT_EQ(read.checkpoint.state.size(), written.state.size());
  for (std::size_t i = 0; i < written.state.size(); ++i) {
    EXPECT_EQ(read.checkpoint.state[i].name, written.state[i].name);
    EXPECT_EQ(read.checkpoint.state[i].values.index(), written.state[i].values.index());
  }
  const auto& weights = nn::state_of<float>(read.checkpoint, "weights");
  const auto& wanted = nn::state_of<float>(written, "weights");
  ASSERT_EQ(weights.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(weights[i]), std::bit_cast<std::uint32_t>(wanted[i]));
  }
  EXPECT_TRUE(std::signbit(nn::state_of<double>(read.checkpoint, "optimizer.beta_powers")[1]));
  EXPECT_EQ(nn::updates_of(read.checkpoint), std::int64_t{1} << 60);
  ASSERT_EQ(read.checkpoint.curves.size(), 2U);
  EXPECT_EQ(read.checkpoint.curves[0].second[0].loss, 5.5);
  EXPECT_TRUE(std::isnan(read.checkpoint.curves[0].second[1].loss));
  EXPECT_TRUE(read.checkpoint.curves[1].second.empty());
}

TEST(CheckpointFile, DamageAndTruncationAreRefusedAnywhere) {
  write_checkpoint(path(), kIdentity, sample());
  const std::string bytes = read_file(path());
  for (std::size_t i = 0; i < bytes.size(); i += 1511) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    replace_file(path(), damaged);
    EXPECT_THROW(read_checkpoint(path()), IoError) << i;
    replace_file(path(), bytes.substr(0, i));
    EXPECT_THROW(read_checkpoint(path()), IoError) << i;
  }
  remove_file(path());
  EXPECT_THROW(read_checkpoint(path()), IoError);
}

TEST(CheckpointFile, ForeignOnesAreToldApart) {
  CheckpointIdentity other = kIdentity;
  other.run_id = "fedcba9876543210";
  EXPECT_EQ(difference(other, kIdentity), "it is of run fedcba9876543210");
  other = kIdentity;
  other.program = "rebuilt";
  EXPECT_EQ(difference(other, kIdentity), "another build of the program wrote it");
  other = kIdentity;
  other.inputs = "other weights";
  EXPECT_EQ(difference(other, kIdentity), "its run read other data or initial weights");
  EXPECT_EQ(program_checksum().size(), 32U);
}

}  // namespace
}  // namespace halfulp
