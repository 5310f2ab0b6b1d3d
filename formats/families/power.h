// Values that are powers, 2^l or sqrt(e)^l with a rational l: irrational numbers, compared with
// certainty. Logarithmic formats and logarithmic takums.
#pragma once

#include <cstdint>
#include <optional>

#include "formats/number.h"
#include "formats/wide_number.h"

namespace halfulp {
class Real;
}

namespace halfulp::ordered {

enum class PowerBase : std::uint8_t { two, sqrt_e };

/// base^(numerator / 2^scale), or zero.
struct Power {
  PowerBase base = PowerBase::two;
  std::int64_t numerator = 0;
  int scale = 0;  ///< 0 to 63
  bool is_zero = false;
};

/// The value, cut to 64 significant bits, and sticky unless it is exact.
Number cut_value(const Power& power);

/// Of a sticky power of two beyond 2^1022 either way, as decoding a logarithmic format gives it,
/// the nearest number of 64 bits, not sticky. Other sticky numbers lose `sticky` alone.
Number nearest_64_bits(const Number& cut);

/// larger - smaller to the nearest binary64, computed with 320 bits.
double difference(const Power& larger, const Power& smaller);

/// Sign of x - (inner + (outer - inner) t / 2^k) for positive x and 0 < t < 2^k: exact where the
/// two ends are rational; otherwise the point is irrational, and the precision grows until the sign
/// is certain. Throws std::invalid_argument when a sticky x leaves it open.
int compare_to_point(const WideNumber& x, const Power& inner, const Power& outer, std::uint64_t t,
                     int k);

/// The same where binary64 tells for certain, else nothing.
std::optional<int> compare_roughly(const WideNumber& x, const Power& inner, const Power& outer,
                                   std::uint64_t t, int k);

/// inner (2^k - t) + outer t between two bounds, at their precision.
void bound_point(const Power& inner, const Power& outer, std::uint64_t t, int k, Real& low,
                 Real& high);

/// A positive irrational number of which more can be known than its leading bits.
class ExactMagnitude {
 public:
  virtual ~ExactMagnitude() = default;

  /// As the function above for the number itself: 0 where it is the point.
  virtual int compare_to_point(const Power& inner, const Power& outer, std::uint64_t t,
                               int k) const = 0;
};

/// log_base(|x|) to about 2^-40 of its size: for guesses that are checked.
double approximate_log(PowerBase base, const WideNumber& x);

/// floor(log_base(x) 2^scale) for positive x that is not 1 (base sqrt_e) or no power of two (base
/// two): certain, or an exception as above. The result must fit in 128 bits less a sign.
int128 floor_log(PowerBase base, const WideNumber& x, int scale);

}  // namespace halfulp::ordered
