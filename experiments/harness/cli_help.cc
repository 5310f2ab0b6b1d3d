#include <fmt/format.h>

#include "experiments/harness/cli_commands.h"
#include "experiments/harness/labels.h"
#include "experiments/harness/schema.h"
#include "experiments/harness/toml_tree.h"

namespace halfulp::harness {

std::string help_text(const std::string& program) {
  std::string text = fmt::format(
      "Example:\n"
      "  {0} experiments/sweeps/quickstart.toml -n           what would run\n"
      "  {0} experiments/sweeps/quickstart.toml              run what is missing\n"
      "  {0} experiments/sweeps/quickstart.toml seeds=3      the same with another setting\n"
      "\n"
      "Usage:\n"
      "  {0} SWEEP.toml [key=value ...] [options]\n"
      "  {0} status SWEEP.toml [key=value ...] [-o DIR]      runs by state, failures with reasons\n"
      "  {0} merge SWEEP.toml [key=value ...] [-o DIR]       rebuild results.h5 from finished "
      "runs\n"
      "  {0} weights SWEEP.toml [key=value ...] [-o DIR]     weights of runs that kept them, as\n"
      "                                                      DIR/NAME/weights/ID.safetensors\n"
      "  {0} check RESULTS.h5                                schema check and content hash\n"
      "  {0} kinds                                           the experiment kinds\n"
      "  {0} fit TABLE --law NAME [options]                  a scaling law; fit --help\n"
      "  {0} laws [NAME]                                     the scaling laws\n"
      "  {0} derive QUESTION --law NAME [options]            what follows from one; derive --help\n"
      "  {0} claims [FILE]                                   what papers claim, and what results "
      "say\n"
      "\n"
      "Options:\n",
      program);
  std::vector<std::vector<std::string>> rows;
  for (const OptionInfo& option : option_table()) {
    const std::string letter = option.letter == '\0' ? "    " : fmt::format("-{}, ", option.letter);
    rows.push_back(
        {fmt::format("  {}{} {}", letter, option.name, option.argument), std::string(option.doc)});
  }
  text += format_table(rows);
  text +=
      "\n"
      "The same command continues a sweep that was stopped: finished runs are not run again.\n"
      "Exit codes: 0 done (a diverged run is done), 1 some run failed, 2 wrong usage or\n"
      "configuration, 75 stopped and resumable, 130 interrupted. The sweep file: docs/SWEEPS.md.\n";
  return text;
}

std::string kind_help(const ExperimentKind& kind) {
  std::vector<std::vector<std::string>> rows = {{"key", "type", "default", "range", "meaning"}};
  for (const Field& field : kind.fields) {
    const bool is_text = field.type != FieldType::integer && field.type != FieldType::real &&
                         field.type != FieldType::boolean;
    const std::string value(field.default_value);
    rows.push_back({std::string(field.key), std::string(to_text(field.type)),
                    is_text ? quote(value) : value, describe_range(field), std::string(field.doc)});
  }
  return fmt::format("{}: {}\n\n{}", kind.name, kind.summary, format_table(rows));
}

std::string kinds_text(std::span<const ExperimentKind> kinds) {
  std::vector<std::vector<std::string>> rows;
  for (const ExperimentKind& kind : kinds) {
    rows.push_back({std::string(kind.name), std::string(kind.summary)});
  }
  return format_table(rows);
}

}  // namespace halfulp::harness
