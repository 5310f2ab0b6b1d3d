// The usual kinds of parameters with their bounds and grids of starting values.
#pragma once

#include <string>
#include <utility>

#include "experiments/laws/law.h"

namespace halfulp::laws {

/// The factor of a power of N or D: e^0, e^5 ... e^25 (the grid of Hoffmann et al. 2022).
inline Parameter scale(std::string name, std::string doc = {}) {
  const std::vector<double> starts = {1.0, 148.4, 2.203e4, 3.269e6, 4.852e8, 7.200e10};
  return {std::move(name), true, 1e-12, 1e30, starts, {}, std::move(doc)};
}

/// The loss that neither size nor data removes: e^-1 ... e^1.
inline Parameter floor_loss(std::string name, std::string doc = "irreducible loss") {
  return {std::move(name), true, 1e-3, 100.0, {0.368, 0.607, 1.0, 1.649, 2.718}, {},
          std::move(doc)};
}

/// An exponent of N or D that is not negative.
inline Parameter exponent(std::string name, std::string doc = {}) {
  return {std::move(name), false, 0.0, 10.0, {0.0, 0.5, 1.0, 1.5, 2.0}, {}, std::move(doc)};
}

/// An exponent of either sign.
inline Parameter trend(std::string name, std::string doc = {}) {
  return {std::move(name), false, -10.0, 10.0, {-0.5, 0.0, 0.5}, {}, std::move(doc)};
}

/// Bits over which the effect of precision falls by e.
inline Parameter bits_scale(std::string name, std::string doc = {}) {
  return {std::move(name), true, 0.05, 100.0, {0.5, 1.0, 2.0, 4.0}, {}, std::move(doc)};
}

inline Parameter offset(std::string name, std::string doc = {}) {
  return {std::move(name), false, -20.0, 20.0, {-0.5, 0.0, 0.5}, {}, std::move(doc)};
}

/// A share of N or D that counts, 1 unless it is freed or varies with a column.
inline Parameter efficiency(std::string name, std::string doc = {}) {
  return {std::move(name), true, 1e-6, 1e3, {0.2, 0.6, 1.0}, 1.0, std::move(doc)};
}

/// A positive number of any size.
inline Parameter positive(std::string name, std::vector<double> starts, std::string doc = {}) {
  return {std::move(name), true, 1e-30, 1e40, std::move(starts), {}, std::move(doc)};
}

inline Parameter held_at(Parameter parameter, double value) {
  parameter.held = value;
  return parameter;
}

}  // namespace halfulp::laws
