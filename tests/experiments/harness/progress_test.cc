#include "experiments/harness/progress.h"

#include <gmock/gmock.h>

#include <regex>

#include "experiments/harness/labels.h"

namespace halfulp::harness {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

ProgressState example() {
  ProgressState state;
  state.name = "precision";
  state.total = 36;
  state.done = 8;
  state.diverged = 2;
  state.failed = 1;
  state.eta_seconds = 200;
  state.active = {
      {.id = "1a2b3c4d5e6f7a8b",
       .label = "width=64 weight=int4 seed=1",
       .values = "64 int4 1",
       .done = 340,
       .total = 1000,
       .value = 2.31456},
      {.id = "2b2b3c4d5e6f7a8b", .label = "width=128 weight=int8 seed=1", .values = "128 int8 1"}};
  return state;
}

TEST(RenderBlock, ShowsCountsTimeAndEachRun) {
  EXPECT_THAT(
      render_block(example(), 79, 24, "14:32"),
      ElementsAre(
          "precision  [########-------------------------]  9/36  25%  2 diverged  1 failed",
          "about 3 min 20 s left, finished at 14:32",
          "  1a2b3c4d  width=64 weight=int4 seed=1               step 340/1000  loss 2.315",
          "  2b2b3c4d  width=128 weight=int8 seed=1                               starting"));
}

TEST(RenderBlock, ShowsValuesAloneWhereKeysHaveNoRoom) {
  EXPECT_EQ(render_block(example(), 60, 24, "14:32").at(2),
            "  1a2b3c4d  64 int4 1              step 340/1000  loss 2.315");
}

TEST(RenderBlock, NeverPassesTheWidthOrTheHeight) {
  ProgressState state = example();
  state.name = std::string(100, 'n');
  state.active.assign(50, state.active[0]);
  state.active[3].label = std::string(300, 'x');
  for (int columns = 1; columns < 200; ++columns) {
    for (const int rows : {1, 2, 3, 4, 10, 60}) {
      const auto lines = render_block(state, columns, rows, "14:32");
      EXPECT_LE(lines.size(), static_cast<std::size_t>(std::max(rows, 2)));
      for (const std::string& line : lines) {
        ASSERT_LE(line.size(), static_cast<std::size_t>(columns)) << line;
      }
    }
  }
}

TEST(RenderBlock, SaysHowManyRunsHaveNoRoom) {
  ProgressState state = example();
  state.active.assign(10, state.active[0]);
  const auto lines = render_block(state, 79, 6, "14:32");
  ASSERT_THAT(lines, SizeIs(6));
  EXPECT_EQ(lines.back(), "  and 7 more");
}

TEST(RenderBlock, UnknownTimeAndStopping) {
  ProgressState state = example();
  state.eta_seconds.reset();
  EXPECT_EQ(render_block(state, 79, 24, "").at(1), "time left: not known yet");
  state.stopping = true;
  EXPECT_EQ(render_block(state, 79, 24, "").at(1), "stopping; Ctrl-C once more to kill what runs");
}

TEST(RenderLine, IsOneSentence) {
  EXPECT_EQ(render_line(example(), "14:32"),
            "8 of 36 runs done, 2 of them diverged, 1 failed, 2 running; about 3 min 20 s left, "
            "finished at 14:32");
}

TEST(ClockAfter, NamesTheDayWhenItIsAnother) {
  EXPECT_TRUE(std::regex_match(clock_after(0), std::regex("\\d\\d:\\d\\d"))) << clock_after(0);
  EXPECT_TRUE(std::regex_match(clock_after(86400), std::regex("\\w+ \\d\\d:\\d\\d")));
}

TEST(ShortKeys, KeepAsManyPartsAsTellThemApart) {
  EXPECT_THAT(short_keys({"model.width", "train.batch"}), ElementsAre("width", "batch"));
  EXPECT_THAT(short_keys({"a.weight.format", "b.weight.format", "c.rounding"}),
              ElementsAre("a.weight.format", "b.weight.format", "rounding"));
  EXPECT_THAT(short_keys({"x.y.weight", "x.z.weight"}), ElementsAre("y.weight", "z.weight"));
  EXPECT_THAT(short_keys({"plain"}), ElementsAre("plain"));
}

TEST(FormatTable, AlignsColumns) {
  EXPECT_EQ(format_table({{"a", "long", "x"}, {"bbb", "c"}, {"d", "", "y"}}),
            "a    long  x\nbbb  c\nd          y\n");
}

}  // namespace
}  // namespace halfulp::harness
