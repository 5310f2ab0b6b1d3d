#include "experiments/store/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "experiments/store/checksum.h"
#include "experiments/store/io_error.h"

namespace halfulp {
namespace {

constexpr std::string_view kSealMark = "\nhalfulp XXH3-128 ";
constexpr std::size_t kSealSize = kSealMark.size() + 32 + 1;  // 32 hex digits and a newline

[[noreturn]] void fail(const std::string& path, const char* action, int code) {
  throw IoError(path + ": cannot " + action + ": " + std::generic_category().message(code));
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

  Descriptor& operator=(Descriptor&&) = delete;

  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }

  int number() const { return number_; }

 private:
  int number_;
};

std::string folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path().string() : ".";
}

std::string temporary_of(const std::filesystem::path& path) {
  return folder_of(path) + "/." + path.filename().string() + ".tmp";
}

// Whether `path` still is the open file: another writer may have renamed it between open and lock.
bool is_same_file(const Descriptor& file, const std::string& path) {
  struct stat opened = {};
  struct stat named = {};
  return fstat(file.number(), &opened) == 0 && stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

// The temporary file, ours alone until renamed or removed. A left-over of a killed writer is taken
// over.
Descriptor open_temporary(const std::string& temporary, const std::string& path) {
  while (true) {
    Descriptor file(open(temporary.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666));
    if (file.number() < 0) fail(path, "create its temporary file", errno);
    int locked = -1;
    do {
      locked = flock(file.number(), LOCK_EX);
    } while (locked != 0 && errno == EINTR);
    // A file system without locks: go on without, as the only writer.
    if (locked != 0 || is_same_file(file, temporary)) return file;
  }
}

void write_all(const Descriptor& file, std::string_view bytes, const std::string& path) {
  if (ftruncate(file.number(), 0) != 0) fail(path, "write", errno);
  while (!bytes.empty()) {
    const ssize_t written = write(file.number(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fsync(file.number()) != 0 && errno != EINVAL) fail(path, "write to disk", errno);
}

void sync_folder(const std::string& folder, const std::string& path) {
  const Descriptor descriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // EINVAL: a file system that has no folder sync.
  if (descriptor.number() < 0 || (fsync(descriptor.number()) != 0 && errno != EINVAL)) {
    fail(path, "write its folder to disk", errno);
  }
}

}  // namespace

std::string read_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) fail(path, "open", errno);
  struct stat status = {};
  if (fstat(file.number(), &status) != 0) fail(path, "read", errno);
  if (S_ISDIR(status.st_mode)) fail(path, "read", EISDIR);
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = read(file.number(), bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, "read", errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

void remove_file(const std::string& path) {
  unlink(temporary_of(path).c_str());
  unlink(path.c_str());
}

void replace_file(const std::string& path, std::string_view bytes) {
  const std::string folder = folder_of(path);
  const std::string temporary = temporary_of(path);
  const Descriptor file = open_temporary(temporary, path);
  try {
    write_all(file, bytes, path);
    if (rename(temporary.c_str(), path.c_str()) != 0) fail(path, "rename to it", errno);
  } catch (...) {
    unlink(temporary.c_str());
    throw;
  }
  sync_folder(folder, path);
}

std::string seal(std::string content) {
  const std::string checksum = xxh3_128_hex(content);
  content += kSealMark;
  content += checksum;
  content += '\n';
  return content;
}

Unsealed unseal(std::string_view bytes) {
  if (bytes.size() < kSealSize) return {Seal::absent, bytes};
  const std::string_view content = bytes.substr(0, bytes.size() - kSealSize);
  const std::string_view line = bytes.substr(content.size());
  if (line.substr(0, kSealMark.size()) != kSealMark || line.back() != '\n') {
    return {Seal::absent, bytes};
  }
  const bool intact = line.substr(kSealMark.size(), 32) == xxh3_128_hex(content);
  return {intact ? Seal::intact : Seal::broken, content};
}

}  // namespace halfulp
