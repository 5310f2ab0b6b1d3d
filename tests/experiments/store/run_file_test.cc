#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <random>
#include <thread>

#include "experiments/store/io_error.h"
#include "experiments/store/run_record.h"
#include "tests/experiments/store/store_samples.h"

namespace halfulp {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

void expect_same(const RunResult& actual, const RunResult& expected) {
  EXPECT_EQ(actual.status, expected.status);
  EXPECT_EQ(actual.reason, expected.reason);
  EXPECT_EQ(actual.facts, expected.facts);
  ASSERT_EQ(actual.metrics.size(), expected.metrics.size());
  for (std::size_t i = 0; i < actual.metrics.size(); ++i) {
    EXPECT_EQ(actual.metrics[i].name, expected.metrics[i].name);
    EXPECT_EQ(bits(actual.metrics[i].value), bits(expected.metrics[i].value));
    EXPECT_EQ(actual.metrics[i].units, expected.metrics[i].units);
    EXPECT_EQ(actual.metrics[i].long_name, expected.metrics[i].long_name);
    EXPECT_EQ(actual.metrics[i].reproducible, expected.metrics[i].reproducible);
  }
  ASSERT_EQ(actual.curves.size(), expected.curves.size());
  for (std::size_t i = 0; i < actual.curves.size(); ++i) {
    EXPECT_EQ(actual.curves[i].name, expected.curves[i].name);
    EXPECT_EQ(actual.curves[i].units, expected.curves[i].units);
    EXPECT_EQ(actual.curves[i].long_name, expected.curves[i].long_name);
    EXPECT_EQ(actual.curves[i].steps, expected.curves[i].steps);
    EXPECT_THAT(actual.curves[i].values,
                ::testing::Pointwise(::testing::NanSensitiveDoubleEq(), expected.curves[i].values));
  }
}

void expect_same(const RunRecord& actual, const RunRecord& expected) {
  EXPECT_EQ(actual.run_id, expected.run_id);
  EXPECT_EQ(actual.experiment, expected.experiment);
  EXPECT_EQ(actual.numerics, expected.numerics);
  EXPECT_EQ(actual.seed, expected.seed);
  EXPECT_EQ(actual.config.values(), expected.config.values());
  expect_same(actual.result, expected.result);
  EXPECT_EQ(actual.wall_seconds, expected.wall_seconds);
  EXPECT_EQ(actual.cpu_seconds, expected.cpu_seconds);
  EXPECT_EQ(actual.provenance.commit, expected.provenance.commit);
  EXPECT_EQ(actual.provenance.dirty_diff, expected.provenance.dirty_diff);
  EXPECT_EQ(actual.provenance.command_line, expected.provenance.command_line);
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const IoError& error) {
    return error.what();
  }
  return "no IoError";
}

TEST(RunFile, ReadsBackWhatWasWritten) {
  const TemporaryFolder folder;
  const RunRecord record = sample_record(3);
  write_run(folder / "run.h5", record);
  expect_same(read_run(folder / "run.h5"), record);
  EXPECT_EQ(folder.count_files(), 1U);
}

