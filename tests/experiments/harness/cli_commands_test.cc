#include "experiments/harness/cli_commands.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <numeric>

#include "experiments/harness/journal.h"
#include "experiments/harness/schema.h"
#include "tests/experiments/support/sweep_fixture.h"
#include "tests/experiments/support/toy_kind.h"

namespace halfulp::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CliCommands : public SweepFixture {
 protected:
  harness::Sweep sweep_;
  harness::Plan plan_;
  std::vector<std::size_t> all_;

  harness::RunFolder folder() const { return {path("out"), "sweep"}; }

  void prepare(const std::string& text) {
    std::tie(sweep_, plan_) = load("experiment = \"toy\"\n" + text);
    all_.resize(plan_.points.size());
    std::iota(all_.begin(), all_.end(), 0u);
  }

  std::vector<std::size_t> select(const harness::Options& options) const {
    return harness::select_points(options, sweep_, plan_);
  }
};

TEST_F(CliCommands, SelectCombinesFilterIdsAndLimit) {
  prepare("seeds = 3\n[sweep.grid]\nmodel.width = [8, 16]\n");
  harness::Options options;
  EXPECT_THAT(select(options), ElementsAre(0, 1, 2, 3, 4, 5));
  options.filter = "seed != 1";
  EXPECT_THAT(select(options), ElementsAre(0, 2, 3, 5));
  options.only = {plan_.points[5].id.substr(0, 6), plan_.points[0].id, plan_.points[1].id};
  EXPECT_THAT(select(options), ElementsAre(0, 5));
  options.limit = 1;
  EXPECT_THAT(select(options), ElementsAre(0));
  options.only = {"ffffffffffffffff"};
  EXPECT_THROW(select(options), harness::ConfigError);
}

TEST_F(CliCommands, DryRunShowsAxesRunsAndTime) {
  prepare(
      "seeds = 2\n[set]\ntoy.sleep_ms = 999\n"
      "[sweep.grid]\nmodel.width = [8, 16]\n"
      "[sweep.zip.z]\ntrain.steps = [10, 20]\ntrain.batch = [1, 2]\n"
      "[[sweep.exclude]]\nmodel.width = 8\ntrain.steps = 20\n");
  harness::Options options;
  options.jobs = 2;
  EXPECT_EQ(harness::dry_run_text(options, sweep_, plan_, all_, folder()),
            "sweep (toy), results in " + path("out/sweep") +
                "\n\naxes, the first varies slowest:\n"
                "  model.width  2  8, 16\n"
                "  z            2  train.steps=10 train.batch=1 | train.steps=20 train.batch=2\n"
                "  seed         2  0, 1\n"
                "\n"
                "id                status   time  width  steps  batch  seed\n" +
                plan_.points[0].id + "  pending  10 s  8      10     1      0\n" +
                plan_.points[1].id + "  pending  10 s  8      10     1      1\n" +
                plan_.points[2].id + "  pending  10 s  16     10     1      0\n" +
                plan_.points[3].id + "  pending  10 s  16     10     1      1\n" +
                plan_.points[4].id + "  pending  20 s  16     20     2      0\n" +
                plan_.points[5].id +
                "  pending  20 s  16     20     2      1\n"
                "\n"
                "6 runs: 6 pending; 2 excluded\n"
                "to run: 6, about 1 min 20 s of work, 40 s with -j 2\n");
  EXPECT_FALSE(std::filesystem::exists(path("out")));
}

TEST_F(CliCommands, StatusShowsRunningAndFailedRuns) {
  prepare("seeds = 3\n");
  folder().create(sweep_);
  harness::JournalWriter journal(folder().journal_file(plan_.points[0].id));
  journal.append(34, 100, 2.5);
  folder().write_failed(plan_.points[1].id, "no luck\nmore of it");
  const std::string text = harness::status_text(sweep_, plan_, folder());
  EXPECT_THAT(text, HasSubstr("3 runs: 1 pending, 1 running, 1 failed\n"));
  EXPECT_THAT(text,
              HasSubstr("running:\n  " + plan_.points[0].id + "  seed=0  step 34/100  loss 2.5  "));
  EXPECT_THAT(text, HasSubstr("failed:\n  " + plan_.points[1].id + "  seed=1  no luck\n"));
}

TEST_F(CliCommands, ListIsOneLineForEachRun) {
  prepare("seeds = [4]\n[sweep.grid]\nmodel.width = [8, 16]\n");
  EXPECT_EQ(
      harness::list_text(sweep_, plan_, all_, folder()),
      plan_.points[0].id + "  pending  width=8\n" + plan_.points[1].id + "  pending  width=16\n");
}

TEST_F(CliCommands, HelpOfAKindIsATableOfItsKeys) {
  const std::string text = harness::kind_help(toy_kinds().front());
  EXPECT_THAT(text, HasSubstr("\nkey                  type       default     range  "));
  EXPECT_THAT(text, HasSubstr("\nmodel.width          integer    64          1 to 4096  "));
  EXPECT_THAT(text, HasSubstr("\ntrain.optimizer      choice     \"adamw\"     adamw, sgd  "));
}

TEST(ExperimentKinds, DefaultsAreValidAndPassTheChecks) {
  for (const ExperimentKind& kind : experiment_kinds()) {
    const Config config = harness::Schema(kind.fields).defaults();
    EXPECT_EQ(config.values().size(), kind.fields.size()) << "a key is declared twice";
    EXPECT_THAT(kind.check(config), IsEmpty()) << kind.name;
    EXPECT_GT(kind.estimate_seconds(config), 0) << kind.name;
    EXPECT_FALSE(kind.numerics(config).empty()) << kind.name;
  }
}

}  // namespace
}  // namespace halfulp::test
