// One MPFR variable. For the sources that compute with MPFR; no header that others include needs
// it.
#pragma once

#include <mpfr.h>

namespace halfulp {

/// An MPFR number that frees itself.
class Real {
 public:
  explicit Real(mpfr_prec_t precision) { mpfr_init2(value_, precision); }

  ~Real() { mpfr_clear(value_); }

  Real(const Real&) = delete;
  Real& operator=(const Real&) = delete;

  mpfr_ptr get() { return value_; }

  // NOLINTNEXTLINE(google-explicit-constructor): MPFR's functions take it as it is
  operator mpfr_ptr() { return value_; }

 private:
  mpfr_t value_;
};

}  // namespace halfulp