TEST(RunFile, KeepsEdgeValues) {
  const TemporaryFolder folder;
  RunRecord record = sample_record(0);
  const double inf = std::numeric_limits<double>::infinity();
  record.config = Config();
  record.config.set("int", std::numeric_limits<std::int64_t>::min());
  record.config.set("real", 5e-324);
  record.config.set("whole", 3.0);
  record.config.set("no", false);
  record.config.set("empty", std::string());
  record.config.set("none", std::vector<std::string>{});
  record.config.set("one", std::vector<std::string>{""});
  record.config.set("α.β", std::string("naïve \"quoted\"\n\t𝄞"));
  record.result.status = RunStatus::diverged;
  record.result.reason = "loss not finite at step 7";
  record.result.metrics = {
      {"nan", std::nan(""), "", ""}, {"zero", -0.0, "1", "minus zero"}, {"inf", -inf, "1", "é"}};
  record.result.curves = {
      {"none", "1", "no points", {}, {}},
      {"loss", "1", "", {-5, std::numeric_limits<std::int64_t>::max()}, {std::nan(""), inf}}};
  record.provenance.dirty_diff = std::string(200'000, 'x') + "\r\n+é";
  write_run(folder / "run.h5", record);
  expect_same(read_run(folder / "run.h5"), record);
}

TEST(RunFile, TextThatIsNotUtf8IsReplaced) {
  const TemporaryFolder folder;
  RunRecord record = sample_record(0);
  record.provenance.command_line = std::string(
      "a\xff"
      "b\0c",
      5);
  write_run(folder / "run.h5", record);
  EXPECT_EQ(read_run(folder / "run.h5").provenance.command_line, "a\ufffdb\ufffdc");
}

TEST(RunFile, EqualRecordsGiveEqualBytes) {
  const TemporaryFolder folder;
  write_run(folder / "a.h5", sample_record(1));
  write_run(folder / "b.h5", sample_record(1));
  write_run(folder / "c.h5", sample_record(2));
  EXPECT_EQ(bytes_of(folder / "a.h5"), bytes_of(folder / "b.h5"));
  EXPECT_NE(bytes_of(folder / "a.h5"), bytes_of(folder / "c.h5"));
}

TEST(RunFile, NamesThatCannotBeColumnsAreRefused) {
  const TemporaryFolder folder;
  for (const char* const name : {"", ".", "a/b", "seed", "model.width", "wall_seconds"}) {
    RunRecord record = sample_record(0);
    record.result.metrics.push_back({name, 1.0, "1", ""});
    EXPECT_THROW(write_run(folder / "run.h5", record), std::logic_error) << name;
  }
  RunRecord uneven = sample_record(0);
  uneven.result.curves[0].steps.pop_back();
  EXPECT_THROW(write_run(folder / "run.h5", uneven), std::logic_error);
  EXPECT_EQ(folder.count_files(), 0U);
}

TEST(RunFile, MissingAndForeignFilesAreNamed) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  EXPECT_THAT(error_of([&] { read_run(path); }),
              AllOf(HasSubstr(path), HasSubstr("No such file or directory")));
  EXPECT_THAT(error_of([&] { read_run(folder.path()); }), HasSubstr("Is a directory"));
  write_bytes(path, "");
  EXPECT_THAT(error_of([&] { read_run(path); }),
              AllOf(HasSubstr(path), HasSubstr("not a finished")));
  write_bytes(path, std::string(5000, 'x'));
  EXPECT_THAT(error_of([&] { read_run(path); }), HasSubstr("not a finished"));
}

TEST(RunFile, EveryTruncationIsAnError) {
  const TemporaryFolder folder;
  write_run(folder / "run.h5", sample_record(0));
  const std::string whole = bytes_of(folder / "run.h5");
  for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / 300) {
    write_bytes(folder / "cut.h5", whole.substr(0, size));
    EXPECT_THROW(read_run(folder / "cut.h5"), IoError) << size << " bytes of " << whole.size();
  }
}

TEST(RunFile, EveryChangedByteIsAnError) {
  const TemporaryFolder folder;
  write_run(folder / "run.h5", sample_record(0));
  std::string bytes = bytes_of(folder / "run.h5");
  for (std::size_t i = 0; i < bytes.size(); i += 1 + bytes.size() / 300) {
    bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
    write_bytes(folder / "bad.h5", bytes);
    EXPECT_THROW(read_run(folder / "bad.h5"), IoError) << "byte " << i;
    bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
  }
}

TEST(RunFile, MissingFolderIsNamed) {
  const TemporaryFolder folder;
  const std::string path = folder / "none/run.h5";
  EXPECT_THAT(error_of([&] { write_run(path, sample_record(0)); }),
              AllOf(HasSubstr(path), HasSubstr("No such file or directory")));
}

