#include "experiments/harness/fit_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/labels.h"
#include "experiments/harness/runner.h"
#include "experiments/harness/schema.h"

namespace halfulp::harness {

namespace {

constexpr std::array kOptions = {
    OptionInfo{'\0', "--law", "NAME", "a named law: run_experiment laws lists them"},
    OptionInfo{'\0', "--expression", "FORMULA", "a law of your own: 'E + A*N^-alpha + B*D^-beta'"},
    OptionInfo{'\0', "--signed", "NAMES", "parameters of the formula that may be negative: n,b"},
    OptionInfo{'\0', "--columns", "LIST", "columns by name or formula: 'N=Model Size,D=C/(6*N)'"},
    OptionInfo{'\0', "--where", "EXPR", "only rows for which EXPR holds: 'bits>2 && kind==int'"},
    OptionInfo{'\0', "--target", "COLUMN", "what is predicted (default: the law's, mostly loss)"},
    OptionInfo{'\0', "--by", "P=COLUMN,...", "a value of parameter P for each category of COLUMN"},
    OptionInfo{'\0', "--fix", "P=VALUE,...", "hold parameters: E=1.8,eff[BF16]=1"},
    OptionInfo{'\0', "--free", "NAMES", "fit parameters that the law holds otherwise"},
    OptionInfo{'\0', "--start", "P=V V V,...", "starting values of parameters: 'A=1 100,alpha=.3'"},
    OptionInfo{'\0', "--bounds", "P=LOW..HIGH,...", "bounds of parameters"},
    OptionInfo{'\0', "--group", "COLUMN", "rows of equal value go together in the bootstrap"},
    OptionInfo{'\0', "--curve", "COLUMN", "tells curves apart, for laws of curves"},
    OptionInfo{'\0', "--warmup", "STEPS", "linear warmup before a curve's first row (default: 0)"},
    OptionInfo{'\0', "--censor", "LOSS", "diverged rows and losses above count as 'at least LOSS'"},
    OptionInfo{'\0', "--starts", "N", "most starts from the grid (default: 500)"},
    OptionInfo{'\0', "--bootstrap", "N", "replicates (default: 1000; 0: no intervals)"},
    OptionInfo{'\0', "--delta", "X",
               "of Huber's loss on log residuals (default: 1e-3; inf: squares)"},
    OptionInfo{'\0', "--reduction", "WHICH", "sum, or mean to see how it fails"},
    OptionInfo{'\0', "--compare", "LAWS", "also fit these laws and rank all by held-out error"},
    OptionInfo{'\0', "--folds", "N", "folds of cross-validation in --compare (default: 5)"},
    OptionInfo{'\0', "--profile", "NAMES", "profile likelihood of these parameters"},
    OptionInfo{'\0', "--seed", "N", "of the bootstrap and of sampled starts (default: 0)"},
    OptionInfo{'\0', "--json", "", "print JSON"},
    OptionInfo{'o', "--output", "FILE.h5", "also write everything to this file (docs/RESULTS.md)"},
    OptionInfo{'j', "--jobs", "N", "threads (default: one for each usable CPU); same bits for any"},
    OptionInfo{'h', "--help", "", "this text"},
};

std::vector<std::string> names_of(const std::string& text) {
  std::vector<std::string> names;
  for (const std::string& part : split(text, ',')) {
    const auto first = part.find_first_not_of(' ');
    if (first == std::string::npos) continue;
    names.push_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
  }
  return names;
}

double to_number(const std::string& option, const std::string& text) {
  double value = 0.0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || std::isnan(value)) {
    throw ConfigError(fmt::format("option '{}': '{}' is not a number", option, text));
  }
  return value;
}

std::size_t to_count(const std::string& option, const std::string& text, std::size_t low,
                     std::size_t high) {
  std::size_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || value < low || value > high) {
    throw ConfigError(fmt::format("option '{}': '{}' is not a whole number from {} to {}", option,
                                  text, low, high));
  }
  return value;
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& arguments) : arguments_(arguments) {
    result_.options.starts = 500;
  }

  FitArguments parse() {
    while (at_ < arguments_.size()) {
      const std::string& argument = arguments_[at_++];
      if (argument.size() > 1 && argument.front() == '-') {
        parse_option(argument);
      } else {
        result_.tables.push_back(argument);
      }
    }
    if (!result_.help) check();
    return std::move(result_);
  }

 private:
  void check() const {
    if (result_.tables.empty()) throw ConfigError("fit needs a table: a CSV or results.h5 file");
    if (result_.law.empty() == result_.expression.empty()) {
      throw ConfigError(result_.law.empty()
                            ? "fit needs --law NAME or --expression FORMULA; `run_experiment laws` "
                              "lists the laws"
                            : "options '--law' and '--expression' exclude each other");
    }
    if (!result_.signed_parameters.empty() && result_.expression.empty()) {
      throw ConfigError("option '--signed' belongs to --expression");
    }
  }

  void parse_option(const std::string& argument) {
    const bool is_long = argument[1] == '-';
    const std::size_t split_at = is_long ? argument.find('=') : 2;
    const std::string name = argument.substr(0, split_at);
    const auto* const option =
        std::find_if(kOptions.begin(), kOptions.end(), [&](const OptionInfo& info) {
          return name == info.name || (name.size() == 2 && name[1] == info.letter);
        });
    if (option == kOptions.end()) {
      std::vector<std::string> names;
      for (const OptionInfo& info : kOptions) names.emplace_back(info.name);
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
    apply(std::string(option->name), value);
  }

  void apply(const std::string& name, const std::string& value) {
    if (set_text(name, value) || set_list(name, value) || set_map(name, value)) return;
    set_number(name, value);
  }

  bool set_text(const std::string& name, const std::string& value) {
    const std::map<std::string, std::string*> texts = {{"--law", &result_.law},
                                                       {"--expression", &result_.expression},
                                                       {"--columns", &result_.columns},
                                                       {"--where", &result_.where},
                                                       {"--target", &result_.spec.target},
                                                       {"--group", &result_.spec.group},
                                                       {"--curve", &result_.spec.curve},
                                                       {"--output", &result_.output}};
    const auto found = texts.find(name);
    if (found == texts.end()) return false;
    std::string& text = *found->second;
    // Lists and conditions may be given in several pieces.
    if (name == "--columns" && !text.empty()) {
      text += "," + value;
    } else if (name == "--where" && !text.empty()) {
      text = fmt::format("({}) && ({})", text, value);
    } else {
      text = value;
    }
    return true;
  }

  bool set_list(const std::string& name, const std::string& value) {
    const std::map<std::string, std::vector<std::string>*> lists = {
        {"--signed", &result_.signed_parameters},
        {"--free", &result_.spec.freed},
        {"--compare", &result_.compare},
        {"--profile", &result_.profiles}};
    const auto found = lists.find(name);
    if (found == lists.end()) return false;
    for (const std::string& item : names_of(value)) found->second->push_back(item);
    return true;
  }

  bool set_map(const std::string& name, const std::string& value) {
    if (name != "--by" && name != "--fix" && name != "--start" && name != "--bounds") return false;
    for (const auto& [key, text] : laws::parse_definitions(value, name)) {
      if (name == "--by") {
        result_.spec.by[key] = text;
      } else if (name == "--fix") {
        result_.spec.fixed[key] = to_number(name, text);
      } else if (name == "--start") {
        for (const std::string& item : split(text, ' ')) {
          if (!item.empty()) result_.spec.starts[key].push_back(to_number(name, item));
        }
      } else {
        const std::size_t dots = text.find("..");
        if (dots == std::string::npos) {
          throw ConfigError(fmt::format("option '--bounds': '{}' is not LOW..HIGH", text));
        }
        result_.spec.bounds[key] = {to_number(name, text.substr(0, dots)),
                                    to_number(name, text.substr(dots + 2))};
      }
    }
    return true;
  }

  void set_number(const std::string& name, const std::string& value) {
    laws::FitOptions& options = result_.options;
    if (name == "--starts") {
      options.starts = to_count(name, value, 1, 1'000'000);
    } else if (name == "--bootstrap") {
      options.bootstrap = to_count(name, value, 0, 1'000'000);
    } else if (name == "--folds") {
      result_.folds = to_count(name, value, 2, 1000);
    } else if (name == "--jobs") {
      options.jobs = static_cast<int>(to_count(name, value, 1, 1024));
    } else if (name == "--seed") {
      options.seed = to_count(name, value, 0, std::numeric_limits<std::size_t>::max());
    } else if (name == "--reduction") {
      if (value != "sum" && value != "mean") {
        throw ConfigError(fmt::format("option '--reduction': '{}' is neither sum nor mean", value));
      }
      options.mean_reduced = value == "mean";
    } else {
      const double number = to_number(name, value);
      double& place = name == "--delta"    ? result_.spec.delta
                      : name == "--warmup" ? result_.spec.warmup
                                           : result_.spec.censor;
      if (number < 0.0 || (number == 0.0 && name != "--warmup")) {
        throw ConfigError(fmt::format("option '{}': {} is not above 0", name, value));
      }
      place = number;
    }
  }

  const std::vector<std::string>& arguments_;
  std::size_t at_ = 0;
  FitArguments result_;
};

}  // namespace

std::span<const OptionInfo> fit_option_table() { return kOptions; }

FitArguments parse_fit_arguments(const std::vector<std::string>& arguments,
                                 const std::string& program) {
  FitArguments parsed = Parser(arguments).parse();
  parsed.command_line = shell_word(program) + " fit";
  for (const std::string& argument : arguments) parsed.command_line += " " + shell_word(argument);
  const bool jobs_given = std::any_of(arguments.begin(), arguments.end(), [](const auto& a) {
    return a.starts_with("-j") || a.starts_with("--jobs");
  });
  if (!jobs_given) parsed.options.jobs = usable_cpus();
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
  for (const OptionInfo& option : kOptions) {
    const std::string letter = option.letter == '\0' ? "    " : fmt::format("-{}, ", option.letter);
    rows.push_back(
        {fmt::format("  {}{} {}", letter, option.name, option.argument), std::string(option.doc)});
  }
  return text + format_table(rows) +
         "\nPrinted are estimates with 95 % bootstrap intervals, the objective (the sum of "
         "Huber's\n"
         "loss over rows), how many starts found it, and warnings. The method: docs/LAWS.md.\n";
}

}  // namespace halfulp::harness
