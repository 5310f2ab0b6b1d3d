// Results of fits as text, as JSON and as a file.
#pragma once

#include <string>
#include <vector>

#include "experiments/laws/fit.h"
#include "experiments/store/fits_file.h"

namespace halfulp::laws {

/// One law of a comparison.
struct ComparedFit {
  std::string law;
  std::size_t parameters = 0;
  double objective = 0.0, aic = 0.0, bic = 0.0;
  HeldOut cross_validated;
  std::vector<HeldOut> largest;
};

/// What was fitted, for the report.
struct FitReport {
  const Problem& problem;
  const FitOptions& options;
  const FitResult& result;
  std::vector<ComparedFit> compared;
  std::string table, columns, where, command_line;
  std::size_t rows_dropped = 0;  ///< by --where
};

std::string report_text(const FitReport& report);
std::string report_json(const FitReport& report);

/// Everything about the fit as the group /fits/<law> of docs/RESULTS.md.
FitRecord report_record(const FitReport& report);

}  // namespace halfulp::laws
