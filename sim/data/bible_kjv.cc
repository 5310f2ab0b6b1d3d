// The King James Bible as Debian's program `bible` prints it, one verse a line: "Ge1:1 In the ...".
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

#include "sim/data/corpus.h"

namespace halfulp {
namespace {

constexpr char kCommand[] = "bible -f 'Genesis1:1-Revelation22:21' </dev/null 2>/dev/null";
constexpr std::size_t kVerses = 31102;
constexpr std::size_t kPrintedBytes = 4404412;  // version 4.38; only sets aside memory

[[noreturn]] void fail(const std::string& reason) {
  throw DataError("corpus bible_kjv: " + reason +
                  "; install it with: apt-get install bible-kjv bible-kjv-text");
}

std::string output_of(const char* command) {
  std::FILE* pipe = popen(command, "r");
  if (pipe == nullptr) fail("a pipe to the program `bible` could not be opened");
  std::string output;
  output.resize(kPrintedBytes + 1);
  std::size_t size = 0;
  while (const std::size_t got = std::fread(&output[size], 1, output.size() - size, pipe)) {
    size += got;
    if (size == output.size()) output.resize(2 * size);
  }
  output.resize(size);
  const int status = pclose(pipe);
  // A shell's answer for a program it does not find.
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) fail("the program `bible` is not installed");
  if (status != 0) fail("the program `bible` failed");
  return output;
}

/// "Ge1:1" and the like: letters or digits, a colon, digits.
bool is_reference(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && colon > 0 && colon + 1 < text.size() &&
         text.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
}

}  // namespace

Corpus load_bible_kjv(double held_out_fraction) {
  const std::string output = output_of(kCommand);
  std::vector<std::uint8_t> text;
  text.reserve(output.size());
  std::size_t verses = 0;
  for (std::size_t begin = 0; begin < output.size(); ++verses) {
    const std::size_t end = std::min(output.find('\n', begin), output.size());
    const std::string_view line(&output[begin], end - begin);
    const std::size_t space = std::min(line.find(' '), line.size());
    if (!is_reference(line.substr(0, space)) || space + 1 >= line.size()) {
      fail("the program `bible` on the path prints something else than verses");
    }
    text.insert(text.end(), line.begin() + static_cast<std::ptrdiff_t>(space) + 1, line.end());
    text.push_back('\n');
    begin = end + 1;
  }
  if (verses != kVerses) {
    fail("the program `bible` printed " + std::to_string(verses) + " verses instead of " +
         std::to_string(kVerses));
  }
  return split_corpus("bible_kjv", text, held_out_fraction);
}

}  // namespace halfulp
