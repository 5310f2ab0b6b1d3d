#include "experiments/harness/sweep_fits.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "experiments/harness/fit_keys.h"
#include "experiments/harness/labels.h"
#include "experiments/harness/sweep_reader.h"
#include "experiments/laws/report.h"
#include "experiments/store/fits_file.h"
#include "formats/spec.h"

namespace halfulp::harness {

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string digits(double value) { return fmt::format("{:.4g}", value); }

void add_lines(const std::string& name, const laws::FitOutcome& outcome, Rows& rows) {
  for (const laws::ParameterEstimate& parameter : outcome.result.parameters) {
    if (!parameter.free) continue;
    rows.push_back({"  " + name, parameter.name, digits(parameter.estimate),
                    digits(parameter.interval.low), digits(parameter.interval.high),
                    fmt::format("{}", outcome.problem->rows())});
  }
}

std::string compared_text(const std::string& name, const laws::FitOutcome& outcome) {
  if (outcome.compared.empty()) return "";
  std::vector<std::string> parts;
  for (const laws::ComparedFit& fit : outcome.compared) {
    parts.push_back(fmt::format("{} {:.3g}", fit.law, fit.cross_validated.rms_log_error));
  }
  return fmt::format("  {}: cross-validated rms error of the logarithm: {}\n", name,
                     fmt::join(parts, ", "));
}

}  // namespace

std::string fit_sweep(const Sweep& sweep, const std::string& results_file, int jobs,
                      std::vector<std::string>& remarks) {
  if (sweep.fits.empty()) return "";
  const laws::Table table = laws::read_table(results_file);
  std::vector<FitRecord> records;
  Rows rows = {{"  fit", "parameter", "estimate", "low", "high", "rows"}};
  std::string compared;
  for (const SweepFit& fit : sweep.fits) {
    laws::FitRequest request = fit.request;
    request.options.jobs = jobs;
    try {
      const laws::FitOutcome outcome = laws::run_request(request, table);
      records.push_back(laws::report_record(laws::report_of(request, outcome, "")));
      records.back().name = fit.name;
      add_lines(fit.name, outcome, rows);
      compared += compared_text(fit.name, outcome);
    } catch (const ConfigError& error) {
      for (const std::string& line : error.lines()) {
        remarks.push_back(fmt::format("fit '{}': {}", fit.name, as_key(line, "fit.")));
      }
    }
  }
  if (records.empty()) return "";
  add_fits(results_file, records);
  return "fits, with 95 % bootstrap intervals:\n" + format_table(rows) + compared;
}

void SweepReader::read_fits(const TomlEntry& entry) {
  if (!expect(entry, "fit", TomlType::array)) {
    return;
  }
  for (const TomlNode& table : entry.value.items) {
    if (table.type != TomlType::table) {
      diagnostics_.error(table.at, "fit: expected [[fit]] tables");
      continue;
    }
    read_fit(table);
  }
}

void SweepReader::read_fit(const TomlNode& table) {
  SweepFit fit;
  fit.at = table.at;
  for (const TomlEntry& key : table.entries) {
    fit.places[key.key] = key.value.at;
    if (key.key == "name") {
      if (expect(key, "fit.name", TomlType::text)) fit.name = key.value.text;
    } else if (!read_fit_key(key, "fit.", fit.request, diagnostics_)) {
      std::vector<std::string> known = fit_key_names("fit.");
      known.emplace_back("fit.name");
      diagnostics_.error(key.at, unknown_key("fit." + key.key, known));
    }
  }
  if (fit.name.empty()) fit.name = fit.request.law.empty() ? "expression" : fit.request.law;
  const bool is_taken = std::any_of(sweep_.fits.begin(), sweep_.fits.end(),
                                    [&](const SweepFit& other) { return other.name == fit.name; });
  if (is_taken || fit.name.find_first_of("/ ") != std::string::npos) {
    diagnostics_.error(fit.at,
                       is_taken ? fmt::format("fit: '{}' is there twice; give a name", fit.name)
                                : "fit.name: it names a group of a file; without '/' and spaces");
  }
  check_fit(fit);
  sweep_.fits.push_back(std::move(fit));
}

void SweepReader::check_fit(const SweepFit& fit) {
  const laws::FitRequest& request = fit.request;
  const auto guarded = [&](const auto& check) {
    try {
      check();
    } catch (const ConfigError& error) {
      complain(error, "fit.", fit.places, fit.at, diagnostics_);
    }
  };
  guarded([&] { laws::check_request(request); });
  std::vector<std::pair<std::string, std::string>> formulas = {
      {"where", request.where}, {"baseline", request.baseline.where}};
  guarded([&] {
    if (request.columns.empty()) return;
    for (const auto& definition : laws::parse_definitions(request.columns, "--columns")) {
      formulas.emplace_back("columns", definition.expression);
    }
  });
  std::vector<std::pair<std::string, std::string>> names;
  for (const std::string& name : request.baseline.match) names.emplace_back("match", name);
  for (const auto& [key, text] : formulas) {
    if (text.empty()) continue;
    guarded([&, &key = key, &text = text] {
      const laws::Expression formula(text, {}, fmt::format("option '--{}'", key));
      for (const std::string& name : formula.names()) names.emplace_back(key, name);
    });
  }
  for (const auto& [key, name] : names) check_fit_column(fit, key, name);
}

/// Metrics show themselves with the runs; a key of the experiment can be checked before.
void SweepReader::check_fit_column(const SweepFit& fit, const std::string& key,
                                   const std::string& name) {
  const std::string group = name.substr(0, name.find('.') + 1);
  if (group.empty() || schema_.find(name) != nullptr) return;
  std::vector<std::string> known;
  for (const Field& field : schema_.fields()) known.emplace_back(field.key);
  const bool is_key = std::any_of(known.begin(), known.end(), [&](const std::string& field) {
    return field.starts_with(group);
  });
  const auto place = fit.places.find(key);
  if (is_key || !nearest_names(name, known, 1).empty()) {
    diagnostics_.error(place == fit.places.end() ? fit.at : place->second,
                       fmt::format("fit.{}: {}", key, unknown_key(name, known)));
  }
}

}  // namespace halfulp::harness
