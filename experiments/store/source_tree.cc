#include "experiments/store/source_tree.h"

#include <fmt/core.h>
#include <sys/wait.h>

#include <cstdio>
#include <string_view>

#include "experiments/store/checksum.h"

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

// Output of git in `folder`; empty when git, the folder or its repository is not there. A git
// hook's environment must not redirect it, and it must not write to the repository.
std::string git(const std::string& folder, std::string_view arguments) {
  const std::string command = fmt::format(
      "env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE GIT_OPTIONAL_LOCKS=0 "
      "git -C {} {} 2>/dev/null </dev/null",
      shell_quoted(folder), arguments);
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

}  // namespace

std::string source_commit(const std::string& folder) {
  const std::string answer = git(folder, "rev-parse HEAD --show-prefix");
  const std::string commit = first_line(answer);
  return answer == commit + "\n\n" ? commit : "";
}

std::string source_difference(const std::string& folder) {
  if (source_commit(folder).empty()) return "";
  std::string difference = git(folder, "diff HEAD --no-color --no-ext-diff --no-textconv");
  const std::string untracked = git(
      folder, "ls-files --others --exclude-standard -- '*.cc' '*.h' '*.cmake' '*CMakeLists.txt'");
  if (!untracked.empty()) difference += "[untracked source files]\n" + untracked;
  return cut(std::move(difference));
}

}  // namespace halfulp
