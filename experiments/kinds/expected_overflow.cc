#include "experiments/kinds/expected_overflow.h"

#include <cmath>

#include "sim/elementary.h"
#include "sim/special.h"

namespace halfulp {

double exit_probability(double variance, double limit) {
  constexpr double kPi = 3.14159265358979323846;
  const double ratio = variance / (limit * limit);
  if (!(ratio > 0.0)) return 0.0;
  constexpr int kTerms = 20;
  double sum = 0.0;
  if (ratio < 1.0) {
    // By reflections at both ends: fast for short times.
    for (int i = 0; i < kTerms; ++i) {
      const double reach = (2.0 * i + 1.0) / std::sqrt(2.0 * ratio);
      sum += (i % 2 == 0 ? 2.0 : -2.0) * pinned_erfc(reach);
    }
    return sum;
  }
  for (int i = 0; i < kTerms; ++i) {
    const double odd = 2.0 * i + 1.0;
    sum += (i % 2 == 0 ? 1.0 : -1.0) / odd * pinned_exp(-odd * odd * kPi * kPi * ratio / 8.0);
  }
  return 1.0 - 4.0 / kPi * sum;
}

}  // namespace halfulp
