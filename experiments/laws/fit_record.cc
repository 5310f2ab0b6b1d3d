// A fit as arrays for the results store.
#include <cmath>
#include <limits>

#include "experiments/laws/dual.h"
#include "experiments/laws/report.h"

namespace halfulp::laws {

namespace {

FitAttribute text(const std::string& name, const std::string& value) { return {name, value}; }

FitAttribute number(const std::string& name, double value) { return {name, {}, value, false}; }

FitArray numbers(const std::string& name, const std::string& long_name,
                 const std::vector<std::string>& dimensions, std::vector<double> values) {
  return {name, long_name, "1", dimensions, {values.size()}, std::move(values), {}};
}

FitArray texts(const std::string& name, const std::string& long_name,
               const std::vector<std::string>& dimensions, std::vector<std::string> values) {
  return {name, long_name, "", dimensions, {values.size()}, {}, std::move(values)};
}

/// One column of a list of structures.
template <typename T, typename Function>
auto column(const std::vector<T>& items, const Function& function) {
  std::vector<std::decay_t<decltype(function(items[0]))>> values;
  for (const T& item : items) values.push_back(function(item));
  return values;
}

void add_parameters(const FitResult& result, std::vector<FitArray>& arrays) {
  const auto& list = result.parameters;
  const std::vector<std::string> along = {"parameter"};
  arrays.push_back(texts("parameter_name", "name of the parameter", along,
                         column(list, [](const auto& p) { return p.name; })));
  arrays.push_back(numbers("estimate", "estimate, or the value it is held at", along,
                           column(list, [](const auto& p) { return p.estimate; })));
  arrays.push_back(numbers("low", "lower end of the bootstrap 95 % interval", along,
                           column(list, [](const auto& p) { return p.interval.low; })));
  arrays.push_back(numbers("high", "upper end of the bootstrap 95 % interval", along,
                           column(list, [](const auto& p) { return p.interval.high; })));
  arrays.push_back(numbers("error", "standard deviation over replicates", along,
                           column(list, [](const auto& p) { return p.error; })));
  arrays.push_back(numbers("free", "1: fitted, 0: held", along,
                           column(list, [](const auto& p) { return p.free ? 1.0 : 0.0; })));
}

void add_replicates(const FitResult& result, std::vector<FitArray>& arrays) {
  if (result.replicates.empty()) return;
  FitArray array = {"replicate_value",
                    "parameters of each bootstrap replicate",
                    "1",
                    {"replicate", "parameter"},
                    {result.replicates.size(), result.parameters.size()},
                    {},
                    {}};
  for (const auto& replicate : result.replicates) {
    array.numbers.insert(array.numbers.end(), replicate.begin(), replicate.end());
  }
  arrays.push_back(array);
}

void add_starts(const FitReport& report, std::vector<FitArray>& arrays) {
  const auto& starts = report.result.fit.starts;
  arrays.push_back(numbers("start_objective", "objective that each start came to", {"start"},
                           column(starts, [](const auto& s) { return s.objective; })));
  FitArray values = {"start_value",
                     "free parameters at each start",
                     "1",
                     {"start", "free_parameter"},
                     {starts.size(), report.problem.dimension()},
                     {},
                     {}};
  for (const StartResult& start : starts) {
    for (std::size_t i = 0; i < start.start.size(); ++i) {
      values.numbers.push_back(report.problem.free_slot(i).natural(start.start[i]));
    }
  }
  arrays.push_back(values);
}

void add_rows(const FitReport& report, std::vector<FitArray>& arrays) {
  const Problem& problem = report.problem;
  std::vector<double> target, predicted, residual, censored;
  for (std::size_t r = 0; r < problem.rows(); ++r) {
    target.push_back(exp(problem.target_log(r)));
    predicted.push_back(exp(problem.prediction_log(r, report.result.fit.best.theta)));
    residual.push_back(problem.residual(r, report.result.fit.best.theta));
    censored.push_back(problem.censored(r) ? 1.0 : 0.0);
  }
  arrays.push_back(texts("row_name", "line or run id of the row", {"row"}, problem.row_names()));
  arrays.push_back(numbers("target", "what was observed", {"row"}, target));
  arrays.push_back(numbers("prediction", "what the law says", {"row"}, predicted));
  arrays.push_back(numbers("residual", "ln(prediction / target)", {"row"}, residual));
  arrays.push_back(numbers("censored", "1: the target is a lower limit", {"row"}, censored));
  for (const Variable& variable : problem.law().info().variables) {
    arrays.push_back(numbers("variable_" + variable.name, variable.name + " of the law", {"row"},
                             problem.variable(variable.name)));
  }
  if (!problem.excluded().empty()) {
    arrays.push_back(texts("excluded_row", "row that was left out", {"excluded"},
                           column(problem.excluded(), [](const auto& e) { return e.row; })));
    arrays.push_back(texts("excluded_reason", "why it was left out", {"excluded"},
                           column(problem.excluded(), [](const auto& e) { return e.reason; })));
  }
}

void add_profiles(const FitResult& result, std::vector<FitArray>& arrays) {
  for (const Profile& profile : result.profiles) {
    const std::vector<std::string> along = {"profile_" + profile.name + "_point"};
    arrays.push_back(numbers("profile_" + profile.name, "values of " + profile.name, along,
                             column(profile.points, [](const auto& p) { return p.value; })));
    arrays.push_back(numbers("profile_" + profile.name + "_deviance",
                             "-2 ln likelihood above the optimum", along,
                             column(profile.points, [](const auto& p) { return p.deviance; })));
  }
}

}  // namespace

FitRecord report_record(const FitReport& report) {
  const FitResult& result = report.result;
  const LawInfo& law = report.problem.law().info();
  const ProblemSpec& spec = report.problem.spec();
  FitRecord record;
  record.name = law.name;
  std::string warnings;
  for (const std::string& warning : result.warnings) warnings += warning + "\n";
  record.attributes = {
      text("law", law.name),
      text("formula", law.formula),
      text("table", report.table),
      text("columns", report.columns),
      text("where", report.where),
      text("target", spec.target),
      text("command_line", report.command_line),
      text("warnings", warnings),
      text("optimizer", "Levenberg-Marquardt on shrinking Huber thresholds, NLopt L-BFGS"),
      text("reduction", report.options.mean_reduced ? "mean" : "sum"),
      number("delta", spec.delta),
      number("seed", static_cast<double>(report.options.seed)),
      number("rows_dropped", static_cast<double>(report.rows_dropped)),
      number("objective", result.fit.best.objective),
      number("gradient_norm", result.fit.best.gradient_norm),
      number("starts_reached", static_cast<double>(result.fit.reached)),
      number("grid_points", result.fit.grid_points),
      number("rms_log_error", result.rms_log_error),
      number("aic", result.aic),
      number("bic", result.bic),
      number("condition_number", result.condition)};
  add_parameters(result, record.arrays);
  add_replicates(result, record.arrays);
  add_starts(report, record.arrays);
  add_rows(report, record.arrays);
  add_profiles(result, record.arrays);
  return record;
}

}  // namespace halfulp::laws
