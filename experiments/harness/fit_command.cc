#include "experiments/harness/fit_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/fit_options.h"
#include "experiments/harness/labels.h"
#include "experiments/laws/report.h"

namespace halfulp::harness {

namespace {

std::string range_text(const laws::Parameter& parameter) {
  if (parameter.held) return fmt::format("held at {}", *parameter.held);
  return fmt::format("{} to {}", parameter.lower, parameter.upper);
}

}  // namespace

std::string fit_command(const std::vector<std::string>& words, const std::string& program) {
  const FitArguments arguments = parse_fit_arguments(words, program);
  if (arguments.help) return fit_help(program);
  const laws::FitOutcome outcome =
      laws::run_request(arguments.request, laws::read_tables(arguments.tables));
  const laws::FitReport report =
      laws::report_of(arguments.request, outcome, arguments.command_line);
  if (!arguments.output.empty()) write_fit(arguments.output, laws::report_record(report));
  return arguments.json ? laws::report_json(report) : laws::report_text(report);
}

std::string laws_command(const std::vector<std::string>& words) {
  if (words.size() > 1) throw ConfigError(fmt::format("unexpected argument '{}'", words[1]));
  std::vector<std::vector<std::string>> rows;
  if (words.empty()) {
    for (const std::string& name : laws::law_names()) {
      const laws::LawInfo& info = laws::named_law(name)->info();
      rows.push_back({info.name, info.target + " = " + info.formula});
    }
    return format_table(rows);
  }
  const laws::LawInfo& info = laws::named_law(words[0])->info();
  for (const laws::Variable& variable : info.variables) {
    rows.push_back({"  " + variable.name, variable.missing ? "may be absent" : "", variable.doc});
  }
  std::vector<std::vector<std::string>> parameters;
  for (const laws::Parameter& parameter : info.parameters) {
    parameters.push_back({"  " + parameter.name, parameter.positive ? "positive" : "real",
                          range_text(parameter), parameter.doc});
  }
  return fmt::format("{}: {} = {}\nsource: {}\nvariables:\n{}parameters:\n{}", info.name,
                     info.target, info.formula, info.source, format_table(rows),
                     format_table(parameters));
}

}  // namespace halfulp::harness
