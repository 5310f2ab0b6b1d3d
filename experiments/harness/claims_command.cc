#include "experiments/harness/claims_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

#include "experiments/claims/report.h"
#include "experiments/harness/claims_reader.h"
#include "experiments/harness/cli_options.h"
#include "experiments/harness/labels.h"
#include "experiments/harness/runner.h"
#include "experiments/harness/schema.h"
#include "experiments/store/atomic_file.h"

namespace halfulp::harness {

namespace {

namespace fs = std::filesystem;

constexpr OptionInfo kOptions[] = {
    {'\0', "--results", "DIR", "folder of NAME.h5 or NAME/results.h5 (default: results/reference)"},
    {'\0', "--only", "ID", "this claim; may be repeated"},
    {'\0', "--json", "", "print JSON"},
    {'o', "--output", "FILE.md", "write the document (docs/CLAIMS.md) in place of the table"},
    {'j', "--jobs", "N", "threads (default: one for each usable CPU); same numbers for any"},
    {'h', "--help", "", "this text"},
};

struct Arguments {
  std::string file = "experiments/claims.toml";
  std::string results = "results/reference";
  std::vector<std::string> only;
  std::string output;
  bool json = false, help = false;
  int jobs = 0;
};

const OptionInfo& find_option(const std::string& name) {
  std::vector<std::string> names;
  for (const OptionInfo& option : kOptions) {
    if (name == option.name || (name.size() == 2 && name[1] == option.letter)) return option;
    names.emplace_back(option.name);
  }
  throw ConfigError(fmt::format("claims: unknown option '{}'{}", name, suggestion(name, names)));
}

void apply(const OptionInfo& option, const std::string& value, Arguments& arguments) {
  if (option.name == "--results") {
    arguments.results = value;
  } else if (option.name == "--only") {
    arguments.only.push_back(value);
  } else if (option.name == "--output") {
    arguments.output = value;
  } else if (option.name == "--jobs") {
    const char* const end = value.data() + value.size();
    const auto parsed = std::from_chars(value.data(), end, arguments.jobs);
    if (parsed.ec != std::errc{} || parsed.ptr != end || arguments.jobs < 1) {
      throw ConfigError(fmt::format("option '--jobs': '{}' is not a whole number above 0", value));
    }
  } else {
    (option.name == "--json" ? arguments.json : arguments.help) = true;
  }
}

Arguments parse(const std::vector<std::string>& words) {
  Arguments arguments;
  bool has_file = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.size() < 2 || word.front() != '-') {
      if (has_file) throw ConfigError(fmt::format("claims: unexpected argument '{}'", word));
      arguments.file = word;
      has_file = true;
      continue;
    }
    const bool is_long = word[1] == '-';
    const std::size_t end = is_long ? word.find('=') : 2;
    const OptionInfo& option = find_option(word.substr(0, end));
    const bool attached = end != std::string::npos && end < word.size();
    if (option.argument.empty() && attached) {
      throw ConfigError(fmt::format("option '{}' takes no argument", option.name));
    }
    if (!option.argument.empty() && !attached && i + 1 == words.size()) {
      throw ConfigError(fmt::format("option '{}' needs {}", option.name, option.argument));
    }
    const std::string value = option.argument.empty() ? ""
                              : attached              ? word.substr(end + (is_long ? 1 : 0))
                                                      : words[++i];
    apply(option, value, arguments);
  }
  if (arguments.jobs == 0) arguments.jobs = usable_cpus();
  return arguments;
}

std::string help(const std::string& program) {
  std::vector<std::vector<std::string>> rows;
  for (const OptionInfo& option : kOptions) {
    const std::string letter = option.letter == '\0' ? "    " : fmt::format("-{}, ", option.letter);
    rows.push_back(
        {fmt::format("  {}{} {}", letter, option.name, option.argument), std::string(option.doc)});
  }
  return fmt::format(
             "What papers claim, and what the results say.\n\n"
             "  {0} claims [FILE]                  the claims of FILE (experiments/claims.toml)\n"
             "  {0} claims --only ID --json        one of them\n"
             "  {0} claims -o docs/CLAIMS.md       the document\n\nOptions:\n",
             program) +
         format_table(rows) +
         "\nVerdicts: reproduced, not reproduced, contradicted, untested (no results yet).\n"
         "Exit codes: 0 whatever the verdicts, 1 results that cannot be read, 2 a mistake in the\n"
         "file or the call. The rule and the kinds of statistics: docs/CLAIMS.md.\n";
}

