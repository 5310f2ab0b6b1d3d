// Statistics of fits; those of rows are in measure_rows.cc.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "experiments/claims/claim.h"
#include "experiments/claims/measure_rows.h"
#include "experiments/claims/statistics.h"
#include "experiments/harness/schema.h"

namespace halfulp::claims {

namespace {

using harness::ConfigError;
using laws::Table;

laws::FitRequest with_jobs(laws::FitRequest request, int jobs) {
  request.options.jobs = jobs;
  return request;
}

// Fitted parameters.

/// Slots of all fits under the names that the formula uses, and their values in each replicate.
struct Parameters {
  std::vector<std::string> names;
  std::vector<double> estimates;
  std::vector<std::vector<double>> replicates;
  std::size_t rows = 0, groups = 0, left_out = 0;
  std::string what;
};

void add_fit(const laws::FitRequest& request, const std::string& prefix, const Table& table,
             Parameters& all) {
  laws::check_request(request);
  const laws::FitOutcome outcome = laws::run_request(request, table);
  const laws::FitResult& result = outcome.result;
  for (const laws::ParameterEstimate& parameter : result.parameters) {
    all.names.push_back(prefix + parameter.name);
    all.estimates.push_back(parameter.estimate);
  }
  const bool is_first = all.replicates.empty();
  if (is_first) all.replicates.resize(result.replicates.size());
  all.replicates.resize(std::min(all.replicates.size(), result.replicates.size()));
  for (std::size_t i = 0; i < all.replicates.size(); ++i) {
    all.replicates[i].insert(all.replicates[i].end(), result.replicates[i].begin(),
                             result.replicates[i].end());
  }
  all.rows += outcome.problem->rows();
  all.groups += outcome.problem->groups();
  all.left_out += outcome.problem->excluded().size();
  const laws::LawInfo& law = outcome.problem->law().info();
  all.what += fmt::format("{}{}{} = {}{}", all.what.empty() ? "" : "; ",
                          prefix.empty() ? "" : prefix.substr(0, prefix.size() - 1) + ": ",
                          outcome.problem->spec().target, law.formula, rows_text(request));
}

Measurement measure_parameter(const Claim& claim, const Table& table, int jobs) {
  const Statistic& statistic = claim.statistic;
  Parameters all;
  if (statistic.fits.empty()) add_fit(with_jobs(statistic.request, jobs), "", table, all);
  for (std::size_t i = 0; i < statistic.fits.size(); ++i) {
    laws::FitRequest request = with_jobs(statistic.fits[i].request, jobs);
    request.options.seed += i;  // fits of different rows: their draws are independent
    add_fit(request, statistic.fits[i].name + ".", table, all);
  }
  const laws::Expression formula(statistic.value, all.names, "option '--value'");
  if (!formula.is_numeric()) {
    throw ConfigError("option '--value': comparisons and texts have no place in it");
  }
  std::vector<std::size_t> places;
  for (const std::string& name : formula.names()) {
    const auto found = std::find(all.names.begin(), all.names.end(), name);
    if (found == all.names.end()) {
      throw ConfigError(fmt::format("option '--value': there is no parameter '{}'{} (there are {})",
                                    name, harness::suggestion(name, all.names),
                                    fmt::join(all.names, ", ")));
    }
    places.push_back(static_cast<std::size_t>(found - all.names.begin()));
  }
  const auto value_at = [&](const std::vector<double>& slots) {
    std::vector<double> values;
    for (const std::size_t place : places) values.push_back(slots[place]);
    return formula.evaluate<double>(std::span<const double>(values));
  };
  std::vector<double> values;
  for (const auto& replicate : all.replicates) values.push_back(value_at(replicate));
  return {value_at(all.estimates),
          laws::quantile_interval(std::move(values), 0.95),
          all.rows,
          all.groups,
          all.left_out,
          fmt::format("{} of the fit {}", statistic.value, all.what)};
}

// Held-out errors.

/// Errors of one group resampled are always the same: an interval without width.
constexpr std::size_t kLeastGroups = 2;

double rms(const std::vector<double>& errors, const std::vector<double>& weights) {
  double sum = 0.0, count = 0.0;
  for (std::size_t r = 0; r < errors.size(); ++r) {
    if (weights[r] == 0.0 || std::isnan(errors[r])) continue;
    sum += weights[r] * errors[r] * errors[r];
    count += weights[r];
  }
  return std::sqrt(sum / count);
}

std::vector<double> fold_errors(const laws::Problem& problem, const laws::MultiStart& fit,
                                const laws::FitRequest& request) {
  if (problem.groups() < request.folds) {
    throw laws::TooFewRows(
        fmt::format("{} groups of rows are too few for {} folds", problem.groups(), request.folds));
  }
  return laws::predict_folds(problem, request.folds, fit, request.options).errors;
}

/// Rows that no fit sees: those of the largest values of a variable, or those of a condition.
/// Nothing for cross-validation.
std::optional<laws::LargestRows> rows_to_predict(const std::string& held_out,
                                                 const std::vector<laws::Problem>& problems,
                                                 const Table& table) {
  if (held_out == "folds") return {};
  for (const laws::Problem& problem : problems) {  // a rival may lack the variable
    if (auto largest = laws::largest_rows(problem, held_out)) return largest;
  }
  const std::vector<bool> marked = laws::rows_where(table, held_out, "option '--held_out'");
  const std::vector<std::string>& names = problems.front().row_names();
  laws::LargestRows rows = {held_out, {}};
  for (std::size_t row = 0; row < table.rows(); ++row) {  // a problem leaves out diverged rows
    const std::size_t used = rows.weights.size();
    if (used == names.size() || table.row_names[row] != names[used]) continue;
    rows.weights.push_back(marked[row] ? 0.0 : 1.0);
  }
  return rows;
}

/// Errors of each law on the same held-out rows.
std::vector<std::vector<double>> held_out_errors(const Claim& claim,
                                                 const std::vector<laws::Problem>& problems,
                                                 const laws::FitRequest& request,
                                                 const Table& table) {
  const auto largest = rows_to_predict(claim.statistic.held_out, problems, table);
  std::vector<std::vector<double>> errors;
  for (const laws::Problem& problem : problems) {
    const laws::MultiStart fit =
        laws::fit_from_grid(problem, std::vector<double>(problem.rows(), 1.0), request.options);
    if (!largest) {
      errors.push_back(fold_errors(problem, fit, request));
      continue;
    }
    auto rows = laws::predict_largest(problem, *largest, fit, request.options);
    if (!rows) throw laws::TooFewRows("too few rows remain to fit or to predict");
    errors.push_back(std::move(rows->errors));
  }
  return errors;
}

Measurement measure_held_out(const Claim& claim, Table table, int jobs) {
  const laws::FitRequest request = with_jobs(claim.statistic.request, jobs);
  laws::check_request(request);
  laws::prepare_table(request, table);
  std::vector<laws::Problem> problems = {laws::make_problem(request, table)};
  for (const std::string& law : request.compare) {
    problems.push_back(laws::make_rival(request, problems.front(), table, law));
  }
  const laws::Problem& problem = problems.front();
  auto rivals = held_out_errors(claim, problems, request, table);
  const std::vector<double> own = rivals.front();
  rivals.erase(rivals.begin());
  const auto value = [&](const std::vector<double>& weights) {
    double best = std::numeric_limits<double>::infinity();
    for (const auto& errors : rivals) best = std::min(best, rms(errors, weights));
    return best - rms(own, weights);
  };
  const auto& group_of_row = problem.group_of_row();
  std::set<std::size_t> predicted_groups;
  for (std::size_t row = 0; row < own.size(); ++row) {
    if (!std::isnan(own[row])) predicted_groups.insert(group_of_row[row]);
  }
  if (predicted_groups.size() < kLeastGroups) {
    throw laws::TooFewRows(fmt::format("the rows predicted are of {} groups; an interval takes {}",
                                       predicted_groups.size(), kLeastGroups));
  }
  const auto replicate = [&](std::span<const double> count) {
    std::vector<double> weights;
    for (const std::size_t group : group_of_row) weights.push_back(count[group]);
    return value(weights);
  };
  const auto predicted = static_cast<std::size_t>(
      std::count_if(own.begin(), own.end(), [](double e) { return !std::isnan(e); }));
  return {
      value(std::vector<double>(problem.rows(), 1.0)),
      bootstrap_interval(problem.groups(), request.options.bootstrap, request.options.seed, jobs,
                         replicate),
      predicted,
      problem.groups(),
      problem.excluded().size(),
      fmt::format("rms error of ln {} held out ({}), the best of {} minus {}{}",
                  problem.spec().target, claim.statistic.held_out, fmt::join(request.compare, ", "),
                  problem.law().info().formula, rows_text(request))};
}

}  // namespace

Measurement measure(const Claim& claim, const Table& table, int jobs) {
  switch (claim.statistic.kind) {
    case StatisticKind::parameter:
      return measure_parameter(claim, table, jobs);
    case StatisticKind::held_out:
      return measure_held_out(claim, table, jobs);
    case StatisticKind::paired:
      return measure_paired(claim, table, jobs);
    case StatisticKind::share:
      return measure_share(claim, table);
    case StatisticKind::correlation:
      return measure_correlation(claim, table, jobs);
  }
  return {};
}

}  // namespace halfulp::claims
