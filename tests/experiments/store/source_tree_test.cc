#include "experiments/store/source_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/experiments/store/store_samples.h"

namespace halfulp {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

// A repository with one commit, in a folder whose name would trip an unquoted shell command.
class SourceTree : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("git --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "git is not installed";
    std::filesystem::create_directory(tree);
    write_bytes(tree + "/a.cc", "one\n");
    git("init -q");
    git("add a.cc");
    git("-c user.name=n -c user.email=e commit -q -m first");
  }

  void git(const std::string& arguments) {
    const std::string command = "cd \"" + tree + "\" && git " + arguments + " >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }

  TemporaryFolder folder;
  std::string tree = folder / "it's; a tree";
};

TEST_F(SourceTree, CleanTreeHasACommitAndNoDifference) {
  EXPECT_THAT(source_commit(tree), ContainsRegex("^[0-9a-f]{40}$"));
  EXPECT_EQ(source_difference(tree), "");
}

TEST_F(SourceTree, EditsAndUntrackedSourcesAreTheDifference) {
  write_bytes(tree + "/a.cc", "two\n");
  write_bytes(tree + "/b.h", "new\n");
  write_bytes(tree + "/notes.txt", "not a source\n");
  const std::string difference = source_difference(tree);
  EXPECT_THAT(difference, HasSubstr("-one\n+two\n[untracked source files]\nb.h\n"));
  EXPECT_THAT(difference, ::testing::Not(HasSubstr("notes")));
}

TEST_F(SourceTree, StagedEditsCount) {
  write_bytes(tree + "/a.cc", "two\n");
  git("add a.cc");
  EXPECT_THAT(source_difference(tree), HasSubstr("-one\n+two\n"));
}

TEST_F(SourceTree, AnArchiveInsideAnotherRepositoryHasNoCommit) {
  std::filesystem::create_directory(tree + "/unpacked");
  EXPECT_EQ(source_commit(tree + "/unpacked"), "");
  EXPECT_EQ(source_commit(folder.path()), "");
  EXPECT_EQ(source_commit(tree + "/none"), "");
  EXPECT_EQ(source_difference(folder.path()), "");
}

TEST_F(SourceTree, AHooksEnvironmentDoesNotRedirectIt) {
  const std::string commit = source_commit(tree);
  setenv("GIT_DIR", "/nonexistent", 1);
  EXPECT_EQ(source_commit(tree), commit);
  unsetenv("GIT_DIR");
}

TEST_F(SourceTree, HugeDifferencesAreCutAndStillToldApart) {
  write_bytes(tree + "/a.cc", std::string(400'000, 'x') + "y\n");
  const std::string first = source_difference(tree);
  write_bytes(tree + "/a.cc", std::string(400'000, 'x') + "z\n");
  const std::string second = source_difference(tree);
  EXPECT_LT(first.size(), 263'000U);
  EXPECT_THAT(first, HasSubstr("[cut here: "));
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace halfulp
