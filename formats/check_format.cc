// Which parameters make a format: check_format of spec.h.
#include <cstdlib>

#include "formats/float_layout.h"
#include "formats/ordered_format.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

constexpr int kMaxBias = 100'000;
constexpr int kMaxFraction = 1000;

std::string split_name(const FloatFormat& f) {
  return "e" + std::to_string(f.exponent_bits) + "m" + std::to_string(f.trailing_bits);
}

std::string range_fault(const FloatFormat& f) {
  const int most = is_p3109(f) ? 16 : 15;
  if (f.exponent_bits < 0 || f.exponent_bits > most) {
    return "exponent bits are 0 to " + std::to_string(most);
  }
  if (f.trailing_bits < 0 || f.trailing_bits > 63) return "trailing bits are 0 to 63";
  if (f.bias < -kMaxBias || f.bias > kMaxBias) {
    return "the bias is -" + std::to_string(kMaxBias) + " to " + std::to_string(kMaxBias);
  }
  return {};
}

/// IEEE P3109 v4.0 3.1: K > 2, 0 < P < K with sign, 0 < P <= K without; all else is fixed.
std::string p3109_fault(const FloatFormat& f) {
  if (f.exponent_bits < 1 || width(f) < 3) {
    return "P3109 needs 3 bits or more and a precision below the width (without sign, up to it)";
  }
  const bool is_plain =
      f.bias == 1 << (f.exponent_bits - 1) && f.subnormals == Subnormals::on && f.has_zero;
  return is_plain ? "" : "P3109 fixes the bias at 2^(exponent bits - 1), zero and subnormals";
}

std::string float_fault(const FloatFormat& f) {
  if (std::string fault = range_fault(f); !fault.empty()) return fault;
  if (is_p3109(f)) return p3109_fault(f);
  if (f.non_finite == NonFinite::ieee && f.exponent_bits < 2) {
    return "an ieee layout reserves an exponent and needs 2 exponent bits; use the layout finite "
           "or "
           "fn, for example " +
           split_name(f) + "finite";
  }
  if (f.non_finite == NonFinite::fnuz && !(f.is_signed && f.has_zero)) {
    return "fnuz keeps NaN in the code of minus zero, so it needs a sign and a zero; use fn";
  }
  if (!f.has_zero && f.subnormals != Subnormals::on) {
    return "a format without zero has no subnormals to switch off; leave subnormals on";
  }
  if (is_fixed_grid(f) && f.subnormals != Subnormals::on) {
    return "without exponent bits every number is subnormal; leave subnormals on";
  }
  const bool has_number =
      is_fixed_grid(f) ? max_trailing(f) > 0 : max_biased_exponent(f) >= (f.has_zero ? 1 : 0);
  if (!has_number || width(f) < 1) return "no code is left for a nonzero number; add a bit";
  return {};
}

std::string integer_fault(const IntegerFormat& f) {
  if (f.bits < 1 || f.bits > 64) return "integers have 1 to 64 bits";
  if (f.symmetric && !f.is_signed) return "only signed integers can be symmetric; leave out sym";
  if (f.symmetric && f.bits < 2) return "a symmetric integer needs 2 bits";
  if (f.fraction_bits < -kMaxFraction || f.fraction_bits > kMaxFraction) {
    return "fraction bits are -" + std::to_string(kMaxFraction) + " to " +
           std::to_string(kMaxFraction);
  }
  return {};
}

}  // namespace

std::string format_fault(const Format& format) {
  if (ordered::is_ordered(format)) return ordered::format_fault(format);
  if (const auto* f = std::get_if<FloatFormat>(&format)) return float_fault(*f);
  return integer_fault(std::get<IntegerFormat>(format));
}

void check_format(const Format& format) {
  const std::string fault = format_fault(format);
  if (!fault.empty()) throw SpecError("impossible format: " + fault, 1);
}

}  // namespace halfulp
