// A law given by its formula.
#include <fmt/format.h>

#include <algorithm>

#include "experiments/harness/diagnostics.h"
#include "experiments/laws/expression.h"
#include "experiments/laws/law.h"
#include "experiments/laws/law_of.h"

namespace halfulp::laws {

namespace {

/// Marks the names below `index` that stand in an exponent.
void mark_exponents(const Expression& formula, std::size_t index, bool inside,
                    std::vector<bool>& marked) {
  const Expression::Node& node = formula.nodes()[index];
  if (node.operation == Operation::number) return;
  if (node.operation == Operation::name) {
    if (inside) marked[node.name] = true;
    return;
  }
  const bool is_exponential = node.operation == Operation::exponential;
  mark_exponents(formula, node.left, inside || is_exponential, marked);
  if (takes_one(node.operation)) return;
  mark_exponents(formula, node.right, inside || node.operation == Operation::power, marked);
}

class ExpressionLaw final : public Law {
 public:
  ExpressionLaw(LawInfo info, Expression formula, std::vector<std::size_t> places)
      : Law(std::move(info)), formula_(std::move(formula)), places_(std::move(places)) {}

  double log_value(const Row& row, const double* internal) const override {
    return evaluate(row, internal);
  }

  double log_value(const Row& row, const double* internal, double* gradient) const override {
    return differentiate(internal, info().parameters.size(), gradient,
                         [&](const auto* u) { return evaluate(row, u); });
  }

 private:
  template <typename T>
  T evaluate(const Row& row, const T* u) const {
    std::array<T, 2 * kMostParameters> values;
    const std::size_t variables = info().variables.size();
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const std::size_t place = places_[i];
      if (place < variables) {
        values[i] = T(row.value[place]);
      } else {
        const std::size_t k = place - variables;
        values[i] = info().parameters[k].positive ? exp(u[k]) : u[k];
      }
    }
    return log(formula_.evaluate<T>(std::span<const T>(values.data(), places_.size())));
  }

  Expression formula_;
  std::vector<std::size_t> places_;  ///< of each name: a variable, or a parameter after all of them
};

Parameter parameter_of(const std::string& name, bool is_signed, bool in_exponent) {
  if (is_signed) return {name, false, -1e3, 1e3, {-1.0, -0.1, 0.1, 1.0}, {}, {}};
  if (in_exponent) return {name, true, 1e-4, 1e3, {0.1, 0.3, 0.6, 1.0}, {}, {}};
  return {name, true, 1e-12, 1e30, {0.1, 1.0, 1e2, 1e4, 1e6, 1e9}, {}, {}};
}

}  // namespace

std::shared_ptr<const Law> expression_law(const std::string& formula,
                                          const std::vector<std::string>& variables,
                                          const std::vector<std::string>& signed_parameters) {
  const std::string where = "option '--expression'";
  Expression parsed(formula, variables, where);
  if (!parsed.is_numeric()) {
    throw harness::ConfigError(where + ": comparisons and texts have no place in a law");
  }
  LawInfo info = {"expression", formula, "given on the command line", "loss", {}, {}};
  std::vector<bool> in_exponent(parsed.names().size(), false);
  mark_exponents(parsed, parsed.nodes().size() - 1, false, in_exponent);
  for (const std::string& name : parsed.names()) {
    if (std::count(variables.begin(), variables.end(), name) != 0) {
      info.variables.push_back({name, {}, {}, {}});
    }
  }
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < parsed.names().size(); ++i) {
    const std::string& name = parsed.names()[i];
    const auto variable = std::find_if(info.variables.begin(), info.variables.end(),
                                       [&](const auto& v) { return v.name == name; });
    if (variable != info.variables.end()) {
      places.push_back(static_cast<std::size_t>(variable - info.variables.begin()));
      continue;
    }
    places.push_back(info.variables.size() + info.parameters.size());
    const bool is_signed =
        std::count(signed_parameters.begin(), signed_parameters.end(), name) != 0;
    info.parameters.push_back(parameter_of(name, is_signed, in_exponent[i]));
  }
  for (const std::string& name : signed_parameters) {
    const auto& used = info.parameters;
    if (std::none_of(used.begin(), used.end(), [&](const auto& p) { return p.name == name; })) {
      throw harness::ConfigError(
          fmt::format("option '--signed': '{}' is no parameter of the law", name));
    }
  }
  if (info.parameters.empty()) {
    throw harness::ConfigError(where + ": the formula has no parameter; every name is a column");
  }
  if (info.parameters.size() > kMostParameters || info.variables.size() > kMostParameters) {
    throw harness::ConfigError(
        fmt::format("{}: at most {} parameters and variables", where, kMostParameters));
  }
  return std::make_shared<ExpressionLaw>(std::move(info), std::move(parsed), std::move(places));
}

}  // namespace halfulp::laws
