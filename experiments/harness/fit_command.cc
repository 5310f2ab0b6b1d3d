#include "experiments/harness/fit_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/fit_options.h"
#include "experiments/harness/labels.h"
#include "experiments/laws/report.h"

namespace halfulp::harness {

namespace {

laws::ComparedFit compare(const laws::Problem& problem, const laws::MultiStart& fit,
                          const FitArguments& arguments) {
  laws::ComparedFit compared;
  compared.law = problem.law().info().name;
  compared.parameters = problem.dimension();
  compared.objective = fit.best.objective;
  const double deviance =
      laws::minus_two_log_likelihood(fit.best.objective, problem.spec().delta, problem.rows());
  const double fitted = static_cast<double>(problem.dimension()) + 1.0;
  compared.aic = deviance + 2.0 * fitted;
  compared.bic = deviance + laws::log(static_cast<double>(problem.rows())) * fitted;
  compared.cross_validated = laws::cross_validate(problem, arguments.folds, fit, arguments.options);
  for (const char* const variable : {"N", "D"}) {
    for (auto& held_out : laws::leave_largest_out(problem, variable, fit, arguments.options)) {
      compared.largest.push_back(std::move(held_out));
    }
  }
  return compared;
}

/// The fitted law and those of --compare. Settings of parameters that another law lacks are left
/// out.
std::vector<laws::ComparedFit> compare_all(const laws::Table& table, const laws::Problem& problem,
                                           const laws::MultiStart& fit,
                                           const FitArguments& arguments) {
  std::vector<laws::ComparedFit> compared = {compare(problem, fit, arguments)};
  for (const std::string& name : arguments.compare) {
    laws::ProblemSpec spec = problem.spec();
    spec.law = laws::named_law(name);
    const auto lacks = [&](const auto& entry) {
      const std::string parameter = entry.first.substr(0, entry.first.find('['));
      const auto& known = spec.law->info().parameters;
      return std::none_of(known.begin(), known.end(),
                          [&](const auto& p) { return p.name == parameter; });
    };
    std::erase_if(spec.by, lacks);
    std::erase_if(spec.fixed, lacks);
    std::erase_if(spec.starts, lacks);
    std::erase_if(spec.bounds, lacks);
    std::erase_if(spec.freed, [&](const std::string& p) { return lacks(std::pair(p, 0)); });
    const laws::Problem other(table, spec);
    const laws::MultiStart other_fit =
        laws::fit_from_grid(other, std::vector<double>(other.rows(), 1.0), arguments.options);
    compared.push_back(compare(other, other_fit, arguments));
  }
  std::stable_sort(compared.begin(), compared.end(), [](const auto& a, const auto& b) {
    return a.cross_validated.rms_log_error < b.cross_validated.rms_log_error;
  });
  return compared;
}

std::string range_text(const laws::Parameter& parameter) {
  if (parameter.held) return fmt::format("held at {}", *parameter.held);
  return fmt::format("{} to {}", parameter.lower, parameter.upper);
}

}  // namespace

std::string fit_command(const std::vector<std::string>& words, const std::string& program) {
  const FitArguments arguments = parse_fit_arguments(words, program);
  if (arguments.help) return fit_help(program);
  laws::Table table = laws::read_tables(arguments.tables);
  if (!arguments.columns.empty()) {
    laws::define_columns(table, laws::parse_definitions(arguments.columns, "--columns"));
  }
  const std::size_t dropped = arguments.where.empty() ? 0 : laws::keep_rows(table, arguments.where);
  laws::ProblemSpec spec = arguments.spec;
  spec.law = arguments.law.empty() ? laws::expression_law(arguments.expression, table.names(),
                                                          arguments.signed_parameters)
                                   : laws::named_law(arguments.law);
  for (const std::string& name : arguments.compare) laws::named_law(name);
  const laws::Problem problem(table, spec);
  const laws::FitResult result = laws::run_fit(problem, arguments.options, arguments.profiles);
  laws::FitReport report = {
      problem,         arguments.options,      result, {}, table.source, arguments.columns,
      arguments.where, arguments.command_line, dropped};
  if (!arguments.compare.empty()) {
    report.compared = compare_all(table, problem, result.fit, arguments);
  }
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
