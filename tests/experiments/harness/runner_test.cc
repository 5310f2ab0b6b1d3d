// Runs of the toy kind in real worker processes.
#include "experiments/harness/runner.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "experiments/harness/journal.h"
#include "experiments/harness/worker.h"
#include "experiments/store/atomic_file.h"
#include "experiments/store/io_error.h"
#include "tests/experiments/support/sweep_fixture.h"

namespace halfulp::test {
namespace {

using harness::RunFolder;
using harness::RunInfo;
using harness::RunnerOptions;
using harness::RunState;
using harness::RunSummary;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RunnerTest : public SweepFixture {
 protected:
  RunFolder folder() const { return {path("out"), "sweep"}; }

  /// Runs every point of the sweep with this text and says what became of them.
  RunSummary run(const std::string& text, bool retry_failed = false, int jobs = 2) {
    std::tie(sweep_, plan_) = load("experiment = \"toy\"\n" + text);
    std::vector<std::size_t> all(plan_.points.size());
    std::iota(all.begin(), all.end(), 0u);
    RunnerOptions options;
    options.jobs = jobs;
    options.retry_failed = retry_failed;
    options.progress = harness::ProgressMode::none;
    folder().create(sweep_);
    ::testing::internal::CaptureStderr();
    RunSummary summary = harness::run_points(sweep_, plan_, all, folder(), options);
    messages_ = ::testing::internal::GetCapturedStderr();
    return summary;
  }

  RunInfo inspect(std::size_t point) const { return folder().inspect(plan_.points[point].id); }

  /// How many runs have started so far, from the log that text_with_log() asks for.
  std::size_t started() const {
    std::ifstream log(path("log"));
    return static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(log), {}, '\n'));
  }

  std::string with_log(const std::string& rest) const {
    return "seeds = 4\n[set]\ntoy.log_file = \"" + path("log") + "\"\n" + rest;
  }

  bool exists(const std::string& file) const { return std::filesystem::exists(file); }

  harness::Sweep sweep_;
  harness::Plan plan_;
  std::string messages_;
};

