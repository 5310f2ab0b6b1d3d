#include "experiments/harness/cli_options.h"

#include <gmock/gmock.h>

#include "experiments/harness/diagnostics.h"

namespace halfulp::harness {
namespace {

using ::testing::ElementsAre;

Options parse(const std::vector<std::string>& arguments) {
  return parse_options(arguments, "prog");
}

std::string complaint(const std::vector<std::string>& arguments) {
  try {
    parse(arguments);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(ParseOptions, ReadsEveryOption) {
  const Options options =
      parse({"s.toml", "a.b=1", "-n", "--filter", "x==1", "--only", "12ab", "34cd", "--limit=7",
             "-j3", "-o", "out", "--set", "c.d=2", "--retry-failed", "--progress=plain", "e=3"});
  EXPECT_EQ(options.command, Command::run);
  EXPECT_EQ(options.file, "s.toml");
  EXPECT_THAT(options.overrides, ElementsAre("a.b=1", "c.d=2", "e=3"));
  EXPECT_TRUE(options.dry_run);
  EXPECT_EQ(options.filter, "x==1");
  EXPECT_THAT(options.only, ElementsAre("12ab", "34cd"));
  EXPECT_EQ(options.limit, 7u);
  EXPECT_EQ(options.jobs, 3);
  EXPECT_EQ(options.out, "out");
  EXPECT_TRUE(options.retry_failed);
  EXPECT_EQ(options.progress, ProgressMode::plain);
  EXPECT_FALSE(options.list);
}

TEST(ParseOptions, OnlyStopsAtTheSweepFile) {
  const Options options = parse({"--only", "ab", "s.toml"});
  EXPECT_THAT(options.only, ElementsAre("ab"));
  EXPECT_EQ(options.file, "s.toml");
}

TEST(ParseOptions, Commands) {
  EXPECT_EQ(parse({"status", "s.toml"}).command, Command::status);
  EXPECT_EQ(parse({"merge", "-o", "x", "s.toml"}).command, Command::merge);
  EXPECT_EQ(parse({"check", "r.h5"}).command, Command::check);
  EXPECT_EQ(parse({"kinds"}).command, Command::kinds);
  EXPECT_TRUE(parse({"-h"}).help);
  EXPECT_EQ(parse({"--help", "toy"}).help_kind, "toy");
  EXPECT_EQ(parse({"--help=toy"}).help_kind, "toy");
}

TEST(ParseOptions, CommandLineCanBeTypedAgain) {
  EXPECT_EQ(parse({"s.toml", "--filter", "a<1 && b=='x'", "t.u=1e-3"}).command_line,
            "prog s.toml --filter 'a<1 && b=='\\''x'\\''' t.u=1e-3");
}

TEST(ParseOptions, MistakesGetSuggestions) {
  EXPECT_EQ(complaint({"s.toml", "--jbos", "3"}),
            "unknown option '--jbos'; did you mean '--jobs'?");
  EXPECT_EQ(complaint({"s.toml", "--train.steps=3"}),
            "unknown option '--train.steps=3'; did you mean 'train.steps=3'?");
  EXPECT_EQ(complaint({"sttus", "s.toml"}),
            "'sttus' is neither a file nor a command; did you mean 'status'?");
  EXPECT_EQ(complaint({"s.toml", "--progress", "bra"}),
            "option '--progress': 'bra' is none of auto, bar, plain, none; did you mean 'bar'?");
}

TEST(ParseOptions, OtherMistakes) {
  EXPECT_EQ(complaint({}), "no sweep file is named; --help shows how to start");
  EXPECT_EQ(complaint({"s.toml", "-j"}), "option '--jobs' needs N");
  EXPECT_EQ(complaint({"s.toml", "-j", "0"}),
            "option '--jobs': '0' is not a whole number from 1 to 1024");
  EXPECT_EQ(complaint({"s.toml", "-j2x"}),
            "option '--jobs': '2x' is not a whole number from 1 to 1024");
  EXPECT_EQ(complaint({"s.toml", "--dry-run=yes"}), "option '--dry-run' takes no argument");
  EXPECT_EQ(complaint({"s.toml", "--only", "xyz"}), "option '--only': 'xyz' is no run id");
  EXPECT_EQ(complaint({"s.toml", "t.toml"}),
            "unexpected argument 't.toml'; an override is written key=value");
  EXPECT_EQ(complaint({"status"}), "status needs a sweep file");
  EXPECT_EQ(complaint({"check"}), "check needs a results file");
}

}  // namespace
}  // namespace halfulp::harness
