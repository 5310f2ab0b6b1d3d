#include "formats/round_text.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "formats/exact_real.h"
#include "formats/real.h"
#include "formats/round.h"

namespace halfulp {

namespace {

using Kind = Number::Kind;
using ordered::Power;

constexpr mpfr_prec_t kFirstPrecision = 320;

/// A written number of more than 128 bits. It is no value and no boundary of a format with
/// irrational values: the rational ones among them have fewer bits.
class WrittenNumber : public ExactReal {
 public:
  explicit WrittenNumber(std::string_view text) : text_(text) {}

  void bound(Real& low, Real& high) const override {
    mpfr_strtofr(low, text_.c_str(), nullptr, 0, MPFR_RNDD);
    mpfr_strtofr(high, text_.c_str(), nullptr, 0, MPFR_RNDU);
  }

  std::int64_t last_precision() const override { return std::numeric_limits<std::int64_t>::max(); }

  int compare_to_point(const Power& inner, const Power& outer, std::uint64_t t,
                       int k) const override {
    for (mpfr_prec_t precision = kFirstPrecision;; precision *= 2) {
      Real low(precision), high(precision), point_low(precision), point_high(precision);
      bound(low, high);
      if (mpfr_signbit(low.get()) != 0) mpfr_swap(low, high);
      mpfr_abs(low, low, MPFR_RNDN);
      mpfr_abs(high, high, MPFR_RNDN);
      mpfr_mul_2si(low, low, k, MPFR_RNDN);
      mpfr_mul_2si(high, high, k, MPFR_RNDN);
      ordered::bound_point(inner, outer, t, k, point_low, point_high);
      if (mpfr_cmp(low, point_high) > 0) return 1;
      if (mpfr_cmp(high, point_low) < 0) return -1;
    }
  }

 private:
  std::string text_;
};

}  // namespace

Number round_text(const Format& format, const RoundSpec& spec, std::string_view text,
                  const WideNumber& x, std::uint64_t random, Flags& flags) {
  constexpr int kFar = 500'000;  // there parse_number() keeps no digits, and none are needed
  const bool has_more_digits = x.kind == Kind::finite && x.sticky && std::abs(x.exponent) < kFar;
  if (!has_more_digits || !has_irrational_values(format)) {
    return round_to(format, spec, x, random, flags);
  }
  Flags raised = flags;
  Number result;
  try {
    result = round_to(format, spec, x, random, raised);
  } catch (const std::invalid_argument&) {
    return round_real(WrittenNumber(text), format, spec, random, flags);
  }
  flags = raised;
  return result;
}

}  // namespace halfulp
