// Special functions in binary64 with pinned bits, on top of elementary.h. For closed-form moments
// of distributions; tested against MPFR and against algebraic forms.
#pragma once

namespace halfulp {

/// Complementary error function. Relative error below (8 + 2 x^2) 2^-52 for x <= 26; 0 from 26.6
/// on.
double pinned_erfc(double x);

/// P(T > t) for Student's t with `degrees` >= 1 degrees of freedom and t >= 0. Relative error below
/// 1e-14 (times degrees beyond 10).
double student_t_tail(int degrees, double t);

/// Density of Student's t.
double student_t_density(int degrees, double t);

}  // namespace halfulp