/// The results of a sweep: DIR/NAME.h5, else DIR/NAME/results.h5.
std::string results_of(const claims::Claim& claim, const Arguments& arguments) {
  if (!claim.results.empty()) return claim.results;
  const std::string flat = fmt::format("{}/{}.h5", arguments.results, claim.sweep);
  const std::string nested = fmt::format("{}/{}/results.h5", arguments.results, claim.sweep);
  return !fs::exists(flat) && fs::exists(nested) ? nested : flat;
}

/// Tables by their files, read once.
class Tables {
 public:
  const laws::Table& read(const std::vector<std::string>& files) {
    const std::string key = fmt::format("{}", fmt::join(files, "\n"));
    auto found = tables_.find(key);
    if (found == tables_.end()) found = tables_.emplace(key, laws::read_tables(files)).first;
    return found->second;
  }

 private:
  std::map<std::string, laws::Table> tables_;
};

claims::Evaluated evaluate(const claims::Claim& claim, const Arguments& arguments, Tables& tables,
                           Diagnostics& diagnostics) {
  claims::Evaluated result;
  result.claim = &claim;
  std::vector<std::string> files = claim.data;
  if (files.empty()) files = {results_of(claim, arguments)};
  result.file = fmt::format("{}", fmt::join(files, " "));
  for (const std::string& file : files) {
    if (fs::exists(file)) continue;
    result.why = fmt::format("no {}", file);
    if (!claim.data.empty())
      diagnostics.error(claim.at, fmt::format("claim '{}': data: no file {}", claim.id, file));
    return result;
  }
  try {
    result.measurement = claims::measure(claim, tables.read(files), arguments.jobs);
    result.verdict = claims::judge(claim, result.measurement);
  } catch (const laws::TooFewRows& error) {
    result.why = error.lines().front();
  } catch (const ConfigError& error) {
    complain_of(claim, error, diagnostics);
  }
  return result;
}

std::vector<claims::Claim> selected(std::vector<claims::Claim> all,
                                    const std::vector<std::string>& only) {
  if (only.empty()) return all;
  std::vector<std::string> ids;
  for (const claims::Claim& claim : all) ids.push_back(claim.id);
  for (const std::string& id : only) {
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
      throw ConfigError(
          fmt::format("option '--only': there is no claim '{}'{}", id, suggestion(id, ids)));
    }
  }
  std::erase_if(all, [&](const claims::Claim& claim) {
    return std::find(only.begin(), only.end(), claim.id) == only.end();
  });
  return all;
}

/// Names of the pictures beside the document.
std::vector<std::string> figures_beside(const std::string& document) {
  std::vector<std::string> names;
  const fs::path folder = fs::path(document).parent_path() / "figures";
  if (!fs::is_directory(folder)) return names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".png") names.push_back(entry.path().stem().string());
  }
  return names;
}

}  // namespace

std::string claims_command(const std::vector<std::string>& words, const std::string& program) {
  const Arguments arguments = parse(words);
  if (arguments.help) return help(program);
  Diagnostics diagnostics;
  const auto claims = selected(read_claims(arguments.file, diagnostics), arguments.only);
  throw_if_any(diagnostics);
  std::vector<claims::Evaluated> evaluated;
  Tables tables;
  for (const claims::Claim& claim : claims) {
    evaluated.push_back(evaluate(claim, arguments, tables, diagnostics));
  }
  throw_if_any(diagnostics);
  if (!arguments.output.empty()) {
    replace_file(arguments.output,
                 claims::markdown_report(evaluated, figures_beside(arguments.output)));
    return "";
  }
  return arguments.json ? claims::json_report(evaluated) : claims::text_report(evaluated);
}

}  // namespace halfulp::harness
