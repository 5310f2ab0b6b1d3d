// The arguments of run_experiment, parsed.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/harness/progress.h"
#include "experiments/store/safetensors.h"

namespace halfulp::harness {

enum class Command : std::uint8_t { run, status, merge, check, kinds, weights };

struct Options {
  Command command = Command::run;
  std::string file;                    ///< the sweep, or the results of `check`
  std::vector<std::string> overrides;  ///< key=value
  bool dry_run = false;
  bool list = false;
  bool print_config = false;
  bool retry_failed = false;
  bool help = false;
  std::string help_kind;
  std::string filter;
  std::vector<std::string> only;  ///< run ids or their beginnings
  std::optional<std::size_t> limit;
  int jobs = 0;  ///< 0: one for each usable CPU
  std::string out = "results";
  TensorType dtype = TensorType::F32;  ///< of `weights`
  ProgressMode progress = ProgressMode::automatic;
  std::string command_line;  ///< as it could be typed again
};

/// One line of --help.
struct OptionInfo {
  char letter;                ///< '\0': long form only
  std::string_view name;      ///< with the dashes
  std::string_view argument;  ///< "" when there is none
  std::string_view doc;
};

std::span<const OptionInfo> option_table();

/// A word of a command line as a shell would need it.
std::string shell_word(const std::string& word);

/// Throws ConfigError for an unknown option (with a suggestion), a missing or bad argument, or a
/// missing file.
Options parse_options(const std::vector<std::string>& arguments, const std::string& program);

}  // namespace halfulp::harness
