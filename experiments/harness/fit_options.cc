#include "experiments/harness/fit_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "experiments/harness/cli_options.h"
#include "experiments/harness/diagnostics.h"
#include "experiments/harness/labels.h"
#include "experiments/harness/runner.h"
#include "experiments/harness/schema.h"

namespace halfulp::harness {

namespace {

constexpr OptionInfo kOwnOptions[] = {
    {'\0', "--json", "", "print JSON"},
    {'o', "--output", "FILE.h5", "also write everything to this file (docs/RESULTS.md)"},
    {'j', "--jobs", "N", "threads (default: one for each usable CPU); same bits for any"},
    {'h', "--help", "", "this text"},
};

/// Option by option: letter, name with the dashes, argument, doc.
struct Option {
  char letter;
  std::string name, argument, doc;
};

std::vector<Option> all_options() {
  std::vector<Option> options;
  for (const laws::RequestKey& key : laws::request_keys()) {
    options.push_back(
        {'\0', fmt::format("--{}", key.name), std::string(key.argument), std::string(key.doc)});
  }
  for (const OptionInfo& own : kOwnOptions) {
    options.push_back(
        {own.letter, std::string(own.name), std::string(own.argument), std::string(own.doc)});
  }
  return options;
}

int to_jobs(const std::string& text) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || value < 1 || value > 1024) {
    throw ConfigError(
        fmt::format("option '--jobs': '{}' is not a whole number from 1 to 1024", text));
  }
  return value;
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  FitArguments parse() {
    result_.request.options.jobs = 0;
    while (at_ < arguments_.size()) {
      const std::string& argument = arguments_[at_++];
      if (argument.size() > 1 && argument.front() == '-') {
        parse_option(argument);
      } else {
        result_.tables.push_back(argument);
      }
    }
    if (result_.request.options.jobs == 0) result_.request.options.jobs = usable_cpus();
    if (result_.help) return std::move(result_);
    if (result_.tables.empty()) throw ConfigError("fit needs a table: a CSV or results.h5 file");
    laws::check_request(result_.request);
    return std::move(result_);
  }

 private:
  void parse_option(const std::string& argument) {
    const bool is_long = argument[1] == '-';
    const std::size_t split_at = is_long ? argument.find('=') : 2;
    const std::string name = argument.substr(0, split_at);
    const std::vector<Option> options = all_options();
    const auto option = std::find_if(options.begin(), options.end(), [&](const Option& info) {
      return name == info.name || (name.size() == 2 && name[1] == info.letter);
    });
    if (option == options.end()) {
      std::vector<std::string> names;
      for (const Option& info : options) names.push_back(info.name);
      throw ConfigError(fmt::format("fit: unknown option '{}'{}", name, suggestion(name, names)));
    }
    const bool attached = split_at != std::string::npos && split_at < argument.size();
    if (option->argument.empty()) {
      if (attached) throw ConfigError(fmt::format("option '{}' takes no argument", option->name));
      (option->name == "--help" ? result_.help : result_.json) = true;
      return;
    }
    std::string value;
    if (attached) {
      value = argument.substr(split_at + (is_long ? 1 : 0));
    } else if (at_ < arguments_.size()) {
      value = arguments_[at_++];
    } else {
      throw ConfigError(fmt::format("option '{}' needs {}", option->name, option->argument));
    }
    apply(option->name, value);
  }

  void apply(const std::string& name, const std::string& value) {
    if (name == "--output") {
      result_.output = value;
    } else if (name == "--jobs") {
      result_.request.options.jobs = to_jobs(value);
    } else {
      laws::set_request(result_.request, name.substr(2), value);
    }
  }

  const std::vector<std::string>& arguments_;
  std::size_t at_ = 0;
  FitArguments result_;
};

}  // namespace

FitArguments parse_fit_arguments(const std::vector<std::string>& arguments,
                                 const std::string& program) {
  FitArguments parsed = Parser(arguments).parse();
  parsed.command_line = shell_word(program) + " fit";
  for (const std::string& argument : arguments) parsed.command_line += " " + shell_word(argument);
  return parsed;
}

std::string fit_help(const std::string& program) {
  std::string text = fmt::format(
      "Fits a scaling law to a table: a CSV file, or the runs of a results.h5.\n\n"
      "  {0} fit TABLE... --law NAME [options]         several tables are one, with a column "
      "'file'\n"
      "  {0} fit TABLE --expression FORMULA [options]\n"
      "  {0} laws [NAME]                              the laws, their variables and parameters\n\n"
      "Example:\n"
      "  {0} fit experiments/data/chinchilla-epoch/svg_extracted_data.csv --law chinchilla \\\n"
      "      --columns 'N=Model Size,D=Training FLOP/(6*N)' --where 'loss < 3.44'\n\n"
      "Options:\n",
      program);
  std::vector<std::vector<std::string>> rows;
  for (const Option& option : all_options()) {
    const std::string letter = option.letter == '\0' ? "    " : fmt::format("-{}, ", option.letter);
    rows.push_back({fmt::format("  {}{} {}", letter, option.name, option.argument), option.doc});
  }
  return text + format_table(rows) +
         "\nPrinted are estimates with 95 % bootstrap intervals, the objective (the sum of "
         "Huber's\n"
         "loss over rows), how many starts found it, and warnings. The method: docs/LAWS.md.\n";
}

}  // namespace halfulp::harness