TEST(RunFile, ReadOnlyFolderIsAnError) {
  const TemporaryFolder folder;
  const uid_t user = geteuid();
  chmod(folder.path().c_str(), 0555);
  ASSERT_EQ(seteuid(user == 0 ? 65534 : user), 0);  // the superuser may write anywhere
  const std::string message = error_of([&] { write_run(folder / "run.h5", sample_record(0)); });
  ASSERT_EQ(seteuid(user), 0);
  EXPECT_THAT(message, AllOf(HasSubstr(folder / "run.h5"), HasSubstr("Permission denied")));
}

// A limit on file size stands for a full disk: write() comes back short, then fails.
TEST(RunFile, FullDiskKeepsTheOldFileAndLeavesNothing) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  write_run(path, sample_record(1));
  const std::string old_bytes = bytes_of(path);
  rlimit unlimited = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {1000, unlimited.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = error_of([&] { write_run(path, sample_record(2)); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
  signal(SIGXFSZ, old_handler);
  EXPECT_THAT(message, AllOf(HasSubstr(path), HasSubstr("File too large")));
  EXPECT_EQ(bytes_of(path), old_bytes);
  EXPECT_EQ(folder.count_files(), 1U);
}

// A record of `size` bytes: writing it takes long enough for a kill to fall into it.
RunRecord large_record(std::int64_t seed, std::size_t size) {
  RunRecord record = sample_record(seed);
  record.provenance.dirty_diff.assign(size, 'x');
  return record;
}

// Rewrites `path` with records of alternating seeds until killed; a byte to `pipe` after each.
[[noreturn]] void write_forever(const std::string& path, std::size_t size, int pipe) {
  for (std::int64_t i = 0;; ++i) {
    write_run(path, large_record(1 + i % 2, size));
    if (pipe >= 0 && write(pipe, "", 1) != 1) std::_Exit(1);
  }
}

TEST(RunFile, KilledWriterLeavesAWholeFile) {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t kBytes = 1'500'000;
  const TemporaryFolder folder(memory_folder());
  const std::string path = folder / "run.h5";
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::mt19937 random(7);
  for (int kill_number = 0; kill_number < 30; ++kill_number) {
    const pid_t writer = fork();
    if (writer == 0) write_forever(path, kBytes, ends[1]);
    ASSERT_GT(writer, 0);
    char byte = 0;
    ASSERT_EQ(read(ends[0], &byte, 1), 1);
    const auto start = Clock::now();
    ASSERT_EQ(read(ends[0], &byte, 1), 1);
    // Some time into the third write, whose length the second has shown.
    std::this_thread::sleep_for((Clock::now() - start) * (random() % 1000) / 1000);
    kill(writer, SIGKILL);
    waitpid(writer, nullptr, 0);
    const RunRecord record = read_run(path);
    expect_same(record, large_record(record.seed, kBytes));
  }
  close(ends[0]);
  close(ends[1]);
}

TEST(RunFile, TakesOverWhatAKilledWriterLeft) {
  const TemporaryFolder folder;
  write_run(folder / "clean.h5", sample_record(3));
  write_bytes(folder / ".run.h5.tmp", std::string(200'000, 'x'));
  write_run(folder / "run.h5", sample_record(3));
  EXPECT_EQ(bytes_of(folder / "run.h5"), bytes_of(folder / "clean.h5"));
  EXPECT_EQ(folder.count_files(), 2U);
}

TEST(RunFile, WritersOfOnePathTakeTurns) {
  const TemporaryFolder folder(memory_folder());
  const std::string path = folder / "run.h5";
  write_run(path, large_record(1, 0));
  std::vector<pid_t> writers;
  for (int i = 0; i < 3; ++i) {
    writers.push_back(fork());
    if (writers.back() == 0) write_forever(path, 0, -1);
  }
  for (int i = 0; i < 200; ++i) {
    const RunRecord record = read_run(path);
    expect_same(record, large_record(record.seed, 0));
  }
  for (const pid_t writer : writers) {
    kill(writer, SIGKILL);
    int status = 0;
    waitpid(writer, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "a writer failed";
  }
}

}  // namespace
}  // namespace halfulp
