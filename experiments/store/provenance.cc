// Where and with what a run was computed.
#include <fmt/core.h>
#include <hdf5.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <toml++/impl/version.h>
#include <xxhash.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include "build_info.h"
#include "experiments/store/checksum.h"
#include "experiments/store/run_record.h"
#include "sim/simd_target.h"

namespace halfulp {
namespace {

std::string shell_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + '\'';
}

// Output of git in the source tree; empty when git, the tree or its repository is not there. A git
// hook's environment must not redirect it, and it must not write to the repository.
std::string git(std::string_view arguments) {
  const std::string command = fmt::format(
      "env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE GIT_OPTIONAL_LOCKS=0 "
      "git -C {} {} 2>/dev/null </dev/null",
      shell_quoted(build_info::kSourceDirectory), arguments);
  std::FILE* const pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) return "";
  std::string output;
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    output.append(buffer, n);
  }
  const int status = pclose(pipe);
  return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? output : "";
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

// The commit, when the source directory is the top of its repository (an unpacked archive inside
// somebody else's repository is not).
std::string source_commit() {
  const std::string answer = git("rev-parse HEAD --show-prefix");
  const std::string commit = first_line(answer);
  return answer == commit + "\n\n" ? commit : "";
}

// Every run stores it, so a huge one is cut; the hash in its last line still tells two of them
// apart.
std::string cut(std::string text) {
  constexpr std::size_t kMaxBytes = 256 * 1024;
  if (text.size() <= kMaxBytes) return text;
  const std::string note =
      fmt::format("\n[cut here: {} bytes in all, XXH3-128 {}]\n", text.size(), xxh3_128_hex(text));
  text.resize(kMaxBytes);
  return text + note;
}

std::string source_diff() {
  std::string diff = git("diff HEAD --no-color --no-ext-diff --no-textconv");
  const std::string untracked =
      git("ls-files --others --exclude-standard -- '*.cc' '*.h' '*.cmake' '*CMakeLists.txt'");
  if (!untracked.empty()) diff += "[untracked source files]\n" + untracked;
  return cut(std::move(diff));
}

// The value of the first line "key<separator>value" whose key starts with `key`; empty without one.
std::string value_in_file(const char* path, std::string_view key, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t split = line.find(separator);
    if (line.compare(0, key.size(), key) != 0 || split == std::string::npos) continue;
    const std::size_t begin = line.find_first_not_of(" \"", split + 1);
    if (begin == std::string::npos) return "";
    return line.substr(begin, line.find_last_not_of(" \"") + 1 - begin);
  }
  return "";
}

utsname system_names() {
  utsname names = {};
  uname(&names);
  return names;
}

// "CPU part" is what arm64 kernels offer instead of a model name.
std::string cpu_model() {
  const std::string machine = system_names().machine;
  const std::string model = value_in_file("/proc/cpuinfo", "model name", ':');
  if (!model.empty()) return model;
  const std::string part = value_in_file("/proc/cpuinfo", "CPU part", ':');
  return part.empty() ? machine : machine + " part " + part;
}

std::string operating_system() {
  const utsname names = system_names();
  const std::string distribution = value_in_file("/etc/os-release", "PRETTY_NAME", '=');
  const std::string kernel = fmt::format("{} {} {}", names.sysname, names.release, names.machine);
  return distribution.empty() ? kernel : distribution + ", " + kernel;
}

std::string library_versions() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  const unsigned xxhash = XXH_versionNumber();
  return fmt::format("HDF5 {}.{}.{}, toml++ {}.{}.{}, fmt {}.{}.{}, Highway {}, xxHash {}.{}.{}",
                     major, minor, release, TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH,
                     FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100,
                     build_info::kHighwayVersion, xxhash / 10000, xxhash / 100 % 100, xxhash % 100);
}

}  // namespace

Provenance collect_provenance() {
  Provenance provenance;
  provenance.version = build_info::kVersion;
  provenance.commit = source_commit();
  if (!provenance.commit.empty()) provenance.dirty_diff = source_diff();
  provenance.compiler = build_info::kCompiler;
  provenance.flags = build_info::kFlags;
  provenance.build_type = build_info::kBuildType;
  provenance.cpu = cpu_model();
  provenance.simd_target = simd_target();
  provenance.libraries = library_versions();
  provenance.host_os = operating_system();
  return provenance;
}

}  // namespace halfulp
