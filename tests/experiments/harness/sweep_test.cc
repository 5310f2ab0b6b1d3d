#include "experiments/harness/sweep.h"

#include <gmock/gmock.h>

#include <set>

#include "experiments/harness/labels.h"
#include "tests/experiments/support/sweep_fixture.h"

namespace halfulp::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kHead = "experiment = \"toy\"\n";

class Sweep : public SweepFixture {};

TEST_F(Sweep, FirstAxisInTheFileVariesSlowestAndSeedsFastest) {
  EXPECT_THAT(
      labels(kHead + "seeds = [7, 5]\n"
                     "[sweep.grid]\n"
                     "\"train.batch\" = [2, 1]\n"
                     "\"model.width\" = [32, 64]\n"),
      ElementsAre("batch=2 width=32 seed=7", "batch=2 width=32 seed=5", "batch=2 width=64 seed=7",
                  "batch=2 width=64 seed=5", "batch=1 width=32 seed=7", "batch=1 width=32 seed=5",
                  "batch=1 width=64 seed=7", "batch=1 width=64 seed=5"));
}

TEST_F(Sweep, QuotedDottedAndNestedKeysAreOneKey) {
  const auto expected =
      ElementsAre("width=1 batch=3", "width=1 batch=4", "width=2 batch=3", "width=2 batch=4");
  EXPECT_THAT(labels(kHead + "[sweep.grid]\n\"model.width\" = [1, 2]\n\"train.batch\" = [3, 4]\n"),
              expected);
  EXPECT_THAT(labels(kHead + "[sweep.grid]\nmodel.width = [1, 2]\ntrain.batch = [3, 4]\n"),
              expected);
  EXPECT_THAT(labels(kHead + "[sweep.grid.model]\nwidth = [1, 2]\n"
                             "[sweep.grid.train]\nbatch = [3, 4]\n"),
              expected);
}

TEST_F(Sweep, DottedAxesKeepTheirOrderWhenTheirTablesInterleave) {
  EXPECT_THAT(labels(kHead + "[sweep.grid]\n"
                             "model.width = [4]\ntrain.batch = [3]\nmodel.heads = [2]\n"),
              ElementsAre("width=4 batch=3 heads=2"));
}

TEST_F(Sweep, ZipStepsTogetherAndMultipliesWithTheRest) {
  EXPECT_THAT(
      labels(kHead + "[sweep.zip.schedule]\n"
                     "\"train.learning_rate\" = [0.5, 0.25]\n"
                     "\"train.batch\" = [32, 128]\n"
                     "[sweep.grid]\n"
                     "\"model.width\" = [1, 2]\n"),
      ElementsAre("learning_rate=0.5 batch=32 width=1", "learning_rate=0.5 batch=32 width=2",
                  "learning_rate=0.25 batch=128 width=1", "learning_rate=0.25 batch=128 width=2"));
}

TEST_F(Sweep, InlineTableSetsSeveralKeysAtOnce) {
  const auto [sweep, plan] =
      load(kHead +
           "[sweep.grid]\n"
           "size = [{ model.width = 8, train.batch = 1 }, { \"model.width\" = 16 }]\n");
  ASSERT_THAT(plan.points, SizeIs(2));
  EXPECT_EQ(plan.points[0].config.integer("train.batch"), 1);
  EXPECT_EQ(plan.points[1].config.integer("model.width"), 16);
  EXPECT_EQ(plan.points[1].config.integer("train.batch"), 8) << "the default";
  EXPECT_THAT(plan.swept_keys, ElementsAre("model.width", "train.batch"));
}

TEST_F(Sweep, TableOnAnAxisMayNameBaseFilesWhichItBeats) {
  write("a.toml", "train.batch = 2\nmodel.width = 3\n");
  write("b.toml", "base = \"a.toml\"\nmodel.width = 4\n");
  const auto loaded = load(kHead +
                           "[sweep.grid]\n"
                           "recipe = [{ base = \"a.toml\" }, { base = [\"a.toml\", \"b.toml\"] },\n"
                           "  { base = \"b.toml\", train.batch = 5 }]\n");
  const auto& plan = loaded.second;
  ASSERT_THAT(plan.points, SizeIs(3));
  const auto width = [&](std::size_t i) { return plan.points[i].config.integer("model.width"); };
  const auto batch = [&](std::size_t i) { return plan.points[i].config.integer("train.batch"); };
  EXPECT_EQ(width(0), 3);
  EXPECT_EQ(batch(0), 2);
  EXPECT_EQ(width(1), 4);
  EXPECT_EQ(batch(1), 2);
  EXPECT_EQ(width(2), 4);
  EXPECT_EQ(batch(2), 5);
  const harness::Labels labels(loaded.first, plan);
  EXPECT_EQ(labels.describe(plan.points[2]), "batch=5") << "the width is a base file's";
}

