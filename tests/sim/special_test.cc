// Special functions against MPFR and against algebraic forms of Student's t.
#include "sim/special.h"

#include <gtest/gtest.h>
#include <mpfr.h>

#include <cmath>
#include <limits>

namespace halfulp {
namespace {

constexpr double kPi = 3.14159265358979323846;

double mpfr_erfc_of(double x) {
  mpfr_t value;
  mpfr_init2(value, 200);
  mpfr_set_d(value, x, MPFR_RNDN);
  mpfr_erfc(value, value, MPFR_RNDN);
  const double result = mpfr_get_d(value, MPFR_RNDN);
  mpfr_clear(value);
  return result;
}

TEST(Special, ErfcAgreesWithMpfr) {
  for (double x = -6.0; x < 26.0; x += 0.0137) {
    const double exact = mpfr_erfc_of(x);
    const double bound = (8.0 + 2.0 * x * x) * 0x1p-52;
    EXPECT_NEAR(pinned_erfc(x) / exact, 1.0, bound) << x;
  }
  EXPECT_EQ(pinned_erfc(0.0), 1.0);
  EXPECT_EQ(pinned_erfc(30.0), 0.0);
  EXPECT_TRUE(std::isnan(pinned_erfc(std::numeric_limits<double>::quiet_NaN())));
}

// 1 degree: atan; 2 degrees: algebraic; 4 degrees: 1/2 - s (3 - s^2) / 4 with s = t / sqrt(4 +
// t^2), written without cancellation as (1 - s)^2 (2 + s) / 4.
TEST(Special, StudentTailsHaveTheirAlgebraicForms) {
  for (double t = 0.001; t < 1e4; t *= 1.07) {
    EXPECT_NEAR(student_t_tail(1, t) / (std::atan2(1.0, t) / kPi), 1.0, 1e-14) << t;
    const double root2 = std::sqrt(2.0 + t * t);
    EXPECT_NEAR(student_t_tail(2, t) / (1.0 / (root2 * (root2 + t))), 1.0, 1e-14) << t;
    const double root4 = std::sqrt(4.0 + t * t);
    const double s = t / root4, one_minus_s = 4.0 / (root4 * (root4 + t));
    const double tail4 = one_minus_s * one_minus_s * (2.0 + s) / 4.0;
    EXPECT_NEAR(student_t_tail(4, t) / tail4, 1.0, 1e-14) << t;
  }
  EXPECT_EQ(student_t_tail(3, 0.0), 0.5);
}

// Abramowitz and Stegun, table 26.10: t with upper tail 0.025 for 3, 5 and 8 degrees, to 3 places.
TEST(Special, StudentTailsMatchTheTable) {
  EXPECT_NEAR(student_t_tail(3, 3.182), 0.025, 1e-5);
  EXPECT_NEAR(student_t_tail(5, 2.571), 0.025, 2e-5);
  EXPECT_NEAR(student_t_tail(8, 2.306), 0.025, 3e-5);
}

TEST(Special, StudentDensityIsTheTailsDerivative) {
  for (const int degrees : {1, 2, 3, 5, 8, 30}) {
    for (double t = 0.1; t < 20; t *= 1.5) {
      const double h = 1e-5 * t;
      const double slope =
          (student_t_tail(degrees, t - h) - student_t_tail(degrees, t + h)) / (2 * h);
      EXPECT_NEAR(slope / student_t_density(degrees, t), 1.0, 1e-7) << degrees << " " << t;
    }
  }
}

}  // namespace
}  // namespace halfulp
