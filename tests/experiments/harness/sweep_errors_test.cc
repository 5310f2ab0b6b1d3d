// Every mistake a sweep file can have, with the exact place and words.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/experiments/support/sweep_fixture.h"
#include "tests/experiments/support/toy_kind.h"

namespace halfulp::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SweepErrors : public SweepFixture {
 protected:
  /// Complaints about a sweep of the toy kind whose second line starts `rest`.
  std::vector<std::string> toy(const std::string& rest,
                               const std::vector<std::string>& overrides = {}) const {
    return complaints("experiment = \"toy\"\n" + rest, overrides);
  }
};

TEST_F(SweepErrors, UnknownTopLevelKey) {
  EXPECT_THAT(toy("sedes = 3\n"),
              ElementsAre("sweep.toml:2:1: unknown key 'sedes'; did you mean 'seeds'?"));
}

TEST_F(SweepErrors, Extensions) {
  write("whole.toml", "experiment = \"toy\"\n[sweep.grid]\nmodel.width = [1, 2]\n");
  EXPECT_THAT(
      complaints("extends = \"whole.toml\"\n[set]\nmodel.widht = 3\n"),
      ElementsAre("sweep.toml:3:7: unknown key 'model.widht'; did you mean 'model.width'?"));
  EXPECT_THAT(complaints("extends = \"whole.toml\"\n[sweep.grid]\nmodel.width = [3]\n"),
              ElementsAre("sweep.toml:2:2: 'sweep' is that of the file that this one extends"));
  EXPECT_THAT(complaints("extends = \"gone.toml\"\n"),
              ElementsAre(StartsWith("sweep.toml:1:1: extends: ")));
  EXPECT_THAT(complaints("extends = 3\n"),
              ElementsAre("sweep.toml:1:11: extends: expected a text, got an integer"));
  EXPECT_THAT(complaints("extends = \"sweep.toml\"\n"),
              ElementsAre(HasSubstr("sweep.toml\" extends a file itself")));
}

TEST_F(SweepErrors, FitsAreCheckedBeforeAnythingRuns) {
  EXPECT_THAT(toy("[[fit]]\n"
                  "law = \"chincilla\"\n"
                  "wher = \"loss < 3\"\n"
                  "where = \"model.widht == 3\"\n"
                  "starts = \"many\"\n"
                  "[[fit]]\n"
                  "expression = \"E\"\n"
                  "baseline = \"seed == 0\"\n"
                  "columns = \"N = loss +\"\n"
                  "[[fit]]\n"
                  "expression = \"A*seed\"\n"),
              ElementsAre(StartsWith("sweep.toml:3:7: unknown law 'chincilla'"),
                          "sweep.toml:4:1: unknown key 'fit.wher'; did you mean 'fit.where'?",
                          "sweep.toml:5:9: fit.where: unknown key 'model.widht'; did you mean "
                          "'model.width'?",
                          "sweep.toml:6:10: fit.starts: 'many' is not a whole number from 1 to "
                          "1000000",
                          "sweep.toml:9:12: fit.baseline needs --match COLUMNS",
                          StartsWith("sweep.toml:10:11: fit.columns: column 7 of 'loss +'"),
                          "sweep.toml:11:1: fit: 'expression' is there twice; give a name"));
}

TEST_F(SweepErrors, ExperimentKeyAtTopLevelIsSentToSet) {
  EXPECT_THAT(toy("[model]\nwidth = 3\n"),
              ElementsAre("sweep.toml:2:2: unknown key 'model'; keys of the experiment stand under "
                          "[set] in a sweep file"));
}

TEST_F(SweepErrors, UnknownKeyUnderSetPointsAtItsLastPart) {
  EXPECT_THAT(
      toy("[set]\nmodel.widht = 3\n"),
      ElementsAre("sweep.toml:3:7: unknown key 'model.widht'; did you mean 'model.width'?"));
  EXPECT_THAT(
      toy("[set.model]\n  widht = 3\n"),
      ElementsAre("sweep.toml:3:3: unknown key 'model.widht'; did you mean 'model.width'?"));
  EXPECT_THAT(
      toy("[set]\n\"model.widht\" = 3\n"),
      ElementsAre("sweep.toml:3:1: unknown key 'model.widht'; did you mean 'model.width'?"));
}

TEST_F(SweepErrors, WordsInAnotherOrderAreSuggestedToo) {
  EXPECT_THAT(toy("[set]\ntrain.rate_learning = 1\n"),
              ElementsAre("sweep.toml:3:7: unknown key 'train.rate_learning'; did you mean "
                          "'train.learning_rate'?"));
}

