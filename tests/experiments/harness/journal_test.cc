#include "experiments/harness/journal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "tests/experiments/support/sweep_fixture.h"

namespace halfulp::test {
namespace {

using harness::is_journal_locked;
using harness::JournalWriter;
using harness::read_journal;

class Journal : public SweepFixture {
 protected:
  const std::string file_ = path("x.journal");
};

TEST_F(Journal, KeepsEveryRecord) {
  JournalWriter writer(file_);
  writer.append(1, 10, 2.5);
  writer.append(2, 10, -0.125);
  const auto records = read_journal(file_);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].done, 2);
  EXPECT_EQ(records[1].total, 10);
  EXPECT_EQ(records[1].value, -0.125);
  EXPECT_EQ(std::filesystem::file_size(file_), 64u);
}

TEST_F(Journal, TornTailIsCut) {
  std::optional<JournalWriter> writer(std::in_place, file_);
  writer->append(1, 10, 2.5);
  writer->append(2, 10, 2.5);
  writer.reset();
  std::filesystem::resize_file(file_, 63);
  EXPECT_EQ(read_journal(file_).size(), 1u);
}

TEST_F(Journal, DamageEndsIt) {
  std::optional<JournalWriter> writer(std::in_place, file_);
  for (int i = 0; i < 3; ++i) {
    writer->append(i, 10, 2.5);
  }
  writer.reset();
  std::fstream edit(file_, std::ios::in | std::ios::out | std::ios::binary);
  edit.seekp(32 + 17);
  edit.put('x');
  edit.close();
  EXPECT_EQ(read_journal(file_).size(), 1u);
}

TEST_F(Journal, MissingFileHasNoRecords) { EXPECT_TRUE(read_journal(path("none")).empty()); }

TEST_F(Journal, IsLockedWhileItsWriterLives) {
  std::optional<JournalWriter> writer(std::in_place, file_);
  EXPECT_TRUE(is_journal_locked(file_));
  writer->append(1, 10, 2.5);
  const JournalWriter second(file_);
  EXPECT_TRUE(second.is_taken());
  EXPECT_EQ(read_journal(file_).size(), 1u) << "the second writer must not empty it";
  writer.reset();
  EXPECT_FALSE(is_journal_locked(file_));
  EXPECT_FALSE(JournalWriter(file_).is_taken());
}

TEST_F(Journal, CannotBeWrittenIsNoError) {
  JournalWriter writer(path("no/such/folder/x.journal"));
  EXPECT_FALSE(writer.is_taken());
  writer.append(1, 10, 2.5);
}

}  // namespace
}  // namespace halfulp::test
