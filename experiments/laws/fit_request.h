// A fit as it is asked for: by the options of `run_experiment fit`, by [[fit]] of a sweep file, by
// a claim. One structure and one reader of its values for all of them.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/laws/baseline.h"
#include "experiments/laws/fit.h"
#include "experiments/laws/report.h"

namespace halfulp::laws {

struct FitRequest {
  std::string law, expression;
  std::vector<std::string> signed_parameters;
  std::string columns, where;
  BaselineSpec baseline;
  ProblemSpec spec;  ///< without the law
  FitOptions options = {.starts = 500};
  std::vector<std::string> compare;  ///< names of laws, or formulas
  std::size_t folds = 5;
  std::vector<std::string> profiles;
};

/// What a request can set: "where" of `--where EXPR` and of `where = "EXPR"`.
struct RequestKey {
  std::string_view name;
  std::string_view argument;
  std::string_view doc;
};

std::span<const RequestKey> request_keys();

/// Sets what `key` names from its text; lists and conditions may come in several pieces. False when
/// there is no such key. Throws harness::ConfigError, where the key is written as "option '--key'".
bool set_request(FitRequest& request, std::string_view key, const std::string& value);

/// A law is named, once, and what belongs together is there. Throws harness::ConfigError.
void check_request(const FitRequest& request);

/// Gaps, columns and rows of a table as the request says, in this order; returns how many rows
/// --where left out. Throws harness::ConfigError.
std::size_t prepare_table(const FitRequest& request, Table& table);

/// The problem of a prepared table.
Problem make_problem(const FitRequest& request, const Table& table);

/// The same rows for another law, a name or a formula; settings of parameters that it lacks are
/// left out.
Problem make_rival(const FitRequest& request, const Problem& problem, const Table& table,
                   const std::string& law);

/// A fit with everything about it.
struct FitOutcome {
  std::unique_ptr<Problem> problem;
  FitResult result;
  std::vector<ComparedFit> compared;
  std::size_t rows_dropped = 0;  ///< by --where
  std::string table;
};

/// Fits `table` as asked. Throws harness::ConfigError.
FitOutcome run_request(const FitRequest& request, Table table);

FitReport report_of(const FitRequest& request, const FitOutcome& outcome,
                    const std::string& command_line);

}  // namespace halfulp::laws
