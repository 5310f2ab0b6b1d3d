#include "formats/format.h"

#include "formats/ordered_format.h"

namespace halfulp {

int width(const Format& format) {
  if (ordered::is_ordered(format)) return ordered::width(format);
  if (const auto* f = std::get_if<FloatFormat>(&format)) {
    return (f->is_signed ? 1 : 0) + f->exponent_bits + f->trailing_bits;
  }
  return std::get<IntegerFormat>(format).bits;
}

int ieee_bias(int exponent_bits) { return exponent_bits == 0 ? 0 : (1 << (exponent_bits - 1)) - 1; }

}  // namespace halfulp