TEST_F(Sweep, ExcludeDropsPointsThatMatchEveryKeyOfOneRule) {
  EXPECT_THAT(labels(kHead + "[sweep.grid]\n"
                             "precision.weight = [\"binary32\", \"int4\", \"int8\"]\n"
                             "model.width = [1, 2, 3]\n"
                             "[[sweep.exclude]]\n"
                             "\"precision.weight\" = \"int4\"\n"
                             "model.width = [2, 3]\n"
                             "[[sweep.exclude]]\n"
                             "precision.weight = \"int8\"\n"),
              ElementsAre("weight=binary32 width=1", "weight=binary32 width=2",
                          "weight=binary32 width=3", "weight=int4 width=1"));
}

TEST_F(Sweep, ExclusionThatMatchesNothingIsRemarked) {
  const auto [sweep, plan] = load(kHead + "[[sweep.exclude]]\nmodel.width = 3\n");
  EXPECT_THAT(plan.remarks,
              ElementsAre(HasSubstr("sweep.toml:2:1: this exclusion matches no run")));
}

TEST_F(Sweep, LaterSourcesWin) {
  write("first.toml", "[model]\nwidth = 1\nheads = 1\n[train]\nbatch = 1\nsteps = 1\n");
  write("second.toml", "base = \"first.toml\"\n[train]\nbatch = 2\nsteps = 2\n");
  const std::string text = kHead +
                           "base = \"second.toml\"\n"
                           "[set]\ntrain.steps = 3\n"
                           "[sweep.grid]\nmodel.heads = [4]\nmodel.width = [4]\n";
  const Config config = load(text, {"model.width=8"}).second.points.at(0).config;
  EXPECT_EQ(config.text("train.optimizer"), "adamw") << "default";
  EXPECT_EQ(config.integer("train.batch"), 2) << "a base file beats the one it includes";
  EXPECT_EQ(config.integer("train.steps"), 3) << "[set] beats base files";
  EXPECT_EQ(config.integer("model.heads"), 4) << "an axis beats base files";
  EXPECT_EQ(config.integer("model.width"), 8) << "the command line beats an axis";
}

TEST_F(Sweep, LaterBaseOfAListWins) {
  write("a.toml", "train.batch = 1\nmodel.width = 1\n");
  write("b.toml", "train.batch = 2\n");
  const Config config =
      load(kHead + "base = [\"a.toml\", \"b.toml\"]\n").second.points.at(0).config;
  EXPECT_EQ(config.integer("train.batch"), 2);
  EXPECT_EQ(config.integer("model.width"), 1);
}

TEST_F(Sweep, SetBelowTheAxesTableStillLosesToThem) {
  EXPECT_EQ(load(kHead + "[sweep.grid]\nmodel.width = [2]\n[set]\nmodel.width = 3\n")
                .second.points.at(0)
                .config.integer("model.width"),
            2);
}

TEST_F(Sweep, OverrideReplacesItsAxisAndLeavesTheRestOfAZip) {
  const std::string text = kHead +
                           "[sweep.grid]\nmodel.width = [1, 2]\n"
                           "[sweep.zip.z]\ntrain.batch = [1, 2]\ntrain.steps = [3, 4]\n";
  EXPECT_THAT(labels(text, {"model.width=5", "train.batch=9"}), ElementsAre("steps=3", "steps=4"));
}

TEST_F(Sweep, OverridesReadEveryTypeWithoutTomlQuotes) {
  const Config config =
      load(kHead, {"model.tied=false", "train.learning_rate=1e-2", "train.steps=1e3",
                   "train.tags=x,y", "precision.weight=int4", "train.optimizer=sgd"})
          .second.points.at(0)
          .config;
  EXPECT_FALSE(config.boolean("model.tied"));
  EXPECT_EQ(config.real("train.learning_rate"), 0.01);
  EXPECT_EQ(config.integer("train.steps"), 1000);
  EXPECT_THAT(config.text_list("train.tags"), ElementsAre("x", "y"));
  EXPECT_EQ(config.text("train.optimizer"), "sgd");
}

TEST_F(Sweep, SeedsNameAndStopRulesCanBeOverridden) {
  const auto [sweep, plan] =
      load(kHead + "seeds = 4\n", {"seeds=3,9", "name=other", "stop.diverged.loss_above=5"});
  EXPECT_THAT(sweep.seeds, ElementsAre(3, 9));
  EXPECT_EQ(sweep.name, "other");
  EXPECT_EQ(sweep.stop.loss_above, 5.0);
  EXPECT_THAT(load(kHead, {"seeds=3"}).first.seeds, ElementsAre(0, 1, 2));
}

TEST_F(Sweep, ArrayIsAValueOutsideTheAxes) {
  const auto [sweep, plan] = load(kHead + "[set]\ntrain.tags = [\"p\", \"q\"]\n");
  ASSERT_THAT(plan.points, SizeIs(1));
  EXPECT_THAT(plan.points[0].config.text_list("train.tags"), ElementsAre("p", "q"));
  EXPECT_THAT(labels(kHead + "[sweep.grid]\ntrain.tags = [[\"p\", \"q\"], []]\n"),
              ElementsAre("tags=p,q", "tags="));
}

