#include "formats/cli/verbs.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp::cli {

namespace {

void print_usage(const Verb& verb) { fmt::print("usage: ulp {} {}\n", verb.name, verb.arguments); }

int print_help() {
  fmt::print("ulp: a calculator for number formats\n\n");
  for (const Verb& verb : verbs()) {
    fmt::print("  ulp {:<7} {}\n              {}\n", verb.name, verb.arguments, verb.summary);
  }
  fmt::print("  ulp help VERB\n              details of one verb\n\n");
  fmt::print("example: printf '449\\n0x1.8p0\\nnan\\n' | ulp cast e4m3fn\n");
  return 0;
}

const Verb& find_verb(std::string_view name) {
  const auto all = verbs();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Verb& verb) { return verb.name == name; });
  if (found != all.end()) return *found;
  std::vector<std::string> names{"help"};
  for (const Verb& verb : all) names.emplace_back(verb.name);
  const std::vector<std::string> near = nearest_names(name, names);
  throw UsageError(
      "unknown verb '" + shortened(name) + "'; " +
      (near.empty() ? "verbs: " + joined(names) : "did you mean " + joined(near, " or ") + "?"));
}

int help(std::span<const std::string> words) {
  if (words.empty()) return print_help();
  const Verb& verb = find_verb(words.front());
  print_usage(verb);
  fmt::print("{}", verb.help);
  return 0;
}

int dispatch(std::span<const std::string> words) {
  if (words.empty()) {
    print_help();
    return 2;
  }
  const std::string& first = words.front();
  const auto rest = words.subspan(1);
  if (first == "--help" || first == "-h" || first == "help") return help(rest);
  const Verb& verb = find_verb(first);
  if (std::find(rest.begin(), rest.end(), "--help") != rest.end()) return help({&first, 1});
  return verb.run(Arguments(verb.name, verb.options, rest));
}

}  // namespace

std::span<const Verb> verbs() {
  static const std::vector<Verb> all = {list_verb(),  show_verb(),   values_verb(), explain_verb(),
                                        diff_verb(),  cast_verb(),   eval_verb(),   dot_verb(),
                                        block_verb(), vectors_verb()};
  return all;
}

Format read_format(std::string_view text) {
  std::string note;
  const Format format = parse_format(text, note);
  if (!note.empty()) fmt::print(stderr, "ulp: note: {}\n", note);
  return format;
}

Format format_argument(const Arguments& arguments, std::string_view verb) {
  if (arguments.positional().size() != 1) {
    throw UsageError(fmt::format("{} takes one FORMAT, for example: ulp {} e4m3fn", verb, verb));
  }
  return read_format(arguments.positional().front());
}

std::string code_text(const Format& format, Code code) {
  return fmt::format("0x{:0{}x}", code, (width(format) + 3) / 4);
}

int run(std::span<const std::string> words) {
  int exit_code = 2;
  try {
    exit_code = dispatch(words);
  } catch (const UsageError& error) {
    fmt::print(stderr, "ulp: {}\n", error.what());
  } catch (const SpecError& error) {
    fmt::print(stderr, "ulp: {}\n", error.what());
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("ulp: cannot write to standard output\n", stderr);
    return 1;
  }
  return exit_code;
}

}  // namespace halfulp::cli