TEST_F(SweepErrors, GroupOfKeysIsNoKey) {
  EXPECT_THAT(toy("[set]\nmodel = 3\n"),
              ElementsAre("sweep.toml:3:1: unknown key 'model'; it is a group of keys, not a key"));
}

TEST_F(SweepErrors, UnknownKeysInTheTablesOfTheHarness) {
  EXPECT_THAT(toy("[sweep.grdi]\n"),
              ElementsAre("sweep.toml:2:8: unknown key 'sweep.grdi'; did you mean 'sweep.grid'?"));
  EXPECT_THAT(toy("[stop.divreged]\n"),
              ElementsAre("sweep.toml:2:7: unknown key 'stop.divreged'; did you mean "
                          "'stop.diverged'?"));
  EXPECT_THAT(toy("[stop.diverged]\nnon_finit = true\n"),
              ElementsAre("sweep.toml:3:1: unknown key 'stop.diverged.non_finit'; did you mean "
                          "'stop.diverged.non_finite'?"));
  EXPECT_THAT(
      toy("[[figure]]\nnmae = \"a\"\n"),
      ElementsAre("sweep.toml:3:1: unknown key 'figure.nmae'; did you mean 'figure.name'?"));
}

TEST_F(SweepErrors, UnknownKeysOfAxesAndExclusions) {
  EXPECT_THAT(
      toy("[sweep.grid]\n\"model.widht\" = [1, 2]\n"),
      ElementsAre("sweep.toml:3:1: unknown key 'model.widht'; did you mean 'model.width'?"));
  EXPECT_THAT(
      toy("[sweep.zip.z]\nmodel.widht = [1, 2]\n"),
      ElementsAre("sweep.toml:3:7: unknown key 'model.widht'; did you mean 'model.width'?"));
  EXPECT_THAT(
      toy("[sweep.random]\nn = 2\nmodel.widht = { integer = [1, 2] }\n"),
      ElementsAre("sweep.toml:4:7: unknown key 'model.widht'; did you mean 'model.width'?"));
  EXPECT_THAT(
      toy("[[sweep.exclude]]\nmodel.widht = 1\n"),
      ElementsAre("sweep.toml:3:7: unknown key 'model.widht'; did you mean 'model.width'?"));
  EXPECT_THAT(
      toy("[sweep.grid]\nsize = [{ model.widht = 1 }]\n"),
      ElementsAre("sweep.toml:3:17: unknown key 'model.widht'; did you mean 'model.width'?"));
}

TEST_F(SweepErrors, WrongTypes) {
  EXPECT_THAT(
      toy("[set]\nmodel.width = \"wide\"\n"),
      ElementsAre("sweep.toml:3:15: model.width: expected an integer, got a text \"wide\""));
  EXPECT_THAT(
      toy("[set]\nmodel.width = 2.5\n"),
      ElementsAre("sweep.toml:3:15: model.width: expected an integer, got a real number 2.5"));
  EXPECT_THAT(toy("[set]\nmodel.tied = 1\n"),
              ElementsAre("sweep.toml:3:14: model.tied: expected true or false, got an integer 1"));
  EXPECT_THAT(toy("[set]\ntrain.learning_rate = 1979-05-27\n"),
              ElementsAre("sweep.toml:3:23: train.learning_rate: expected a number, got a date or "
                          "time"));
  EXPECT_THAT(
      toy("[set]\ntrain.tags = [\"a\", true]\n"),
      ElementsAre(
          "sweep.toml:3:20: train.tags: expected a list of texts or numbers, got a boolean true"));
  EXPECT_THAT(
      toy("[set]\nmodel.width = [1, 2]\n"),
      ElementsAre("sweep.toml:3:15: model.width: expected an integer, got an array (an array "
                  "is an axis only under [sweep.grid] and [sweep.zip.NAME])"));
  EXPECT_THAT(toy("[sweep.grid]\nmodel.width = [1, \"two\", 3]\n"),
              ElementsAre("sweep.toml:3:19: model.width: expected an integer, got a text \"two\""));
}

TEST_F(SweepErrors, OutOfRangeSaysTheRangeAndTheMeaning) {
  EXPECT_THAT(
      toy("[set]\nmodel.width = 0\n"),
      ElementsAre("sweep.toml:3:15: model.width = 0 is out of range: 1 to 4096 (features of "
                  "a layer)"));
  EXPECT_THAT(
      toy("[set]\ntrain.learning_rate = nan\n"),
      ElementsAre("sweep.toml:3:23: train.learning_rate: expected a finite number, got nan"));
}

