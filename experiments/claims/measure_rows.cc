#include "experiments/claims/measure_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "experiments/claims/statistics.h"
#include "experiments/laws/dual.h"

namespace halfulp::claims {

namespace {

using harness::ConfigError;
using laws::Table;

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

/// The rows of all statistics but fits, with the formulas they need.
Table prepared(const Claim& claim, Table table) {
  laws::prepare_table(claim.statistic.request, table);
  return table;
}

bool is_diverged(const Table& table, std::size_t row) {
  const laws::TableColumn* const status = table.find("status");
  return status != nullptr && status->texts[row] == "diverged";
}

std::vector<double> finite_values(const Table& table, const std::string& formula,
                                  const std::string& key) {
  std::vector<double> values = laws::row_values(table, formula, fmt::format("option '--{}'", key));
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (is_diverged(table, row) || !std::isfinite(values[row])) values[row] = kNotANumber;
  }
  return values;
}

struct Pair {
  double a = 0.0, b = 0.0;
  std::string group;
};

struct Pairs {
  std::vector<Pair> pairs;
  std::size_t rows = 0, left_out = 0;
};

double combined(const std::vector<double>& values, Repeated repeated, const std::string& side,
                const std::string& key) {
  if (values.size() > 1 && repeated == Repeated::error) {
    throw ConfigError(
        fmt::format("option '--pair': {} rows of '{}' have {}; name one more column in which they "
                    "differ, or set repeated = \"mean\"",
                    values.size(), side, key));
  }
  if (repeated == Repeated::smallest) return *std::min_element(values.begin(), values.end());
  if (repeated == Repeated::largest) return *std::max_element(values.begin(), values.end());
  return mean(values);
}

Pairs find_pairs(const Claim& claim, const Table& table) {
  const Statistic& statistic = claim.statistic;
  const std::vector<double> values = finite_values(table, statistic.y, "y");
  const auto in_a = laws::rows_where(table, statistic.a, "option '--a'");
  const auto in_b = laws::rows_where(table, statistic.b, "option '--b'");
  const auto keys = laws::row_keys(table, statistic.pair, "option '--pair'");
  const std::string& group = statistic.request.spec.group;
  const auto groups = group.empty() ? keys : laws::group_keys(table, group);

  struct Cell {
    std::vector<double> a, b;
    std::string group;
  };

  Pairs found;
  std::map<std::string, Cell> cells;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (!in_a[row] && !in_b[row]) continue;
    if (std::isnan(values[row])) {
      ++found.left_out;
      continue;
    }
    Cell& cell = cells[keys[row]];
    cell.group = groups[row];
    if (in_a[row]) cell.a.push_back(values[row]);
    if (in_b[row]) cell.b.push_back(values[row]);
  }
  for (const auto& [key, cell] : cells) {
    if (cell.a.empty() || cell.b.empty()) {
      found.left_out += cell.a.size() + cell.b.size();
      continue;
    }
    found.rows += cell.a.size() + cell.b.size();
    found.pairs.push_back({combined(cell.a, statistic.repeated, statistic.a, key),
                           combined(cell.b, statistic.repeated, statistic.b, key), cell.group});
  }
  return found;
}

std::string pair_text(const Statistic& statistic, const char* relation) {
  return fmt::format("{} of rows with {} {} that of rows with {}, paired by {}{}", statistic.y,
                     statistic.a, relation, statistic.b, fmt::join(statistic.pair, ", "),
                     rows_text(statistic.request));
}

/// Means over the pairs of each group.
struct GroupMeans {
  std::vector<double> a, b;
};

GroupMeans group_means(const Pairs& found) {
  std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> groups;
  for (const Pair& pair : found.pairs) {
    groups[pair.group].first.push_back(pair.a);
    groups[pair.group].second.push_back(pair.b);
  }
  GroupMeans means;
  for (const auto& [key, values] : groups) {
    means.a.push_back(mean(values.first));
    means.b.push_back(mean(values.second));
  }
  return means;
}

double weighted_sum(std::span<const double> values, std::span<const double> weights) {
  double sum = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += weights[i] * values[i];
  return sum;
}

Measurement share(std::size_t successes, std::size_t trials) {
  if (trials == 0) throw laws::TooFewRows("no row and no pair is left");
  Measurement result;
  result.effect = static_cast<double>(successes) / static_cast<double>(trials);
  result.interval = share_interval(successes, trials);
  result.groups = trials;
  return result;
}

}  // namespace

