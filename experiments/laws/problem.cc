// Objective and derivatives. The making of a problem from a table is in problem_setup.cc.
#include "experiments/laws/problem.h"

#include <algorithm>
#include <cmath>

#include "experiments/laws/dual.h"
#include "experiments/laws/law_of.h"

namespace halfulp::laws {

namespace {

/// Adds weight * g g^T of one row to a dense matrix over the free slots.
void add_outer(std::vector<double>& matrix, std::size_t n, const int* place, const double* g,
               std::size_t count, double weight) {
  for (std::size_t i = 0; i < count; ++i) {
    if (place[i] < 0) continue;
    double* const row = matrix.data() + static_cast<std::size_t>(place[i]) * n;
    const double scaled = weight * g[i];
    for (std::size_t k = 0; k < count; ++k) {
      if (place[k] >= 0) row[place[k]] += scaled * g[k];
    }
  }
}

double huber(double residual, double delta) {
  const double size = std::abs(residual);
  return size <= delta ? 0.5 * residual * residual : delta * (size - 0.5 * delta);
}

}  // namespace

double Slot::natural(double internal) const { return positive ? exp(internal) : internal; }

Row Problem::row(std::size_t index) const {
  const std::size_t variables = law().info().variables.size();
  Row row = {values_.data() + index * variables, logs_.data() + index * variables, nullptr, 0};
  if (!curves_.empty()) {
    row.curve = &curves_[curve_of_row_[index]];
    row.place = place_in_curve_[index];
  }
  return row;
}

void Problem::gather(std::size_t row, const std::vector<double>& theta, double* internal) const {
  const std::size_t count = law().info().parameters.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t slot = slot_of_[row * count + i];
    const int place = free_index_[slot];
    internal[i] = place < 0 ? slots_[slot].value : theta[static_cast<std::size_t>(place)];
  }
}

double Problem::prediction_log(std::size_t index, const std::vector<double>& theta) const {
  std::array<double, kMostParameters> internal;
  gather(index, theta, internal.data());
  return law().log_value(row(index), internal.data());
}

double Problem::residual(std::size_t index, const std::vector<double>& theta) const {
  const double difference = prediction_log(index, theta) - target_log_[index];
  return censored_[index] ? std::min(difference, 0.0) : difference;
}

double Problem::objective(const std::vector<double>& theta,
                          const std::vector<double>& weights) const {
  double sum = 0.0;
  for (std::size_t i = 0; i < rows(); ++i) {
    if (weights[i] != 0.0) sum += weights[i] * huber(residual(i, theta), spec_.delta);
  }
  return std::isnan(sum) ? std::numeric_limits<double>::infinity() : sum;
}

bool Problem::linearize(const std::vector<double>& theta, const std::vector<double>& weights,
                        double delta, Linearization& out) const {
  const std::size_t n = dimension();
  const std::size_t count = law().info().parameters.size();
  out.objective = 0.0;
  out.gradient.assign(n, 0.0);
  out.curvature.assign(n * n, 0.0);
  out.majorizer.assign(n * n, 0.0);
  std::array<double, kMostParameters> internal, slope;
  std::array<int, kMostParameters> place;
  for (std::size_t r = 0; r < rows(); ++r) {
    if (weights[r] == 0.0) continue;
    gather(r, theta, internal.data());
    double difference = law().log_value(row(r), internal.data(), slope.data()) - target_log_[r];
    if (!std::isfinite(difference)) return false;
    if (censored_[r] && difference > 0.0) continue;
    const double size = std::abs(difference);
    const bool inside = size <= delta;
    out.objective += weights[r] * huber(difference, delta);
    const double pull = weights[r] * (inside ? difference : std::copysign(delta, difference));
    for (std::size_t i = 0; i < count; ++i) {
      place[i] = free_index_[slot_of_[r * count + i]];
      if (place[i] < 0) continue;
      if (!std::isfinite(slope[i])) return false;
      out.gradient[static_cast<std::size_t>(place[i])] += pull * slope[i];
    }
    if (inside) add_outer(out.curvature, n, place.data(), slope.data(), count, weights[r]);
    const double share = inside ? 1.0 : delta / size;
    add_outer(out.majorizer, n, place.data(), slope.data(), count, weights[r] * share);
  }
  return std::isfinite(out.objective);
}

std::vector<bool> Problem::slots_in_use(const std::vector<double>& weights) const {
  const std::size_t count = law().info().parameters.size();
  std::vector<bool> used(slots_.size(), false);
  for (std::size_t r = 0; r < rows(); ++r) {
    if (weights[r] == 0.0) continue;
    for (std::size_t i = 0; i < count; ++i) used[slot_of_[r * count + i]] = true;
  }
  return used;
}

std::vector<double> Problem::natural(const std::vector<double>& theta) const {
  std::vector<double> values;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const double internal =
        free_index_[i] < 0 ? slots_[i].value : theta[static_cast<std::size_t>(free_index_[i])];
    values.push_back(slots_[i].natural(internal));
  }
  return values;
}

std::vector<double> Problem::variable(const std::string& name) const {
  const auto& variables = law().info().variables;
  const auto found = std::find_if(variables.begin(), variables.end(),
                                  [&](const auto& variable) { return variable.name == name; });
  std::vector<double> values;
  if (found == variables.end()) return values;
  const auto column = static_cast<std::size_t>(found - variables.begin());
  for (std::size_t r = 0; r < rows(); ++r) values.push_back(values_[r * variables.size() + column]);
  return values;
}

std::size_t Problem::censored_rows() const {
  return static_cast<std::size_t>(std::count(censored_.begin(), censored_.end(), true));
}

Problem Problem::with_held(std::size_t free_index, double internal) const {
  Problem copy = *this;
  Slot& slot = copy.slots_[free_[free_index]];
  slot.free = false;
  slot.value = internal;
  copy.list_free();
  return copy;
}

void Problem::list_free() {
  free_.clear();
  free_index_.assign(slots_.size(), -1);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].free) continue;
    free_index_[i] = static_cast<int>(free_.size());
    free_.push_back(i);
  }
}

}  // namespace halfulp::laws