TEST_F(SweepErrors, BadChoiceListsThem) {
  EXPECT_THAT(
      toy("[set]\ntrain.optimizer = \"adam\"\n"),
      ElementsAre("sweep.toml:3:19: train.optimizer: \"adam\" is none of adamw, sgd; did you "
                  "mean 'adamw'?"));
}

TEST_F(SweepErrors, BadQuantizerForwardsItsColumn) {
  EXPECT_THAT(toy("[set]\nprecision.weight = \"e4m3fm\"\n"),
              ElementsAre(AllOf(StartsWith("sweep.toml:3:20: precision.weight: \"e4m3fm\": "),
                                HasSubstr("column 1"), HasSubstr("e4m3fn"))));
}

TEST_F(SweepErrors, CrossFieldIssueStandsWhereItsKeyIsSet) {
  EXPECT_THAT(
      toy("[set]\nmodel.heads = 3\n"),
      ElementsAre("sweep.toml:3:7: model.heads = 3: model.width 64 is not a multiple of it"));
  EXPECT_THAT(
      toy("[sweep.grid]\nmodel.heads = [2, 3]\n"),
      ElementsAre("sweep.toml:3:19: model.heads = 3: model.width 64 is not a multiple of it"));
  EXPECT_THAT(toy("", {"model.heads=3"}),
              ElementsAre("command line 'model.heads=3': model.heads = 3: model.width 64 is not a "
                          "multiple of it"));
}

TEST_F(SweepErrors, AxesOfAZipMustBeAsLong) {
  EXPECT_THAT(toy("[sweep.zip.z]\ntrain.batch = [1, 2]\ntrain.steps = [3]\n"),
              ElementsAre("sweep.toml:4:15: sweep.zip.z: 'train.steps' has 1 values, 'train.batch' "
                          "has 2"));
}

TEST_F(SweepErrors, EmptyAxis) {
  EXPECT_THAT(toy("[sweep.grid]\nmodel.width = []\n"),
              ElementsAre("sweep.toml:3:15: model.width: empty axis"));
  EXPECT_THAT(toy("[sweep.zip.z]\n"), ElementsAre("sweep.toml:2:12: sweep.zip.z: empty axis"));
}

TEST_F(SweepErrors, DuplicateAxis) {
  const auto lines = toy("[sweep.grid]\nmodel.width = [1]\n[sweep.zip.z]\nmodel.width = [2]\n");
  EXPECT_THAT(lines, ElementsAre("sweep.toml:4:12: 'model.width' is already an axis at "
                                 "sweep.toml:3:7"));
  EXPECT_THAT(toy("[sweep.grid]\nmodel.width = [1]\n\"model.width\" = [2]\n"),
              ElementsAre("sweep.toml:4:1: 'model.width' is already an axis at sweep.toml:3:7"));
}

TEST_F(SweepErrors, ConstantSetTwice) {
  EXPECT_THAT(toy("[set]\nmodel.width = 1\n\"model.width\" = 2\n"),
              ElementsAre("sweep.toml:4:1: 'model.width' is set twice in this file"));
}

TEST_F(SweepErrors, ScalarIsNoAxis) {
  EXPECT_THAT(toy("[sweep.grid]\nmodel.width = 3\n"),
              ElementsAre("sweep.toml:3:15: model.width: an axis is an array or a range, got an "
                          "integer; a constant stands under [set]"));
}

TEST_F(SweepErrors, MissingOrUnknownExperiment) {
  EXPECT_THAT(
      complaints("name = \"x\"\n"),
      ElementsAre("sweep.toml: no experiment is named; add experiment = \"...\" with one of: "
                  "toy"));
  EXPECT_THAT(
      complaints("experiment = \"toi\"\n[set]\nmodel.widht = 1\n"),
      ElementsAre("sweep.toml:1:14: unknown experiment \"toi\"; did you mean 'toy'? (known: "
                  "toy)",
                  "sweep.toml:3:7: unknown key 'model.widht'; did you mean 'model.width'?"));
}

TEST_F(SweepErrors, Syntax) {
  EXPECT_THAT(toy("name = \n"), ElementsAre(StartsWith("sweep.toml:2:8: Error while parsing")));
  EXPECT_THAT(toy("[/"), ElementsAre(StartsWith("sweep.toml:2:2: Error while parsing")));
  EXPECT_THAT(toy("seeds = 1\nseeds = 2\n"), ElementsAre(StartsWith("sweep.toml:3:")));
}

