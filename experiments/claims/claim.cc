#include "experiments/claims/claim.h"

namespace halfulp::claims {

Verdict judge(const Claim& claim, const Measurement& measurement) {
  const laws::Interval& interval = measurement.interval;
  if (!(interval.low <= interval.high)) return Verdict::not_reproduced;
  switch (claim.expected) {
    case Expected::above:
      return interval.low > claim.threshold   ? Verdict::reproduced
             : interval.high < claim.opposite ? Verdict::contradicted
                                              : Verdict::not_reproduced;
    case Expected::below:
      return interval.high < claim.threshold ? Verdict::reproduced
             : interval.low > claim.opposite ? Verdict::contradicted
                                             : Verdict::not_reproduced;
    case Expected::between:
      return interval.low >= claim.threshold && interval.high <= claim.upper ? Verdict::reproduced
             : interval.high < claim.threshold || interval.low > claim.upper
                 ? Verdict::contradicted
                 : Verdict::not_reproduced;
  }
  return Verdict::not_reproduced;
}

std::string_view to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::reproduced:
      return "reproduced";
    case Verdict::not_reproduced:
      return "not reproduced";
    case Verdict::contradicted:
      return "contradicted";
    case Verdict::untested:
      return "untested";
  }
  return "";
}

std::string_view to_text(StatisticKind kind) {
  switch (kind) {
    case StatisticKind::parameter:
      return "parameter";
    case StatisticKind::held_out:
      return "held_out";
    case StatisticKind::paired:
      return "paired";
    case StatisticKind::share:
      return "share";
    case StatisticKind::correlation:
      return "correlation";
  }
  return "";
}

}  // namespace halfulp::claims
