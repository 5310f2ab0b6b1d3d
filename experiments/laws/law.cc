#include "experiments/laws/law.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/schema.h"
#include "experiments/laws/dual.h"
#include "experiments/laws/families.h"

namespace halfulp::laws {

namespace {

const std::vector<std::shared_ptr<const Law>>& all_laws() {
  static const std::vector<std::shared_ptr<const Law>> laws = [] {
    auto all = loss_laws();
    for (const auto& law : precision_laws()) all.push_back(law);
    return all;
  }();
  return laws;
}

constexpr std::string_view kMixing = "data_mixing(";

std::shared_ptr<const Law> mixing_by_name(const std::string& name) {
  const std::string count = name.substr(kMixing.size(), name.size() - kMixing.size() - 1);
  const bool whole =
      !count.empty() && count.size() < 3 &&
      std::all_of(count.begin(), count.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  const std::size_t domains = whole ? std::stoul(count) : 0;
  if (domains < 1 || domains > kMostDomains) {
    throw harness::ConfigError(
        fmt::format("law '{}': the number of domains is 1 to {}", name, kMostDomains));
  }
  return data_mixing_law(domains);
}

}  // namespace

double to_internal(const Parameter& parameter, double value) {
  return parameter.positive ? log(value) : value;
}

double to_natural(const Parameter& parameter, double internal) {
  return parameter.positive ? exp(internal) : internal;
}

std::vector<std::string> law_names() {
  std::vector<std::string> names;
  for (const auto& law : all_laws()) names.push_back(law->info().name);
  return names;
}

std::shared_ptr<const Law> named_law(const std::string& name) {
  for (const auto& law : all_laws()) {
    if (law->info().name == name) return law;
  }
  if (name.starts_with(kMixing) && name.ends_with(")")) return mixing_by_name(name);
  const auto names = law_names();
  throw harness::ConfigError(fmt::format("unknown law '{}'{} (known: {})", name,
                                         harness::suggestion(name, names), fmt::join(names, ", ")));
}

double evaluate_law(const Law& law, const std::map<std::string, double>& variables,
                    const std::map<std::string, double>& parameters) {
  std::vector<double> values, logs, internal;
  for (const Variable& variable : law.info().variables) {
    const auto found = variables.find(variable.name);
    if (found == variables.end() && !variable.missing) {
      throw harness::ConfigError(
          fmt::format("law '{}' needs a value of {}", law.info().name, variable.name));
    }
    values.push_back(found == variables.end() ? *variable.missing : found->second);
    logs.push_back(log(values.back()));
  }
  for (const Parameter& parameter : law.info().parameters) {
    const auto found = parameters.find(parameter.name);
    const bool idle = std::any_of(
        law.info().variables.begin(), law.info().variables.end(), [&](const Variable& variable) {
          return !variables.contains(variable.name) &&
                 std::count(variable.needed_by.begin(), variable.needed_by.end(), parameter.name);
        });
    if (found == parameters.end() && !parameter.held && !idle) {
      throw harness::ConfigError(
          fmt::format("law '{}' needs a value of {}", law.info().name, parameter.name));
    }
    const double natural = found == parameters.end() ? parameter.held.value_or(1.0) : found->second;
    internal.push_back(to_internal(parameter, natural));
  }
  return exp(law.log_value({values.data(), logs.data(), nullptr, 0}, internal.data()));
}

}  // namespace halfulp::laws