TEST_F(SweepErrors, BaseFiles) {
  EXPECT_THAT(toy("base = \"none.toml\"\n"),
              ElementsAre(AllOf(StartsWith("sweep.toml:2:8: base: none.toml: "),
                                HasSubstr("No such file"))));
  write("base.toml", "[model]\nwidht = 3\n[set]\nmodel.width = 3\n");
  EXPECT_THAT(toy("base = \"base.toml\"\n"),
              ElementsAre("base.toml:2:1: unknown key 'model.widht'; did you mean 'model.width'?",
                          "base.toml:4:7: unknown key 'set.model.width'; did you mean "
                          "'model.width'?"));
  write("base.toml", "width = = 3\n");
  EXPECT_THAT(toy("base = [\"base.toml\"]\n"), ElementsAre(StartsWith("base.toml:1:")));
  write("base.toml", "base = \"base.toml\"\n");
  EXPECT_THAT(toy("base = \"base.toml\"\n"),
              ElementsAre("base.toml:1:8: base: \"base.toml\" includes itself"));
  EXPECT_THAT(toy("[sweep.grid]\nx = [{ base = \"none.toml\" }]\n"),
              ElementsAre(AllOf(StartsWith("sweep.toml:3:15: base: none.toml: "),
                                HasSubstr("No such file"))));
}

TEST_F(SweepErrors, HeaderValues) {
  EXPECT_THAT(toy("schema_version = 2\n"),
              ElementsAre("sweep.toml:2:18: schema_version 2 is not known; this program reads 1"));
  EXPECT_THAT(
      toy("name = \"a/b\"\n"),
      ElementsAre("sweep.toml:2:8: name \"a/b\": it names a folder; use letters, digits, '_', "
                  "'-', '.'"));
  EXPECT_THAT(toy("seeds = 0\n"),
              ElementsAre("sweep.toml:2:9: seeds: expected a count from 1 to 100000 or a list of "
                          "seeds"));
  EXPECT_THAT(toy("seeds = [1, 2, 1]\n"), ElementsAre("sweep.toml:2:16: seeds: 1 is given twice"));
  EXPECT_THAT(toy("seeds = [1, -2]\n"),
              ElementsAre("sweep.toml:2:13: seeds: a seed is a whole number, 0 or above"));
  EXPECT_THAT(
      toy("[stop.diverged]\nloss_above = \"x\"\n"),
      ElementsAre("sweep.toml:3:14: stop.diverged.loss_above: expected a number, got a text "
                  "\"x\""));
}

TEST_F(SweepErrors, Ranges) {
  EXPECT_THAT(toy("[sweep.grid]\nmodel.width = { start = 1, stpo = 3, num = 2 }\n"),
              ElementsAre("sweep.toml:3:28: model.width: unknown key 'stpo'; did you mean 'stop'? "
                          "(known: start, stop, num, step, logspace, pow2)"));
  EXPECT_THAT(
      toy("[sweep.grid]\nmodel.width = { start = 1, stop = 3 }\n"),
      ElementsAre("sweep.toml:3:15: model.width: expected { start = a, stop = b, num = n } or "
                  "{ start = a, stop = b, step = s }"));
  EXPECT_THAT(
      toy("[sweep.grid]\nmodel.width = { start = 1, stop = 4, num = 3 }\n"),
      ElementsAre("sweep.toml:3:15: model.width: expected an integer, got a real number 2.5"));
  EXPECT_THAT(toy("[sweep.grid]\nmodel.width = { logspace = [0, 4, 3] }\n"),
              ElementsAre("sweep.toml:3:28: model.width: logspace needs ends above 0 and a whole "
                          "count of at least 2"));
  EXPECT_THAT(toy("[sweep.grid]\nmodel.width = { pow2 = [3] }\n"),
              ElementsAre("sweep.toml:3:24: model.width: expected { pow2 = [a, b] }"));
}

TEST_F(SweepErrors, Random) {
  EXPECT_THAT(toy("[sweep.random]\ntrain.batch = { integer = [1, 2] }\n"),
              ElementsAre("sweep.toml:2:8: sweep.random: n, the number of draws, is missing"));
  EXPECT_THAT(toy("[sweep.random]\nn = 2\ntrain.batch = { intger = [1, 2] }\n"),
              ElementsAre(StartsWith("sweep.toml:4:17: train.batch: unknown key 'intger'; did you "
                                     "mean 'integer'?")));
  EXPECT_THAT(toy("[sweep.random]\nn = 2\ntrain.batch = { integer = [2, 1] }\n"),
              ElementsAre("sweep.toml:4:27: train.batch: integer needs low <= high, both whole "
                          "numbers"));
  EXPECT_THAT(toy("[sweep.random]\nn = 2\ntrain.batch = [1, 2]\n"),
              ElementsAre(StartsWith("sweep.toml:4:15: train.batch: expected one distribution")));
}

