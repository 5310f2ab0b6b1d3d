#include "experiments/laws/fit_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/schema.h"
#include "experiments/laws/dual.h"

namespace halfulp::laws {

namespace {

using harness::ConfigError;

/// A law by its name, or by its formula.
std::shared_ptr<const Law> rival_law(const FitRequest& request, const Table& table,
                                     const std::string& law) {
  const bool is_formula = law.find_first_of("+-*/^") != std::string::npos;
  return is_formula ? expression_law(law, table.names(), request.signed_parameters)
                    : named_law(law);
}

ComparedFit compare(const FitRequest& request, const Problem& problem, const MultiStart& fit) {
  ComparedFit compared;
  const LawInfo& law = problem.law().info();
  compared.law = law.name == "expression" ? law.formula : law.name;
  compared.parameters = problem.dimension();
  compared.objective = fit.best.objective;
  const double deviance =
      minus_two_log_likelihood(fit.best.objective, problem.spec().delta, problem.rows());
  const double fitted = static_cast<double>(problem.dimension()) + 1.0;
  compared.aic = deviance + 2.0 * fitted;
  compared.bic = deviance + log(static_cast<double>(problem.rows())) * fitted;
  compared.cross_validated = cross_validate(problem, request.folds, fit, request.options);
  for (const char* const variable : {"N", "D"}) {
    for (auto& held_out : leave_largest_out(problem, variable, fit, request.options)) {
      compared.largest.push_back(std::move(held_out));
    }
  }
  return compared;
}

std::vector<ComparedFit> compare_all(const FitRequest& request, const Problem& problem,
                                     const MultiStart& fit, const Table& table) {
  std::vector<ComparedFit> compared = {compare(request, problem, fit)};
  for (const std::string& name : request.compare) {
    const Problem other = make_rival(request, problem, table, name);
    const MultiStart other_fit =
        fit_from_grid(other, std::vector<double>(other.rows(), 1.0), request.options);
    compared.push_back(compare(request, other, other_fit));
  }
  std::stable_sort(compared.begin(), compared.end(), [](const auto& a, const auto& b) {
    return a.cross_validated.rms_log_error < b.cross_validated.rms_log_error;
  });
  return compared;
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ","));
}

}  // namespace

void check_request(const FitRequest& request) {
  if (request.law.empty() == request.expression.empty()) {
    throw ConfigError(request.law.empty()
                          ? "fit needs --law NAME or --expression FORMULA; `run_experiment laws` "
                            "lists the laws"
                          : "options '--law' and '--expression' exclude each other");
  }
  if (!request.signed_parameters.empty() && request.expression.empty()) {
    throw ConfigError("option '--signed' belongs to --expression");
  }
  const BaselineSpec& baseline = request.baseline;
  if (baseline.where.empty() != baseline.match.empty()) {
    throw ConfigError(baseline.where.empty() ? "option '--match' belongs to --baseline"
                                             : "option '--baseline' needs --match COLUMNS");
  }
  if (!request.law.empty()) named_law(request.law);
}

std::size_t prepare_table(const FitRequest& request, Table& table) {
  if (!request.baseline.where.empty()) subtract_baseline(table, request.baseline);
  if (!request.columns.empty()) {
    define_columns(table, parse_definitions(request.columns, "--columns"));
  }
  return request.where.empty() ? 0 : keep_rows(table, request.where);
}

Problem make_problem(const FitRequest& request, const Table& table) {
  ProblemSpec spec = request.spec;
  // Rows that share a baseline share its noise.
  if (spec.group.empty()) spec.group = joined(request.baseline.match);
  spec.law = request.law.empty()
                 ? expression_law(request.expression, table.names(), request.signed_parameters)
                 : named_law(request.law);
  return {table, spec};
}

Problem make_rival(const FitRequest& request, const Problem& problem, const Table& table,
                   const std::string& law) {
  ProblemSpec spec = problem.spec();
  spec.law = rival_law(request, table, law);
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
  return {table, spec};
}

FitOutcome run_request(const FitRequest& request, Table table) {
  FitOutcome outcome;
  outcome.table = table.source;
  outcome.rows_dropped = prepare_table(request, table);
  outcome.problem = std::make_unique<Problem>(make_problem(request, table));
  outcome.result = run_fit(*outcome.problem, request.options, request.profiles);
  if (!request.compare.empty()) {
    outcome.compared = compare_all(request, *outcome.problem, outcome.result.fit, table);
  }
  return outcome;
}

FitReport report_of(const FitRequest& request, const FitOutcome& outcome,
                    const std::string& command_line) {
  return {*outcome.problem, request.options, outcome.result, outcome.compared,    outcome.table,
          request.columns,  request.where,   command_line,   outcome.rows_dropped};
}

}  // namespace halfulp::laws
