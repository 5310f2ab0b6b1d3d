#include <gmock/gmock.h>

#include <set>

#include "experiments/harness/cli_commands.h"
#include "tests/experiments/support/sweep_fixture.h"

namespace halfulp::test {
namespace {

class RunId : public SweepFixture {
 protected:
  std::string id(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    return load(text, overrides).second.points.at(0).id;
  }
};

TEST_F(RunId, IsTheHashOfTheCanonicalText) {
  // printf '...' | xxhsum -H3 (xxHash 0.8.1) of these lines, each closed by a newline:
  // experiment=toy model.heads=1 model.tied=true model.width=64 precision.weight=binary32
  // toy.action=none train.batch=8 train.learning_rate=0.001 train.optimizer=adamw train.steps=4
  // train.tags=a,b seed=0 stop.diverged.non_finite=true stop.diverged.loss_above=1e+308
  EXPECT_EQ(id("experiment = \"toy\"\n"), "577a4bdb5968fd1f");
}

TEST_F(RunId, DoesNotDependOnOrderCommentsNamesOrSpelling) {
  const std::string expected =
      id("experiment = \"toy\"\nname = \"a\"\n[set]\nmodel.width = 8\ntrain.batch = 2\n"
         "precision.weight = \"e4m3fn\"\n");
  EXPECT_EQ(id("# why\nname = \"b\"\nnotes = \"n\"\nexperiment = \"toy\"\n"
               "[set]\nprecision.weight = \"E4M3\"\n\"train.batch\" = 2.0 # two\n"
               "[sweep.grid]\nmodel.width = [8]\n[[figure]]\nname = \"f\"\n"),
            expected);
  EXPECT_EQ(id("experiment = \"toy\"\n",
               {"train.batch=2", "model.width=8", "precision.weight=torch.float8_e4m3fn"}),
            expected);
}

TEST_F(RunId, DoesNotDependOnKeysThatChangeNoNumber) {
  EXPECT_EQ(id("experiment = \"toy\"\n", {"toy.sleep_ms=5", "toy.log_file=x"}),
            id("experiment = \"toy\"\n"));
}

TEST_F(RunId, DependsOnEverythingThatChangesNumbers) {
  std::set<std::string> ids;
  const std::vector<std::vector<std::string>> variants = {
      {},
      {"model.width=128"},
      {"model.tied=false"},
      {"precision.weight=int4"},
      {"train.learning_rate=0.0010000000000000002"},
      {"train.tags=a"},
      {"train.tags=a,b,c"},
      {"seeds=[1]"},
      {"stop.diverged.loss_above=20"},
      {"stop.diverged.non_finite=false"},
  };
  for (const auto& overrides : variants) {
    ids.insert(id("experiment = \"toy\"\n", overrides));
  }
  EXPECT_EQ(ids.size(), variants.size());
}

TEST_F(RunId, DoesNotDependOnTheSizeOfTheSweep) {
  const std::string one = id("experiment = \"toy\"\n[set]\nmodel.width = 32\n");
  const auto plan =
      load("experiment = \"toy\"\nseeds = 2\n[sweep.grid]\nmodel.width = [16, 32]\n").second;
  EXPECT_EQ(plan.points.at(2).id, one);
}

TEST_F(RunId, PrintedConfigurationGivesTheSameRun) {
  const auto [sweep, plan] = load(
      "experiment = \"toy\"\nname = \"n\"\nseeds = [3]\n"
      "[set]\ntrain.learning_rate = 3.3e-5\nprecision.weight = \"e4m3fn\"\n"
      "train.tags = [\"q\\\"uote\", \"back\\\\slash\"]\ntoy.log_file = \"a b\"\n"
      "[stop.diverged]\nloss_above = 12.5\nnon_finite = false\n");
  const auto again = load(harness::print_config_text(sweep, plan.points.at(0)));
  EXPECT_EQ(again.second.points.at(0).id, plan.points.at(0).id);
  EXPECT_EQ(again.second.points.at(0).config.values(), plan.points.at(0).config.values());
  EXPECT_EQ(again.first.name, "n");
}

}  // namespace
}  // namespace halfulp::test
