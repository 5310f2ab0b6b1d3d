#include "experiments/harness/cli_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/schema.h"
#include "experiments/store/io_error.h"

namespace halfulp::harness {

namespace {

constexpr int kMostJobs = 1024;

constexpr std::array kOptions = {
    OptionInfo{'n', "--dry-run", "", "show what would run and how long it takes; write nothing"},
    OptionInfo{'l', "--list", "", "one line for each run: id, status, what varies"},
    OptionInfo{'\0', "--filter", "EXPR",
               "only runs for which EXPR holds: 'model.width<64 && seed==0'"},
    OptionInfo{'\0', "--only", "ID...", "only these runs (the beginning of an id is enough)"},
    OptionInfo{'\0', "--limit", "N", "only the first N of the runs selected"},
    OptionInfo{'j', "--jobs", "N", "worker processes (default: one for each usable CPU)"},
    OptionInfo{'o', "--out", "DIR", "where results go (default: results)"},
    OptionInfo{'\0', "--retry-failed", "", "run again what failed before"},
    OptionInfo{'\0', "--set", "KEY=VALUE", "the same as KEY=VALUE"},
    OptionInfo{'\0', "--print-config", "", "print the resolved configuration of each selected run"},
    OptionInfo{'\0', "--dtype", "TYPE",
               "of the files of `weights`: F32 (default), F16, BF16, F8_E4M3 or F8_E5M2"},
    OptionInfo{'\0', "--progress", "MODE", "auto, bar, plain or none"},
    OptionInfo{'h', "--help", "[KIND]", "this text, or the keys of an experiment kind"},
};

constexpr std::array kCommands = {std::string_view("status"), std::string_view("merge"),
                                  std::string_view("check"), std::string_view("kinds"),
                                  std::string_view("weights")};

bool is_run_id(const std::string& word) {
  return !word.empty() && word.size() <= 16 &&
         std::all_of(word.begin(), word.end(),
                     [](unsigned char c) { return std::isxdigit(c) != 0; });
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  Options parse() {
    while (at_ < arguments_.size()) {
      const std::string& argument = arguments_[at_++];
      if (argument.size() > 1 && argument.front() == '-') {
        parse_option(argument);
      } else if (argument.find('=') != std::string::npos) {
        options_.overrides.push_back(argument);
      } else {
        positional_.push_back(argument);
      }
    }
    if (!options_.help) {
      set_command();
    }
    return std::move(options_);
  }

 private:
  static const OptionInfo& find(const std::string& name, const std::string& argument) {
    for (const OptionInfo& option : kOptions) {
      if (name == option.name || (name.size() == 2 && name[1] == option.letter)) {
        return option;
      }
    }
    if (argument.find('=') != std::string::npos && argument.find('.') < argument.find('=')) {
      throw ConfigError(fmt::format("unknown option '{}'; did you mean '{}'?", argument,
                                    argument.substr(argument.find_first_not_of('-'))));
    }
    std::vector<std::string> names;
    names.reserve(kOptions.size());
    for (const OptionInfo& option : kOptions) {
      names.emplace_back(option.name);
    }
    throw ConfigError(fmt::format("unknown option '{}'{}", name, suggestion(name, names)));
  }

  void parse_option(const std::string& argument) {
    const bool is_long = argument[1] == '-';
    const std::size_t split_at = is_long ? argument.find('=') : 2;
    const std::string name = argument.substr(0, split_at);
    const OptionInfo& option = find(name, argument);
    attached_.reset();
    if (split_at != std::string::npos && split_at < argument.size()) {
      attached_ = argument.substr(split_at + (is_long ? 1 : 0));
    }
    if (attached_ && option.argument.empty()) {
      throw ConfigError(fmt::format("option '{}' takes no argument", option.name));
    }
    apply(option);
  }

  std::string value(const OptionInfo& option) {
    if (attached_) {
      return *attached_;
    }
    if (at_ == arguments_.size()) {
      throw ConfigError(fmt::format("option '{}' needs {}", option.name, option.argument));
    }
    return arguments_[at_++];
  }

  int whole_number(const OptionInfo& option, int low, int high) {
    const std::string text = value(option);
    int number = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (parsed.ptr != end || parsed.ec != std::errc{} || number < low || number > high) {
      throw ConfigError(fmt::format("option '{}': '{}' is not a whole number from {} to {}",
                                    option.name, text, low, high));
    }
    return number;
  }

  void apply(const OptionInfo& option) {
    const std::string_view name = option.name;
    if (name == "--dry-run") {
      options_.dry_run = true;
    } else if (name == "--list") {
      options_.list = true;
    } else if (name == "--print-config") {
      options_.print_config = true;
    } else if (name == "--retry-failed") {
      options_.retry_failed = true;
    } else if (name == "--filter") {
      options_.filter = value(option);
    } else if (name == "--only") {
      parse_ids(option);
    } else if (name == "--limit") {
      options_.limit = static_cast<std::size_t>(whole_number(option, 1, 1'000'000));
    } else if (name == "--jobs") {
      options_.jobs = whole_number(option, 1, kMostJobs);
    } else if (name == "--out") {
      options_.out = value(option);
    } else if (name == "--set") {
      options_.overrides.push_back(value(option));
    } else if (name == "--dtype") {
      parse_dtype(option);
    } else if (name == "--progress") {
      parse_progress(option);
    } else {
      parse_help();
    }
  }

  void parse_ids(const OptionInfo& option) {
    options_.only.push_back(value(option));
    while (at_ < arguments_.size() && is_run_id(arguments_[at_])) {
      options_.only.push_back(arguments_[at_++]);
    }
    for (const std::string& id : options_.only) {
      if (!is_run_id(id)) {
        throw ConfigError(fmt::format("option '--only': '{}' is no run id", id));
      }
    }
  }

  void parse_progress(const OptionInfo& option) {
    const std::string mode = value(option);
    const std::vector<std::string> modes = {"auto", "bar", "plain", "none"};
    const auto found = std::find(modes.begin(), modes.end(), mode);
    if (found == modes.end()) {
      throw ConfigError(fmt::format("option '--progress': '{}' is none of auto, bar, plain, none{}",
                                    mode, suggestion(mode, modes)));
    }
    options_.progress = static_cast<ProgressMode>(found - modes.begin());
  }

  void parse_dtype(const OptionInfo& option) {
    try {
      options_.dtype = parse_tensor_type(value(option));
    } catch (const IoError& error) {
      throw ConfigError(fmt::format("option '--dtype': {}", error.what()));
    }
  }

  void parse_help() {
    options_.help = true;
    if (attached_ || (at_ < arguments_.size() && arguments_[at_].front() != '-')) {
      options_.help_kind = attached_ ? *attached_ : arguments_[at_++];
    }
  }

  void set_command() {
    if (positional_.empty()) {
      throw ConfigError("no sweep file is named; --help shows how to start");
    }
    const std::string first = positional_.front();
    const auto command = std::find(kCommands.begin(), kCommands.end(), first);
    const bool is_command = command != kCommands.end();
    if (is_command) {
      options_.command = static_cast<Command>(command - kCommands.begin() + 1);
      positional_.erase(positional_.begin());
    } else if (!first.ends_with(".toml") && !std::filesystem::exists(first)) {
      std::vector<std::string> names(kCommands.begin(), kCommands.end());
      names.insert(names.end(),
                   {"fit", "laws", "derive", "claims"});  // which have arguments of their own
      throw ConfigError(
          fmt::format("'{}' is neither a file nor a command{}", first, suggestion(first, names)));
    }
    const std::size_t files = options_.command == Command::kinds ? 0 : 1;
    if (positional_.size() < files) {
      throw ConfigError(fmt::format("{} needs a {} file", first,
                                    options_.command == Command::check ? "results" : "sweep"));
    }
    if (positional_.size() > files) {
      throw ConfigError(
          fmt::format("unexpected argument '{}'; {}", positional_[files],
                      options_.command == Command::kinds || options_.command == Command::check
                          ? first + " takes " + (files == 0 ? "no argument" : "one file")
                          : "an override is written key=value"));
    }
    options_.file = files == 0 ? "" : positional_.front();
  }

  const std::vector<std::string>& arguments_;
  std::size_t at_ = 0;
  std::optional<std::string> attached_;
  std::vector<std::string> positional_;
  Options options_;
};

}  // namespace

std::span<const OptionInfo> option_table() { return kOptions; }

std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("._-/=+,:@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) {
    return word;
  }
  std::string quoted = "'";
  for (const char c : word) {
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + "'";
}

Options parse_options(const std::vector<std::string>& arguments, const std::string& program) {
  Options options = Parser(arguments).parse();
  options.command_line = shell_word(program);
  for (const std::string& argument : arguments) {
    options.command_line += ' ';
    options.command_line += shell_word(argument);
  }
  return options;
}

}  // namespace halfulp::harness
