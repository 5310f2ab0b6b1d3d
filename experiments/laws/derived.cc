#include "experiments/laws/derived.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/schema.h"
#include "experiments/laws/dual.h"

namespace halfulp::laws {

namespace {

constexpr double kLeastData = 1e3;
constexpr double kMostData = 1e22;
constexpr double kFewestBits = 2.0;
constexpr double kMostBits = 16.0;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool names_tensor(const std::string& list, const std::string& tensor) {
  const auto tensors = harness::split(list, ',');
  return std::count(tensors.begin(), tensors.end(), tensor) != 0;
}

double golden(const std::function<double(double)>& function, double low, double high) {
  const double share = 0.5 * (std::sqrt(5.0) - 1.0);
  double left = high - share * (high - low);
  double right = low + share * (high - low);
  double at_left = function(left);
  double at_right = function(right);
  for (int i = 0; i < 60; ++i) {
    if (at_left < at_right) {
      high = right;
      right = left;
      at_right = at_left;
      left = high - share * (high - low);
      at_left = function(left);
    } else {
      low = left;
      left = right;
      at_left = at_right;
      right = low + share * (high - low);
      at_right = function(right);
    }
  }
  return 0.5 * (low + high);
}

/// x between low and high with falling(x) = 0; nothing when the sign does not change.
std::optional<double> root(const std::function<double(double)>& falling, double low, double high) {
  if (!(falling(low) >= 0.0) || !(falling(high) <= 0.0)) return {};
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (falling(middle) >= 0.0 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace

LossModel::LossModel(std::shared_ptr<const Law> law, std::map<std::string, double> constants)
    : law_(std::move(law)), constants_(std::move(constants)) {
  std::vector<std::string> names;
  for (const Parameter& parameter : law_->info().parameters) {
    names.push_back(parameter.name);
    const auto found = constants_.find(parameter.name);
    const auto& variables = law_->info().variables;
    const bool optional =
        std::any_of(variables.begin(), variables.end(), [&](const Variable& variable) {
          return std::count(variable.needed_by.begin(), variable.needed_by.end(), parameter.name) !=
                 0;
        });
    if (found == constants_.end() && !parameter.held && !optional) {
      throw harness::ConfigError(fmt::format("law '{}' needs a value of {}; write --set {}=...",
                                             law_->info().name, parameter.name, parameter.name));
    }
    const double natural = found == constants_.end() ? parameter.held.value_or(1.0) : found->second;
    internal_.push_back(to_internal(parameter, natural));
  }
  for (const auto& entry : constants_) {
    if (std::count(names.begin(), names.end(), entry.first) == 0) {
      throw harness::ConfigError(fmt::format("law '{}' has no parameter '{}'{}", law_->info().name,
                                             entry.first, harness::suggestion(entry.first, names)));
    }
  }
}

bool LossModel::has(const std::string& variable) const {
  const auto& variables = law_->info().variables;
  return std::any_of(variables.begin(), variables.end(),
                     [&](const Variable& v) { return v.name == variable; });
}

double LossModel::operator()(const std::map<std::string, double>& variables) const {
  std::vector<double> values, logs;
  for (const Variable& variable : law_->info().variables) {
    const auto found = variables.find(variable.name);
    if (found == variables.end() && !variable.missing) {
      throw harness::ConfigError(fmt::format("law '{}' needs a value of {}; write --at {}=...",
                                             law_->info().name, variable.name, variable.name));
    }
    values.push_back(found == variables.end() ? *variable.missing : found->second);
    logs.push_back(log(values.back()));
  }
  return exp(law_->log_value({values.data(), logs.data(), nullptr, 0}, internal_.data()));
}

double smallest_at(const std::function<double(double)>& function, double low, double high) {
  constexpr int kPlaces = 100;
  const auto finite = [&](double x) {
    const double value = function(x);
    return std::isnan(value) ? kInfinity : value;
  };
  const double step = (high - low) / kPlaces;
  int best = 0;
  double smallest = kInfinity;
  for (int i = 0; i <= kPlaces; ++i) {
    const double value = finite(low + step * i);
    if (value < smallest) {
      smallest = value;
      best = i;
    }
  }
  return golden(finite, std::max(low, low + step * (best - 1)),
                std::min(high, low + step * (best + 1)));
}

std::map<std::string, double> with_bits(const LossModel& model,
                                        std::map<std::string, double> variables, double bits,
                                        const std::string& tensors) {
  if (model.has("E") && model.has("M")) {
    const BitSplit split = best_split(model, bits, variables);
    variables["E"] = split.exponent_bits;
    variables["M"] = split.trailing_bits;
    return variables;
  }
  variables["P"] = bits;
  for (const std::string tensor : {"w", "a", "kv", "post"}) {
    if (names_tensor(tensors, tensor)) variables["P_" + tensor] = bits;
  }
  return variables;
}

ComputeOptimum compute_optimum(const LossModel& model, double budget, double cost,
                               const std::map<std::string, double>& held) {
  const double product = budget / cost;
  const auto at = [&](double log_size) {
    auto variables = held;
    variables["N"] = exp(log_size);
    variables["D"] = product / variables["N"];
    return variables;
  };
  const double log_size = smallest_at([&](double x) { return model(at(x)); }, log(1e3),
                                      log(std::max(product / 1e3, 1e4)));
  const auto variables = at(log_size);
  return {variables.at("N"), variables.at("D"), model(variables)};
}

PrecisionOptimum precision_optimum(const LossModel& model, double budget, double cost,
                                   std::optional<double> size, const std::string& tensors,
                                   const std::map<std::string, double>& held) {
  const auto best = [&](double bits) {
    ComputeOptimum optimum;
    const double product = budget / (cost * bits);
    if (size) {
      optimum = {*size, product / *size, 0.0};
      auto variables = held;
      variables["N"] = optimum.N;
      variables["D"] = optimum.D;
      optimum.loss = model(with_bits(model, variables, bits, tensors));
      return optimum;
    }
    return compute_optimum(model, product, 1.0, with_bits(model, held, bits, tensors));
  };
  const double bits = smallest_at([&](double b) { return best(b).loss; }, kFewestBits, kMostBits);
  const ComputeOptimum optimum = best(bits);
  return {bits, optimum.N, optimum.D, optimum.loss};
}

std::optional<double> critical_data(const LossModel& model,
                                    const std::map<std::string, double>& held) {
  const auto loss = [&](double log_data) {
    auto variables = held;
    variables["D"] = exp(log_data);
    return model(variables);
  };
  const double log_data = smallest_at(loss, log(kLeastData), log(kMostData));
  if (log_data > log(kMostData) - 0.01) return {};
  return exp(log_data);
}

double effective_share(const LossModel& model, double size, double data, double bits,
                       const std::string& tensors, const std::map<std::string, double>& held) {
  auto variables = held;
  variables["N"] = size;
  variables["D"] = data;
  const double loss = model(with_bits(model, variables, bits, tensors));
  const auto excess = [&](double log_share) {
    variables["N"] = size * exp(log_share);
    return model(variables) - loss;
  };
  const auto found = root(excess, -40.0, 3.0);
  return found ? exp(*found) : std::numeric_limits<double>::quiet_NaN();
}

std::optional<double> data_for_loss(const LossModel& model, double loss,
                                    const std::map<std::string, double>& held) {
  const auto excess = [&](double log_data) {
    auto variables = held;
    variables["D"] = exp(log_data);
    return model(variables) - loss;
  };
  const auto critical = critical_data(model, held);
  const auto found = root(excess, log(kLeastData), log(critical.value_or(kMostData)));
  if (!found) return {};
  return exp(*found);
}

std::vector<BitSplit> exponent_splits(const LossModel& model, double bits,
                                      const std::map<std::string, double>& held) {
  std::vector<BitSplit> splits;
  for (double e = 1.0; e <= bits - 1.0; e += 1.0) {
    auto variables = held;
    variables["E"] = e;
    variables["M"] = bits - 1.0 - e;
    splits.push_back({e, bits - 1.0 - e, model(variables)});
  }
  std::stable_sort(splits.begin(), splits.end(), [](const BitSplit& a, const BitSplit& b) {
    return a.prediction < b.prediction;
  });
  return splits;
}

BitSplit best_split(const LossModel& model, double bits,
                    const std::map<std::string, double>& held) {
  const auto at = [&](double e) {
    auto variables = held;
    variables["E"] = e;
    variables["M"] = bits - 1.0 - e;
    // The split does not depend on them.
    for (const char* const name : {"N", "D"}) variables.try_emplace(name, 1e9);
    variables.try_emplace("log2B", 7.0);
    return model(variables);
  };
  const double e = smallest_at(at, 0.0, bits - 1.0);
  return {e, bits - 1.0 - e, at(e)};
}

}  // namespace halfulp::laws