TEST_F(RunnerTest, StoresWhatTheKindReturned) {
  const RunSummary summary = run("seeds = [3]\n[set]\nmodel.width = 128\n");
  EXPECT_EQ(summary.done, 1u);
  const RunRecord record = read_run(folder().run_file(plan_.points[0].id));
  EXPECT_EQ(record.run_id, plan_.points[0].id);
  EXPECT_EQ(record.experiment, "toy");
  EXPECT_EQ(record.seed, 3);
  EXPECT_EQ(record.numerics, "binary32+tensor+unscaled+nearest_even+saturate");
  EXPECT_EQ(record.config.values(), plan_.points[0].config.values());
  ASSERT_THAT(record.result.metrics, SizeIs(1));
  EXPECT_EQ(record.result.metrics[0].value, 128.0 / 16 + 3);
  ASSERT_THAT(record.result.curves, SizeIs(1));
  EXPECT_THAT(record.result.curves[0].steps, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(record.result.curves[0].values, ElementsAre(67, 35, 19, 11));
  EXPECT_GT(record.wall_seconds, 0);
  EXPECT_THAT(record.provenance.started_utc, ::testing::MatchesRegex("....-..-..T..:..:..Z"));
  EXPECT_FALSE(exists(folder().journal_file(plan_.points[0].id)));
}

TEST_F(RunnerTest, SecondTimeRunsNothing) {
  EXPECT_EQ(run(with_log("")).done, 4u);
  EXPECT_EQ(started(), 4u);
  const RunSummary again = run(with_log(""));
  EXPECT_EQ(again.done, 4u);
  EXPECT_EQ(again.found, 4u);
  EXPECT_EQ(started(), 4u);
}

TEST_F(RunnerTest, NewValueOnAnAxisRunsOnlyTheNewPoints) {
  run(with_log("[sweep.grid]\nmodel.width = [8]\n"));
  run(with_log("[sweep.grid]\nmodel.width = [8, 16]\n"));
  EXPECT_EQ(started(), 8u);
}

TEST_F(RunnerTest, UnreadableResultIsReportedAndRunAgain) {
  run(with_log(""));
  const std::string file = folder().run_file(plan_.points[1].id);
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  EXPECT_TRUE(inspect(1).unreadable);
  EXPECT_EQ(inspect(1).state, RunState::pending);
  const RunSummary again = run(with_log(""));
  EXPECT_EQ(again.done, 4u);
  EXPECT_EQ(again.found, 3u);
  EXPECT_EQ(started(), 5u);
  EXPECT_THAT(messages_, AllOf(HasSubstr(file), HasSubstr("it is computed again")));
  EXPECT_EQ(inspect(1).state, RunState::done);
}

TEST_F(RunnerTest, ResultOfAnotherRunUnderThisNameIsRefused) {
  run(with_log(""));
  std::filesystem::copy_file(folder().run_file(plan_.points[0].id),
                             folder().run_file(plan_.points[1].id),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(run(with_log("")).found, 3u);
  EXPECT_EQ(read_run(folder().run_file(plan_.points[1].id)).seed, 1);
}

TEST_F(RunnerTest, DivergedRunIsDone) {
  const RunSummary summary = run("[set]\ntoy.action = \"diverge\"\n");
  EXPECT_EQ(summary.diverged, 1u);
  EXPECT_THAT(summary.failed, IsEmpty());
  EXPECT_EQ(inspect(0).state, RunState::diverged);
  EXPECT_EQ(inspect(0).reason, "loss not finite or too high at step 2");
  EXPECT_EQ(run("[set]\ntoy.action = \"diverge\"\n").found, 1u);
}

TEST_F(RunnerTest, StopRulesReachTheRun) {
  const RunSummary summary = run("[stop.diverged]\nloss_above = 20.0\n");
  EXPECT_EQ(summary.diverged, 1u);
  EXPECT_EQ(inspect(0).reason, "loss not finite or too high at step 1");
}

TEST_F(RunnerTest, ExceptionFailsOneRunAndTheOthersGoOn) {
  const RunSummary summary =
      run("[sweep.grid]\ntoy.action = [\"throw\", \"none\", \"diverge\"]\n", false, 1);
  EXPECT_EQ(summary.done, 1u);
  EXPECT_EQ(summary.diverged, 1u);
  ASSERT_THAT(summary.failed, SizeIs(1));
  EXPECT_EQ(summary.failed[0].reason, "the toy threw");
  EXPECT_EQ(inspect(0).state, RunState::failed);
  EXPECT_EQ(inspect(0).reason, "the toy threw");
  EXPECT_EQ(inspect(0).done, 1) << "the journal stays for a look";
  EXPECT_THAT(messages_, HasSubstr("failed: the toy threw"));
}

TEST_F(RunnerTest, CrashNamesItsSignal) {
  ASSERT_THAT(run("[set]\ntoy.action = \"crash\"\n").failed, SizeIs(1));
  EXPECT_EQ(inspect(0).reason, "killed by SIGSEGV (Segmentation fault)");
}

TEST_F(RunnerTest, EarlyExitIsAFailure) {
  ASSERT_THAT(run("[set]\ntoy.action = \"exit\"\n").failed, SizeIs(1));
  EXPECT_EQ(inspect(0).reason, "the worker ended with code 3 and no result");
}

TEST_F(RunnerTest, WhatAFailingRunPrintedIsKept) {
  run("[set]\ntoy.action = \"print\"\n");
  EXPECT_EQ(read_file(folder().failed_file(plan_.points[0].id)),
            "after printing\n\nlast output:\na warning of the toy\n\n");
}

TEST_F(RunnerTest, FailedRunIsLeftAloneUnlessAskedFor) {
  const std::string text = with_log("toy.action = \"throw\"\n");
  EXPECT_THAT(run(text).failed, SizeIs(4));
  EXPECT_EQ(started(), 4u);
  EXPECT_THAT(run(text).failed, SizeIs(4));
  EXPECT_EQ(started(), 4u);
  EXPECT_THAT(run(text, true).failed, SizeIs(4));
  EXPECT_EQ(started(), 8u);
}

TEST_F(RunnerTest, SuccessAfterFailureClearsIt) {
  run("");
  std::filesystem::remove(folder().run_file(plan_.points[0].id));
  folder().write_failed(plan_.points[0].id, "no luck");
  EXPECT_EQ(inspect(0).state, RunState::failed);
  EXPECT_EQ(run("", true).done, 1u);
  EXPECT_EQ(inspect(0).state, RunState::done);
  EXPECT_FALSE(exists(folder().failed_file(plan_.points[0].id)));
}

TEST_F(RunnerTest, RunOfAnotherProcessIsLeftToIt) {
  std::tie(sweep_, plan_) = load("experiment = \"toy\"\nseeds = 2\n");
  folder().create(sweep_);
  const harness::JournalWriter other(folder().journal_file(plan_.points[1].id));
  EXPECT_EQ(inspect(1).state, RunState::running);
  const RunSummary summary = run("seeds = 2\n");
  EXPECT_EQ(summary.done, 1u);
  EXPECT_EQ(summary.taken, 1u);
}

TEST_F(RunnerTest, SignalStopsAndTheSameCommandContinues) {
  const std::string text = with_log("train.steps = 1000000\ntoy.sleep_ms = 20\n");
  const pid_t runner = ::getpid();
  const pid_t killer = ::fork();
  if (killer == 0) {
    ::usleep(300'000);
    ::kill(runner, SIGINT);
    ::_exit(0);
  }
  const RunSummary summary = run(text);
  EXPECT_EQ(summary.signal, SIGINT);
  EXPECT_EQ(summary.remaining(), 4u);
  EXPECT_THAT(summary.failed, IsEmpty()) << "a run that we stopped has not failed";
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(inspect(i).state, RunState::pending);
    EXPECT_FALSE(exists(folder().journal_file(plan_.points[i].id)));
  }
  EXPECT_EQ(started(), 2u);
}

TEST_F(RunnerTest, OrderAndNumberOfWorkersChangeNoResult) {
  const std::string text = "seeds = 3\n[sweep.grid]\nmodel.width = [8, 16]\ntrain.steps = [2, 9]\n";
  run(text, false, 1);
  folder().merge(sweep_, plan_);
  const std::string one = content_hash(folder().results_file());
  std::filesystem::remove_all(folder().path());
  run(text, false, 5);
  folder().merge(sweep_, plan_);
  EXPECT_EQ(content_hash(folder().results_file()), one);
  std::filesystem::remove_all(folder().path());
  run("seeds = [0, 1, 3]\n[sweep.grid]\nmodel.width = [8, 16]\ntrain.steps = [2, 9]\n");
  folder().merge(sweep_, plan_);
  EXPECT_NE(content_hash(folder().results_file()), one) << "another seed is another result";
}

TEST_F(RunnerTest, MergeKeepsTheOrderOfTheSweep) {
  run("seeds = 2\n[sweep.grid]\ntrain.steps = [2, 9, 4]\n");
  EXPECT_EQ(folder().merge(sweep_, plan_), 6u);
  EXPECT_THAT(check_results(folder().results_file()), IsEmpty());
}

TEST_F(RunnerTest, FolderThatCannotBeMadeIsAnIoError) {
  write("out", "a file where the folder should be");
  EXPECT_THROW(run(""), IoError);
}

TEST_F(RunnerTest, ResultThatCannotBeStoredIsKeptElsewhereAndStopsTheSweep) {
  std::tie(sweep_, plan_) = load("experiment = \"toy\"\nseeds = 3\n");
  // A folder where the result should be: the rename fails, whoever runs the test.
  for (const auto& point : plan_.points) {
    std::filesystem::create_directories(folder().run_file(point.id) + "/x");
  }
  const char* before = std::getenv("TMPDIR");
  const std::string restored = before == nullptr ? "" : before;
  ::setenv("TMPDIR", folder_.c_str(), 1);
  const RunSummary summary = run("seeds = 3\n", false, 1);
  before == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", restored.c_str(), 1);
  EXPECT_EQ(summary.done, 0u);
  EXPECT_EQ(summary.remaining(), 3u);
  EXPECT_THAT(summary.io_error, HasSubstr("the result is kept as "));
  EXPECT_EQ(read_run(path(plan_.points[0].id + ".h5")).run_id, plan_.points[0].id);
  EXPECT_FALSE(exists(path(plan_.points[1].id + ".h5"))) << "no further run may be started";
}

TEST_F(RunnerTest, WorkerThatFindsItsRunTakenLeavesIt) {
  std::tie(sweep_, plan_) = load("experiment = \"toy\"\n" + with_log(""));
  const RunFolder where = folder();
  where.create(sweep_);
  const std::string& id = plan_.points[0].id;
  const harness::JournalWriter other(where.journal_file(id));
  harness::Worker worker({sweep_.kind, &plan_.points[0], sweep_.stop, &where, {}});
  std::vector<harness::Message> messages;
  while (!worker.is_finished()) {
    for (auto& message : worker.read_messages()) {
      messages.push_back(std::move(message));
    }
    ::usleep(1000);
  }
  EXPECT_EQ(worker.wait(), "");
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_EQ(messages[0].type, harness::MessageType::taken);
  EXPECT_EQ(started(), 0u);
}

TEST(UsableCpus, IsAtLeastOne) { EXPECT_GE(harness::usable_cpus(), 1); }

}  // namespace
}  // namespace halfulp::test