TEST_F(Sweep, EqualRunsAreMergedWithARemark) {
  const auto [sweep, plan] =
      load(kHead + "[sweep.grid]\ntrain.learning_rate = [0.5, 5e-1, 0.25]\n");
  EXPECT_THAT(plan.points, SizeIs(2));
  EXPECT_THAT(plan.remarks, ElementsAre("1 run was the same as another and merged"));
}

TEST_F(Sweep, NameDefaultsToTheFileAndFiguresAreKept) {
  const auto sweep = load(kHead + "[[figure]]\nname = \"a\"\n[[figure]]\nname = \"b\"\n").first;
  EXPECT_EQ(sweep.name, "sweep");
  EXPECT_THAT(sweep.figures, ElementsAre("a", "b"));
  EXPECT_THAT(sweep.seeds, ElementsAre(0));
}

TEST_F(Sweep, RandomDrawsAreReproducibleAndMoreKeepTheFirst) {
  const auto text = [](int n, int seed) {
    return kHead + "[sweep.random]\nn = " + std::to_string(n) + "\nseed = " + std::to_string(seed) +
           "\ntrain.learning_rate = { log_uniform = [1e-4, 1e-1] }\n"
           "model.width = { choice = [16, 32, 64] }\n"
           "train.batch = { integer = [1, 100] }\n";
  };
  const auto eight = labels(text(8, 0)), sixteen = labels(text(16, 0));
  ASSERT_THAT(sixteen, SizeIs(16));
  EXPECT_EQ(eight, std::vector<std::string>(sixteen.begin(), sixteen.begin() + 8));
  EXPECT_NE(labels(text(8, 1)), eight);
  EXPECT_EQ(std::set<std::string>(sixteen.begin(), sixteen.end()).size(), 16u);
}

TEST_F(Sweep, RandomKeysDoNotDisturbEachOther) {
  const auto one = labels(kHead + "[sweep.random]\nn = 3\ntrain.batch = { integer = [1, 1000] }\n");
  const auto two = labels(kHead +
                          "[sweep.random]\nn = 3\nmodel.width = { integer = [1, 9] }\n"
                          "train.batch = { integer = [1, 1000] }\n");
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_THAT(two[i], HasSubstr(one[i]));
  }
}

TEST_F(Sweep, RandomMultipliesWithTheGrid) {
  EXPECT_THAT(labels(kHead + "[sweep.random]\nn = 3\ntrain.batch = { integer = [1, 1000] }\n"
                             "[sweep.grid]\nmodel.width = [1, 2]\n"),
              SizeIs(6));
}

TEST_F(Sweep, NoComplaintsAboutTheExampleOfTheReference) {
  EXPECT_THAT(
      complaints("schema_version = 1\nname = \"x\"\nexperiment = \"toy\"\nseeds = 3\n"
                 "notes = \"why\"\n[stop.diverged]\nnon_finite = true\nloss_above = 20.0\n"),
      IsEmpty());
}

TEST_F(Sweep, ExtensionsSetWhatTheAxesOfAnotherSweepSet) {
  write("small.toml", "model.heads = 2\ntrain.batch = 3\n");
  write("whole.toml",
        kHead +
            "seeds = 2\n[[figure]]\nname = \"loss\"\n[stop.diverged]\nloss_above = 7\n"
            "[set]\ntrain.steps = 9\n"
            "[sweep.grid]\nmodel.width = [2, 4]\ntrain.batch = [4, 5]\n");
  const std::string extension = "extends = \"whole.toml\"\nbase = \"small.toml\"\n";
  const auto [sweep, plan] = load(extension + "[set]\ntrain.steps = 8\n");
  EXPECT_EQ(sweep.name, "sweep");
  EXPECT_THAT(sweep.figures, ElementsAre("loss"));
  EXPECT_EQ(sweep.stop.loss_above, 7.0);
  EXPECT_THAT(sweep.text, HasSubstr("[sweep.grid]")) << "what ran is stored whole";
  EXPECT_THAT(labels(extension),
              ElementsAre("width=2 seed=0", "width=2 seed=1", "width=4 seed=0", "width=4 seed=1"));
  EXPECT_EQ(plan.points[0].config.integer("train.batch"), 3) << "beats an axis";
  EXPECT_EQ(plan.points[0].config.integer("train.steps"), 8) << "beats [set], there and in base";
  EXPECT_EQ(plan.points[0].config.integer("model.heads"), 2);
  const auto typed = load(extension + "name = \"own\"\nseeds = 1\n", {"train.batch=6"});
  EXPECT_EQ(typed.first.name, "own");
  EXPECT_EQ(typed.second.points.size(), 2U);
  EXPECT_EQ(typed.second.points[0].config.integer("train.batch"), 6) << "the command line is last";
}

}  // namespace
}  // namespace halfulp::test
