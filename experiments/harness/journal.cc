#include "experiments/harness/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>

namespace halfulp::harness {

namespace {

constexpr std::size_t kRecordBytes = 32;
static_assert(sizeof(JournalRecord) == kRecordBytes);

std::uint64_t checksum(const JournalRecord& record) {
  return XXH64(&record, offsetof(JournalRecord, checksum), 0);
}

}  // namespace

JournalWriter::JournalWriter(const std::string& path)
    : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  // File systems without locks answer with other errors: then nobody is kept out, as before.
  if (file_ >= 0 && ::flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    is_taken_ = true;
    ::close(file_);
    file_ = -1;
  }
  if (file_ >= 0 && ::ftruncate(file_, 0) != 0) {
    ::close(file_);
    file_ = -1;
  }
}

JournalWriter::~JournalWriter() {
  if (file_ >= 0) {
    ::close(file_);
  }
}

void JournalWriter::append(std::int64_t done, std::int64_t total, double value) {
  JournalRecord record{done, total, value, 0};
  record.checksum = checksum(record);
  // A short write (full disk) would shift the records that follow: the journal ends there.
  if (file_ >= 0 && ::write(file_, &record, sizeof record) != static_cast<ssize_t>(sizeof record)) {
    ::close(file_);
    file_ = -1;
  }
}

std::vector<JournalRecord> read_journal(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<JournalRecord> records;
  JournalRecord record;
  while (in.read(reinterpret_cast<char*>(&record), sizeof record)) {
    if (record.checksum != checksum(record)) {
      break;
    }
    records.push_back(record);
  }
  return records;
}

bool is_journal_locked(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return false;
  }
  const bool locked = ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(file);
  return locked;
}

}  // namespace halfulp::harness
