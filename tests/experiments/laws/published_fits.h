// The published tables as fit problems, with the rows and columns that their papers use.
#pragma once

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "experiments/laws/fit.h"
#include "experiments/laws/table.h"

namespace halfulp::laws {

inline constexpr double kSquares = std::numeric_limits<double>::infinity();

inline Table published_table(const std::string& file, const std::string& columns,
                             const std::string& where) {
  Table table = read_table(std::string(HALFULP_SOURCE_DIR "/experiments/data/") + file);
  define_columns(table, parse_definitions(columns, "columns"));
  if (!where.empty()) keep_rows(table, where);
  return table;
}

/// The 240 points that remain without the five largest losses.
inline Table chinchilla_table(const std::string& where = "loss < 3.44") {
  return published_table("chinchilla-epoch/svg_extracted_data.csv",
                         "N=Model Size,D=Training FLOP/(6*N)", where);
}

inline Table quartet_table(const std::string& where) {
  return published_table("quartet-mxfp4/losses.csv", "N=N_nonembed,D=tokens_D,loss=c4_val_loss",
                         where);
}

/// kind: weight bits, and 100 for weights only, 200 without Hadamard, 300 for FP4, 400 for 2:4.
inline Table quest_table(const std::string& where) {
  return published_table(
      "quest-qat/runs.csv",
      "N=N_nonembed,D=tokens_D,loss=c4_val_loss,kind=w_bits+100*(a_quant==NoQuantizer && "
      "w_quant!=NoQuantizer)+200*(!(w_quant~Hadamard) && w_quant!=NoQuantizer)+300*(w_quant~FP4)+"
      "400*(w_quant~FourEight)",
      where);
}

inline ProblemSpec spec_of(const std::string& law, double delta) {
  ProblemSpec spec;
  spec.law = named_law(law);
  spec.delta = delta;
  return spec;
}

/// The fit from `starts` points of the grid.
inline MultiStart fit(const Problem& problem, std::size_t starts) {
  FitOptions options;
  options.starts = starts;
  return fit_from_grid(problem, std::vector<double>(problem.rows(), 1.0), options);
}

/// Slots by name, in natural values.
inline std::map<std::string, double> named_values(const Problem& problem,
                                                  const std::vector<double>& theta) {
  std::map<std::string, double> values;
  const std::vector<double> natural = problem.natural(theta);
  for (std::size_t i = 0; i < natural.size(); ++i) values[problem.slots()[i].name] = natural[i];
  return values;
}

}  // namespace halfulp::laws
