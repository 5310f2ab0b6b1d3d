// The journal of a run in progress: what `status` reads, and the lock that keeps two processes from
// computing the same run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace halfulp::harness {

/// One progress report, as it stands in the file: 32 bytes, of which the last 8 are the XXH64 (seed
/// 0) of the first 24, in the machine's byte order.
struct JournalRecord {
  std::int64_t done = 0;
  std::int64_t total = 0;
  double value = 0.0;
  std::uint64_t checksum = 0;
};

class JournalWriter {
 public:
  /// Opens and empties the journal and locks it for the life of this object (and process). A
  /// journal that cannot be written is no reason to stop a run: append() then does nothing.
  explicit JournalWriter(const std::string& path);
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  /// True when another process holds the journal: it is computing this run.
  bool is_taken() const { return is_taken_; }

  void append(std::int64_t done, std::int64_t total, double value);

 private:
  int file_ = -1;
  bool is_taken_ = false;
};

/// The whole records at the start of the file; a torn or damaged tail is left out. Empty when there
/// is no file.
std::vector<JournalRecord> read_journal(const std::string& path);

/// True while a JournalWriter of a living process holds the file.
bool is_journal_locked(const std::string& path);

}  // namespace halfulp::harness