TEST_F(SweepErrors, CommandLine) {
  EXPECT_THAT(
      toy("", {"model.widht=3", "model.width=x", "=3", "seeds=x"}),
      ElementsAre("command line '=3': expected key=value",
                  "command line 'model.widht=3': unknown key 'model.widht'; did you mean "
                  "'model.width'?",
                  "command line 'model.width=x': model.width: expected an integer, got a "
                  "text \"x\"",
                  "command line 'seeds=x': seeds: expected a count or a list such as 1,2,3"));
}

TEST_F(SweepErrors, AllAreReportedInOnePassInFileOrder) {
  EXPECT_THAT(toy("sedes = 3\n"
                  "[set]\nmodel.widht = 3\nmodel.heads = 0\n"
                  "[sweep.grid]\ntrain.batch = []\n"
                  "[stop.diverged]\nloss = 3\n",
                  {"train.step=3"}),
              ElementsAre(StartsWith("sweep.toml:2:1: unknown key 'sedes'"),
                          StartsWith("sweep.toml:4:7: unknown key 'model.widht'"),
                          StartsWith("sweep.toml:5:15: model.heads = 0 is out of range"),
                          StartsWith("sweep.toml:7:15: train.batch: empty axis"),
                          StartsWith("sweep.toml:9:1: unknown key 'stop.diverged.loss'"),
                          StartsWith("command line 'train.step=3': unknown key 'train.step'")));
}

TEST_F(SweepErrors, TypingErrorDoesNotHideOrInventACrossFieldIssue) {
  // With the default width 64, three heads would not fit: but the user meant 48.
  EXPECT_THAT(toy("[set]\nmodel.widht = 48\nmodel.heads = 3\n"),
              ElementsAre(StartsWith("sweep.toml:3:7: unknown key 'model.widht'")));
  EXPECT_THAT(toy("[set]\nmodel.widht = 50\nmodel.heads = 3\n"),
              ElementsAre(StartsWith("sweep.toml:3:7: unknown key 'model.widht'"),
                          StartsWith("sweep.toml:4:7: model.heads = 3: model.width 50")));
}

TEST_F(SweepErrors, EverythingExcluded) {
  EXPECT_THAT(toy("[[sweep.exclude]]\nmodel.width = 64\n"),
              ElementsAre("sweep.toml: every run of the sweep is excluded"));
}

TEST_F(SweepErrors, TooManyRuns) {
  EXPECT_THAT(
      toy("seeds = 100000\n[sweep.grid]\nmodel.width = { start = 1, stop = 11, step = 1 }\n"),
      ElementsAre("sweep.toml: the sweep has more than 1000000 runs"));
}

TEST_F(SweepErrors, DamagedFilesAreRefusedWithoutHarm) {
  const std::string whole =
      "schema_version = 1\nexperiment = \"toy\"\nseeds = [1, 2]\n[set]\ntrain.tags = [\"a\"]\n"
      "[sweep.grid]\nmodel.width = [1, 2]\nx = [{ model.heads = 1 }]\n"
      "train.batch = { start = 1, stop = 3, num = 3 }\n"
      "[sweep.zip.z]\ntrain.steps = { pow2 = [1, 2] }\n\"train.optimizer\" = [\"sgd\", \"adamw\"]\n"
      "[sweep.random]\nn = 2\ntrain.learning_rate = { log_uniform = [1e-4, 1e-1] }\n"
      "[[sweep.exclude]]\nmodel.width = [2]\n[stop.diverged]\nloss_above = 2\n"
      "[[figure]]\nname = \"f\"\n";
  const std::string replacements = "[]{}=.\"', \n#-0a";
  std::uint32_t state = 1;
  const auto random = [&](std::size_t bound) {
    state = state * 1664525u + 1013904223u;
    return static_cast<std::size_t>(state >> 8) % bound;
  };
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text = whole;
    for (std::size_t edits = 1 + random(3); edits > 0; --edits) {
      const std::size_t at = random(text.size());
      if (random(2) == 0) {
        text.erase(at, 1 + random(12));
      } else {
        text[at] = replacements[random(replacements.size())];
      }
    }
    harness::Diagnostics diagnostics;
    // A new file each time: ext4 flushes one that is truncated and written again.
    const std::string file = write(std::to_string(i) + ".toml", text);
    harness::read_sweep(file, {}, toy_kinds(), diagnostics);
    std::filesystem::remove(file);
    refused += diagnostics.empty() ? 0 : 1;
  }
  EXPECT_GT(refused, 2000);
  EXPECT_LT(refused, 3000);
}

}  // namespace
}  // namespace halfulp::test
