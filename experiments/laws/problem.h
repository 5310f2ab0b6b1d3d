// A fit as an optimization problem: law, rows and free parameters become a robust sum of squares
// with exact derivatives.
#pragma once

#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "experiments/harness/diagnostics.h"
#include "experiments/laws/law.h"
#include "experiments/laws/table.h"

namespace halfulp::laws {

/// A table that has not the rows that were asked of it: not a mistake of the user's.
class TooFewRows : public harness::ConfigError {
 public:
  using harness::ConfigError::ConfigError;
};

/// What is to be fitted to what. Names are those of the law and of the table's columns.
struct ProblemSpec {
  std::shared_ptr<const Law> law;
  std::string target;                                 ///< column; empty: the law's target
  std::map<std::string, std::string> by;              ///< parameter -> column of categories
  std::map<std::string, double> fixed;                ///< "E" or "eff[int4]" -> natural value
  std::vector<std::string> freed;                     ///< parameters that the law would hold
  std::map<std::string, std::vector<double>> starts;  ///< other starting values
  std::map<std::string, std::pair<double, double>> bounds;
  std::string group;    ///< columns, by commas, of rows that go together
  double delta = 1e-3;  ///< of Huber's loss; infinity: squares
  double censor = std::numeric_limits<double>::infinity();  ///< losses from here on are "at least"
  double warmup = 0.0;  ///< steps before a curve, for curve laws
  std::string curve;    ///< column that tells curves apart
};

/// One number to fit: a parameter of the law, or its value for one category.
struct Slot {
  std::string name;  ///< "eff[int4]"
  std::size_t parameter = 0;
  bool positive = true;
  bool free = true;
  double value = 0.0;               ///< internal, where it is not free
  double lower = 0.0, upper = 0.0;  ///< internal
  std::vector<double> starts;       ///< internal

  double natural(double internal) const;
};

/// Objective and derivatives by the free slots. `curvature` and `majorizer` are dense and
/// symmetric: the sums of J J^T over rows in the quadratic part of Huber's loss, and over all rows
/// with weight psi(r)/r.
struct Linearization {
  double objective = 0.0;
  std::vector<double> gradient, curvature, majorizer;
};

struct ExcludedRow {
  std::string row;
  std::string reason;
};

class Problem {
 public:
  /// Reads the rows. Throws harness::ConfigError for a missing or textual column, a value a law
  /// cannot take (N <= 0), unknown names, fewer rows than free parameters.
  Problem(const Table& table, const ProblemSpec& spec);

  const Law& law() const { return *spec_.law; }

  const ProblemSpec& spec() const { return spec_; }

  std::size_t rows() const { return target_log_.size(); }

  /// All slots; free_slots() lists the free ones, in the order of the optimizer's vector.
  const std::vector<Slot>& slots() const { return slots_; }

  const std::vector<std::size_t>& free_slots() const { return free_; }

  std::size_t dimension() const { return free_.size(); }

  const Slot& free_slot(std::size_t i) const { return slots_[free_[i]]; }

  const std::vector<ExcludedRow>& excluded() const { return excluded_; }

  const std::vector<std::string>& row_names() const { return row_names_; }

  /// Rows of one group have one number; groups are 0, 1, ...
  const std::vector<std::size_t>& group_of_row() const { return group_of_row_; }

  std::size_t groups() const { return groups_; }

  /// Values of a variable of the law, row by row; empty when the law has none of this name.
  std::vector<double> variable(const std::string& name) const;

  double target_log(std::size_t row) const { return target_log_[row]; }

  bool censored(std::size_t row) const { return censored_[row]; }

  std::size_t censored_rows() const;

  /// ln(prediction) of a row; NaN where the law has none.
  double prediction_log(std::size_t row, const std::vector<double>& theta) const;

  /// ln(prediction) - ln(target); 0 for a censored row whose limit is exceeded.
  double residual(std::size_t row, const std::vector<double>& theta) const;

  /// sum over rows of weight * Huber(residual); infinity where the law has no value.
  double objective(const std::vector<double>& theta, const std::vector<double>& weights) const;

  /// The same with derivatives, and with any threshold `delta`; false where the law has no value.
  bool linearize(const std::vector<double>& theta, const std::vector<double>& weights, double delta,
                 Linearization& out) const;

  /// For each slot, whether a row of positive weight has it.
  std::vector<bool> slots_in_use(const std::vector<double>& weights) const;

  /// All slots in natural values.
  std::vector<double> natural(const std::vector<double>& theta) const;

  /// A copy in which one more slot is held at its internal value in `theta`.
  Problem with_held(std::size_t free_index, double internal) const;

 private:
  void make_slots(const Table& table);
  void add_slot(std::size_t parameter, const std::string& name, bool idle);
  void apply_fixed();
  void read_rows(const Table& table);
  void add_value(const Table& table, std::size_t row, const Variable& variable, double value);
  void assign_slots(const Table& table, const std::vector<std::size_t>& kept);
  void make_curves(const Table& table, const std::vector<std::size_t>& kept);
  void make_groups(const Table& table, const std::vector<std::size_t>& kept);
  void check_identified() const;
  void list_free();
  Row row(std::size_t index) const;
  void gather(std::size_t row, const std::vector<double>& theta, double* internal) const;

  ProblemSpec spec_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> free_;
  std::vector<int> free_index_;        ///< of each slot, -1 for held ones
  std::vector<double> values_, logs_;  ///< rows x variables
  std::vector<double> target_log_;
  std::vector<bool> censored_;
  std::vector<std::size_t> slot_of_;  ///< rows x parameters
  std::vector<std::string> row_names_;
  std::vector<std::size_t> group_of_row_;
  std::size_t groups_ = 0;
  std::vector<ExcludedRow> excluded_;
  std::vector<Curve> curves_;
  std::vector<std::size_t> curve_of_row_, place_in_curve_;
  std::vector<std::map<std::string, std::size_t>> slots_of_category_;  ///< by parameter
};

}  // namespace halfulp::laws
