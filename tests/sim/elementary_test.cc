// The pinned binary64 functions against MPFR: within 2 ulp on their documented ranges.
#include "sim/elementary.h"

#include <gtest/gtest.h>
#include <mpfr.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace halfulp {
namespace {

using Reference = int (*)(mpfr_t, const mpfr_t, mpfr_rnd_t);

/// |value - f(x)| in units of binary64's spacing at f(x).
double error_ulp(double value, double x, Reference f) {
  mpfr_t argument, exact;
  mpfr_init2(argument, 53);
  mpfr_init2(exact, 200);
  mpfr_set_d(argument, x, MPFR_RNDN);
  f(exact, argument, MPFR_RNDN);
  const double nearest = mpfr_get_d(exact, MPFR_RNDN);
  mpfr_sub_d(exact, exact, value, MPFR_RNDN);
  const double error = std::fabs(mpfr_get_d(exact, MPFR_RNDN));
  mpfr_clear(argument);
  mpfr_clear(exact);
  const double magnitude = std::fabs(nearest);
  const double spacing =
      std::nextafter(magnitude, std::numeric_limits<double>::infinity()) - magnitude;
  return error / spacing;
}

/// Deterministic points spread over [low, high], dense in the mantissa.
template <class F>
void for_each_point(double low, double high, F&& visit) {
  std::uint64_t state = 12345;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    visit(low + (high - low) * (static_cast<double>(state >> 11) * 0x1p-53));
  }
}

TEST(Elementary, ExpIsWithinTwoUlp) {
  for_each_point(-708.0, 709.0,
                 [](double x) { ASSERT_LE(error_ulp(pinned_exp(x), x, mpfr_exp), 2.0) << x; });
  for_each_point(-1e-3, 1e-3,
                 [](double x) { ASSERT_LE(error_ulp(pinned_exp(x), x, mpfr_exp), 2.0) << x; });
}

TEST(Elementary, LogIsWithinTwoUlp) {
  for_each_point(1e-300, 1e-290,
                 [](double x) { ASSERT_LE(error_ulp(pinned_log(x), x, mpfr_log), 2.0) << x; });
  for_each_point(0.25, 4.0,
                 [](double x) { ASSERT_LE(error_ulp(pinned_log(x), x, mpfr_log), 2.0) << x; });
  for_each_point(1.0, 1e12,
                 [](double x) { ASSERT_LE(error_ulp(pinned_log(x), x, mpfr_log), 2.0) << x; });
}

/// |value - f(x)|.
double absolute_error(double value, double x, Reference f) {
  mpfr_t argument, exact;
  mpfr_init2(argument, 53);
  mpfr_init2(exact, 200);
  mpfr_set_d(argument, x, MPFR_RNDN);
  f(exact, argument, MPFR_RNDN);
  mpfr_sub_d(exact, exact, value, MPFR_RNDN);
  const double error = std::fabs(mpfr_get_d(exact, MPFR_RNDN));
  mpfr_clear(argument);
  mpfr_clear(exact);
  return error;
}

TEST(Elementary, SinAndCosAreWithinTwoToTheMinus52) {
  const auto check = [](double x) {
    ASSERT_LE(absolute_error(pinned_sin(x), x, mpfr_sin), 0x1p-52) << x;
    ASSERT_LE(absolute_error(pinned_cos(x), x, mpfr_cos), 0x1p-52) << x;
  };
  for_each_point(-1e6, 1e6, check);
  for_each_point(-7.0, 7.0, check);
}

TEST(Elementary, SpecialValues) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(pinned_exp(0.0), 1.0);
  EXPECT_EQ(pinned_exp(inf), inf);
  EXPECT_EQ(pinned_exp(-inf), 0.0);
  EXPECT_EQ(pinned_exp(-745.2), 0.0);
  EXPECT_EQ(pinned_exp(-745.0), 0x1p-1074);
  EXPECT_EQ(pinned_log(1.0), 0.0);
  EXPECT_EQ(pinned_log(0.0), -inf);
  EXPECT_TRUE(std::isnan(pinned_log(-1.0)));
  EXPECT_EQ(pinned_log(0x1p-1074), -0x1.74385446d71c3p+9);
  EXPECT_EQ(pinned_cos(0.0), 1.0);
}

}  // namespace
}  // namespace halfulp
