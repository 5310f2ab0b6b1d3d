// Scaling laws as data and functions. A law predicts the logarithm of a positive quantity (a loss,
// a gap, a learning rate) from the variables of a row and from parameters; docs/LAWS.md lists them.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace halfulp::laws {

/// One parameter in natural values. Positive ones are fitted as logarithms ("internal" values).
struct Parameter {
  std::string name;
  bool positive = true;
  double lower = 0.0, upper = 0.0;  ///< bounds of a fit
  std::vector<double> starts = {};  ///< grid of starting values
  std::optional<double> held = {};  ///< not fitted unless freed, and then its value
  std::string doc = {};
};

/// One input of a law. A variable with `missing` may be absent from the data: it then has that
/// value, and the parameters in `needed_by` are not fitted.
struct Variable {
  std::string name;
  std::string doc = {};
  std::optional<double> missing = {};
  std::vector<std::string> needed_by = {};
};

struct LawInfo {
  std::string name;
  std::string formula;
  std::string source;
  std::string target = "loss";
  std::vector<Variable> variables;
  std::vector<Parameter> parameters;
};

/// A learning-rate curve up to every one of its points, for laws of whole curves.
struct Curve {
  std::vector<double> rate;      ///< learning rate at each point
  std::vector<double> rate_sum;  ///< sum of the rates of all steps up to each point
};

/// What a law sees of one row: its variables in the order of LawInfo, and their logarithms.
struct Row {
  const double* value = nullptr;
  const double* log = nullptr;
  const Curve* curve = nullptr;
  std::size_t place = 0;  ///< of the row in its curve
};

class Law {
 public:
  explicit Law(LawInfo info) : info_(std::move(info)) {}

  virtual ~Law() = default;
  Law(const Law&) = delete;
  Law& operator=(const Law&) = delete;

  const LawInfo& info() const { return info_; }

  /// Rows are points of curves with the variables step and rate, in this order.
  virtual bool wants_curves() const { return false; }

  /// ln of the prediction at internal parameter values; NaN where the law has none.
  virtual double log_value(const Row& row, const double* internal) const = 0;

  /// The same, with its derivatives by all internal values.
  virtual double log_value(const Row& row, const double* internal, double* gradient) const = 0;

 private:
  LawInfo info_;
};

/// ln of the value for positive parameters, the value itself for others, and back.
double to_internal(const Parameter& parameter, double value);
double to_natural(const Parameter& parameter, double internal);

/// The names that named_law() knows, in the order of docs/LAWS.md.
std::vector<std::string> law_names();

/// A law by name; "data_mixing(5)" is the mixing law of five domains. Throws harness::ConfigError
/// with the nearest name.
std::shared_ptr<const Law> named_law(const std::string& name);

/// A law given by its formula, for instance "E + A*N^-alpha". Names in `variables` are variables,
/// all others are positive parameters but those in `signed_parameters`. Throws
/// harness::ConfigError.
std::shared_ptr<const Law> expression_law(const std::string& formula,
                                          const std::vector<std::string>& variables,
                                          const std::vector<std::string>& signed_parameters);

/// The prediction (not its logarithm) at natural parameter values; a variable or parameter may be
/// left out where the law has a value for it. Throws harness::ConfigError for what is missing.
double evaluate_law(const Law& law, const std::map<std::string, double>& variables,
                    const std::map<std::string, double>& parameters);

}  // namespace halfulp::laws
