// What the benchmark programs answer to --help and to arguments that they do not take.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace halfulp::bench {

struct Usage {
  std::string_view program;
  std::string_view arguments;  ///< as they stand after the name, in brackets; empty: none
  std::string_view measures;   ///< what the tables show, and a line for each argument
};

/// The exit code when there is nothing to measure: 0 after --help or -h, 2 for an option that the
/// arguments do not name or for more than `most` arguments.
inline std::optional<int> answer(int argc, char** argv, const Usage& usage, int most) {
  std::string wrong;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      fmt::print(
          "usage: {}{}{}\n\n{}\n\nChecks its answers, then prints Markdown tables. HALFULP_SIMD "
          "chooses the instruction set\n(HALFULP_SIMD=list names those of this CPU). `make bench` "
          "runs every benchmark;\ndocs/BENCHMARKS.md has numbers.\n",
          usage.program, usage.arguments.empty() ? "" : " ", usage.arguments, usage.measures);
      return 0;
    }
    if (i > most || (argument.starts_with("-") &&
                     usage.arguments.find(std::string(argument) + " ") == std::string_view::npos)) {
      wrong = argument;
    }
  }
  if (wrong.empty()) return std::nullopt;
  fmt::print(stderr, "{}: does not take '{}'; --help says what it takes\n", usage.program, wrong);
  return 2;
}

/// The first argument as a positive number, `usual` without one; 0 for anything else, which is then
/// said.
inline std::size_t repetitions(int argc, char** argv, const Usage& usage, std::size_t usual) {
  if (argc < 2) return usual;
  char* end = nullptr;
  const long number = std::strtol(argv[1], &end, 10);
  if (*end == '\0' && number > 0) return static_cast<std::size_t>(number);
  fmt::print(stderr, "{}: '{}' is not a number of repetitions; --help says what it takes\n",
             usage.program, argv[1]);
  return 0;
}

}  // namespace halfulp::bench