/// What a request selects, in words.
std::string rows_text(const laws::FitRequest& request) {
  std::string text;
  if (!request.baseline.where.empty()) {
    text += fmt::format("; gap above rows with {}", request.baseline.where);
  }
  if (!request.columns.empty()) text += fmt::format("; {}", request.columns);
  if (!request.where.empty()) text += fmt::format("; rows with {}", request.where);
  return text;
}

Measurement measure_paired(const Claim& claim, const Table& table, int jobs) {
  const Statistic& statistic = claim.statistic;
  const Pairs found = find_pairs(claim, prepared(claim, table));
  const GroupMeans means = group_means(found);
  const std::size_t groups = means.a.size();
  if (groups < 2) {
    throw laws::TooFewRows(
        fmt::format("{} pairs in {} groups; an interval takes two", found.pairs.size(), groups));
  }
  const auto value = [&](std::span<const double> weights) {
    const double a = weighted_sum(means.a, weights), b = weighted_sum(means.b, weights);
    return statistic.is_ratio ? a / b : (a - b) / static_cast<double>(groups);
  };
  std::vector<double> differences;
  for (std::size_t i = 0; i < groups; ++i) differences.push_back(means.a[i] - means.b[i]);
  const laws::FitOptions& options = statistic.request.options;
  return {value(std::vector<double>(groups, 1.0)),
          statistic.is_t_interval && !statistic.is_ratio
              ? mean_interval(differences)
              : bootstrap_interval(groups, options.bootstrap, options.seed, jobs, value),
          found.rows,
          groups,
          found.left_out,
          "mean " + pair_text(statistic, statistic.is_ratio ? "over the mean" : "minus")};
}

Measurement measure_share(const Claim& claim, const Table& raw) {
  const Statistic& statistic = claim.statistic;
  const Table table = prepared(claim, raw);
  if (!statistic.condition.empty()) {
    const auto holds = laws::rows_where(table, statistic.condition, "option '--condition'");
    Measurement result =
        share(static_cast<std::size_t>(std::count(holds.begin(), holds.end(), true)), table.rows());
    result.rows = table.rows();
    result.what =
        fmt::format("share of rows with {}{}", statistic.condition, rows_text(statistic.request));
    return result;
  }
  const Pairs found = find_pairs(claim, table);
  const auto lower = std::count_if(found.pairs.begin(), found.pairs.end(),
                                   [](const Pair& p) { return p.a < p.b; });
  Measurement result = share(static_cast<std::size_t>(lower), found.pairs.size());
  result.rows = found.rows;
  result.left_out = found.left_out;
  result.what = "share of cells: " + pair_text(statistic, "below");
  return result;
}

Measurement measure_correlation(const Claim& claim, const Table& raw, int jobs) {
  const Statistic& statistic = claim.statistic;
  const Table table = prepared(claim, raw);
  const auto x = finite_values(table, statistic.x, "x");
  const auto y = finite_values(table, statistic.y, "y");
  const auto keys = laws::group_keys(table, statistic.request.spec.group);
  std::map<std::string, std::size_t> numbers;
  std::vector<double> used_x, used_y;
  std::vector<std::size_t> group;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (std::isnan(x[row]) || std::isnan(y[row])) continue;
    used_x.push_back(x[row]);
    used_y.push_back(y[row]);
    group.push_back(numbers.emplace(keys[row], numbers.size()).first->second);
  }
  if (numbers.size() < 4) {
    throw laws::TooFewRows(
        fmt::format("{} groups of rows; a rank correlation takes four", numbers.size()));
  }
  const auto replicate = [&](std::span<const double> count) {
    std::vector<double> drawn_x, drawn_y;
    for (std::size_t i = 0; i < group.size(); ++i) {
      for (double k = 0.0; k < count[group[i]]; k += 1.0) {
        drawn_x.push_back(used_x[i]);
        drawn_y.push_back(used_y[i]);
      }
    }
    return rank_correlation(drawn_x, drawn_y);
  };
  const laws::FitOptions& options = statistic.request.options;
  return {rank_correlation(used_x, used_y),
          bootstrap_interval(numbers.size(), options.bootstrap, options.seed, jobs, replicate),
          used_x.size(),
          numbers.size(),
          table.rows() - used_x.size(),
          fmt::format("rank correlation of {} and {}{}", statistic.x, statistic.y,
                      rows_text(statistic.request))};
}

}  // namespace halfulp::claims
