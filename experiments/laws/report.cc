#include "experiments/laws/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/harness/labels.h"

namespace halfulp::laws {

namespace {

constexpr std::size_t kShownRows = 20;

std::string digits(double value) { return std::isnan(value) ? "-" : fmt::format("{:.6g}", value); }

std::string describe(const HeldOut& held_out) {
  return fmt::format(
      "held out {}: {} rows, rms log error {:.4g}, mean relative error {:.4g}, bias "
      "{:+.4g}\n",
      held_out.what, held_out.rows, held_out.rms_log_error, held_out.mean_relative_error,
      held_out.mean_bias);
}

std::string describe(const Profile& profile) {
  std::string text = fmt::format(
      "profile {}: 95 % {} .. {}{}\n", profile.name, digits(profile.interval.low),
      digits(profile.interval.high),
      profile.open_below || profile.open_above
          ? fmt::format(" (open {})", profile.open_below
                                          ? (profile.open_above ? "on both sides" : "below")
                                          : "above")
          : "");
  for (const ProfilePoint& point : profile.points) {
    text +=
        fmt::format("  {} {:.8g} {:.4g}\n", digits(point.value), point.objective, point.deviance);
  }
  return text;
}

std::string compared_table(const std::vector<ComparedFit>& compared) {
  std::vector<std::vector<std::string>> rows = {
      {"law", "parameters", "objective", "AIC", "BIC", "cv rms"}};
  for (const HeldOut& held_out : compared.front().largest) rows[0].push_back(held_out.what);
  for (const ComparedFit& fit : compared) {
    rows.push_back({fit.law, fmt::format("{}", fit.parameters),
                    fmt::format("{:.6g}", fit.objective), fmt::format("{:.1f}", fit.aic),
                    fmt::format("{:.1f}", fit.bic),
                    fmt::format("{:.4g}", fit.cross_validated.rms_log_error)});
    for (const HeldOut& held_out : fit.largest) {
      rows.back().push_back(fmt::format("{:.4g}", held_out.rms_log_error));
    }
  }
  return "compared, the smallest cross-validated error first (errors: rms of log residuals)\n" +
         harness::format_table(rows);
}

std::string excluded_text(const Problem& problem) {
  std::string text;
  const auto& excluded = problem.excluded();
  for (std::size_t i = 0; i < std::min(excluded.size(), kShownRows); ++i) {
    text += fmt::format("left out: {}: {}\n", excluded[i].row, excluded[i].reason);
  }
  if (excluded.size() > kShownRows) {
    text += fmt::format("left out: {} more\n", excluded.size() - kShownRows);
  }
  return text;
}

/// JSON has no NaN and no infinity.
std::string json(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "null"; }

std::string json(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string json(bool value) { return value ? "true" : "false"; }

std::string json(const HeldOut& h) {
  return fmt::format(
      "{{\"what\": {}, \"rows\": {}, \"rms_log_error\": {}, \"mean_relative_error\": {}, "
      "\"mean_bias\": {}}}",
      json(h.what), h.rows, json(h.rms_log_error), json(h.mean_relative_error), json(h.mean_bias));
}

std::string json(const Profile& profile) {
  std::vector<std::string> points;
  for (const ProfilePoint& point : profile.points) {
    points.push_back(fmt::format("[{}, {}, {}]", json(point.value), json(point.objective),
                                 json(point.deviance)));
  }
  return fmt::format(
      "{{\"name\": {}, \"low\": {}, \"high\": {}, \"open_below\": {}, \"open_above\": {}, "
      "\"value_objective_deviance\": [{}]}}",
      json(profile.name), json(profile.interval.low), json(profile.interval.high),
      json(profile.open_below), json(profile.open_above), fmt::join(points, ", "));
}

template <typename T, typename Function>
std::string json_list(const std::vector<T>& items, const Function& function) {
  std::vector<std::string> texts;
  for (const T& item : items) texts.push_back(function(item));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

std::string json(const ParameterEstimate& p) {
  return fmt::format(
      "{{\"name\": {}, \"estimate\": {}, \"low\": {}, \"high\": {}, \"error\": {}, "
      "\"free\": {}, \"at_bound\": {}}}",
      json(p.name), json(p.estimate), json(p.interval.low), json(p.interval.high), json(p.error),
      json(p.free), json(p.at_bound));
}

std::string json(const ComparedFit& fit) {
  return fmt::format(
      "{{\"law\": {}, \"parameters\": {}, \"objective\": {}, \"aic\": {}, \"bic\": {}, "
      "\"cross_validated\": {}, \"largest\": {}}}",
      json(fit.law), fit.parameters, json(fit.objective), json(fit.aic), json(fit.bic),
      json(fit.cross_validated), json_list(fit.largest, [](const HeldOut& h) { return json(h); }));
}

}  // namespace

std::string report_text(const FitReport& report) {
  const FitResult& result = report.result;
  const Problem& problem = report.problem;
  std::vector<std::vector<std::string>> rows = {{"name", "estimate", "low", "high"}};
  for (const ParameterEstimate& p : result.parameters) {
    if (p.free) {
      rows.push_back({p.name, digits(p.estimate), digits(p.interval.low), digits(p.interval.high)});
    }
  }
  std::string text = harness::format_table(rows);
  for (const ParameterEstimate& p : result.parameters) {
    const bool was_asked = problem.spec().fixed.contains(p.name);
    if (!p.free && was_asked) text += fmt::format("held: {} = {}\n", p.name, digits(p.estimate));
  }
  text += fmt::format("objective {:.10g} (Huber's loss, delta {}, summed over {} rows)\n",
                      result.fit.best.objective, problem.spec().delta, problem.rows());
  text += fmt::format("starts: {} of {} reached it within 1e-6{}\n", result.fit.reached,
                      result.fit.starts.size(),
                      static_cast<double>(result.fit.starts.size()) < result.fit.grid_points
                          ? fmt::format(" (a sample of a grid of {:.4g})", result.fit.grid_points)
                          : "");
  text += fmt::format("rms log error {:.4g}, AIC {:.2f}, BIC {:.2f}, condition number {:.3g}\n",
                      result.rms_log_error, result.aic, result.bic, result.condition);
  for (const HeldOut& held_out : result.held_out) text += describe(held_out);
  for (const Profile& profile : result.profiles) text += describe(profile);
  if (!report.compared.empty()) text += compared_table(report.compared);
  if (report.rows_dropped > 0)
    text += fmt::format("--where left out {} rows\n", report.rows_dropped);
  if (problem.censored_rows() > 0) {
    text += fmt::format("{} rows count as 'at least {}'\n", problem.censored_rows(),
                        problem.spec().censor);
  }
  text += excluded_text(problem);
  for (const std::string& warning : result.warnings) text += "warning: " + warning + "\n";
  return text;
}

std::string report_json(const FitReport& report) {
  const FitResult& r = report.result;
  const LawInfo& law = report.problem.law().info();
  std::string text = "{\n";
  const auto add = [&](const char* key, const std::string& value) {
    text += fmt::format("  \"{}\": {},\n", key, value);
  };
  add("law", json(law.name));
  add("formula", json(law.formula));
  add("table", json(report.table));
  add("columns", json(report.columns));
  add("where", json(report.where));
  add("rows", fmt::format("{}", report.problem.rows()));
  add("rows_dropped", fmt::format("{}", report.rows_dropped));
  add("rows_censored", fmt::format("{}", report.problem.censored_rows()));
  add("delta", json(report.problem.spec().delta));
  add("reduction", json(std::string(report.options.mean_reduced ? "mean" : "sum")));
  add("seed", fmt::format("{}", report.options.seed));
  add("bootstrap", fmt::format("{}", r.replicates.size()));
  add("parameters", json_list(r.parameters, [](const auto& p) { return json(p); }));
  add("objective", json(r.fit.best.objective));
  add("gradient_norm", json(r.fit.best.gradient_norm));
  add("starts", fmt::format("{}", r.fit.starts.size()));
  add("starts_reached", fmt::format("{}", r.fit.reached));
  add("rms_log_error", json(r.rms_log_error));
  add("aic", json(r.aic));
  add("bic", json(r.bic));
  add("condition_number", json(r.condition));
  add("held_out", json_list(r.held_out, [](const auto& h) { return json(h); }));
  add("profiles", json_list(r.profiles, [](const auto& p) { return json(p); }));
  add("compared", json_list(report.compared, [](const auto& c) { return json(c); }));
  add("excluded", json_list(report.problem.excluded(), [](const ExcludedRow& row) {
        return fmt::format("{{\"row\": {}, \"reason\": {}}}", json(row.row), json(row.reason));
      }));
  text += fmt::format("  \"warnings\": {}\n}}\n",
                      json_list(r.warnings, [](const auto& w) { return json(w); }));
  return text;
}

}  // namespace halfulp::laws
