#include "formats/block_format.h"

#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

constexpr int kLargestBlock = 1'000'000'000;

bool has_zero(const Format& format) {
  const auto* f = std::get_if<FloatFormat>(&format);
  return f == nullptr || f->has_zero;
}

bool is_positive(const Number& x) { return x.kind == Number::Kind::finite && !x.negative; }

std::string shape_fault(const BlockFormat& f) {
  if (f.length < 0 || f.length > kLargestBlock || f.lines < 1 || f.lines > kLargestBlock) {
    return "blocks have 1 to 1000000000 elements along the axis and across it";
  }
  if (f.length == 0 && (f.lines != 1 || f.tensor_bound != 0)) {
    return "block=tensor has one scale; leave out the tensor scale";
  }
  return {};
}

std::string parts_fault(const BlockFormat& f) {
  for (const Format& part : {f.element, f.scale, f.amax_format}) {
    if (std::string fault = format_fault(part); !fault.empty()) return fault;
    if (!fits_binary32(part)) return to_spec(part) + " does not fit binary32, which arrays hold";
    if (!is_positive(max_finite(part))) return to_spec(part) + " has no positive number";
  }
  if (f.scale_rounding == Rounding::stochastic) return "scales do not round stochastically";
  if (f.non_finite == NonFiniteBlock::poison && !has_nan(f.scale)) {
    return to_spec(f.scale) + " has no NaN for a scale; write non_finite=finite";
  }
  if (f.zero_block == ZeroBlock::zero && !has_zero(f.scale)) {
    return to_spec(f.scale) + " has no zero; write zero_block=smallest";
  }
  const bool has_precision = std::holds_alternative<FloatFormat>(f.element) ||
                             std::holds_alternative<IntegerFormat>(f.element);
  if (f.rule == BlockScaleRule::even && !has_precision) {
    return "rule even rounds to the precision of a float or integer, which " + to_spec(f.element) +
           " is not; use floor or exact";
  }
  return {};
}

std::string tensor_fault(const BlockFormat& f) {
  if (f.tensor_bound == 0) return {};
  if (f.tensor_bound < 0 || f.tensor_bound > to_double(max_finite(f.scale))) {
    return "the tensor scale's bound is 1 to the largest block scale";
  }
  if (f.rule != BlockScaleRule::exact) return "a tensor scale needs block scales of rule exact";
  return {};
}

std::string arithmetic_fault(const BlockFormat& f) {
  const bool is_library = f.arithmetic != BlockArithmetic::exact;
  if (f.four_over_six != FourOverSix::none && f.arithmetic != BlockArithmetic::transformer_engine) {
    return "four_over_six is defined by arithmetic=transformer_engine";
  }
  if (!is_library) return {};
  if (f.rule != BlockScaleRule::exact || f.scale_rounding != Rounding::nearest_even) {
    return "arithmetic of a library needs the scale rule exact:nearest_even";
  }
  if (f.arithmetic == BlockArithmetic::transformer_engine && f.tensor_bound == 0) {
    return "arithmetic=transformer_engine has a tensor scale; write tensor=448 or arithmetic=exact";
  }
  if (f.zero_block != default_zero_block(f)) {
    return "arithmetic of a library fixes the scale of zero blocks; leave out zero_block";
  }
  return {};
}

std::string option_fault(const BlockFormat& f) {
  const bool is_plain = f.arithmetic == BlockArithmetic::exact && f.tensor_bound == 0;
  if (f.three_quarters && (!is_plain || f.rule == BlockScaleRule::exact)) {
    return "prescale=3/4 needs one level of power-of-two scales";
  }
  if (f.zero_point == ZeroPoint::none) return {};
  const auto* integer = std::get_if<IntegerFormat>(&f.element);
  if (integer == nullptr || integer->fraction_bits != 0 || integer->bits > 16) {
    return "zero points need integer elements of at most 16 bits";
  }
  if (!is_plain || f.rule != BlockScaleRule::exact) {
    return "zero points need one level of scales of rule exact";
  }
  if (f.rounding.overflow != Overflow::saturate) return "codes around a zero point saturate";
  return {};
}

}  // namespace

ZeroBlock default_zero_block(const BlockFormat& format) {
  if (format.arithmetic == BlockArithmetic::transformer_engine) return ZeroBlock::zero;
  if (format.arithmetic == BlockArithmetic::torchao) return ZeroBlock::min_normal;
  return has_zero(format.scale) ? ZeroBlock::one : ZeroBlock::smallest;
}

std::string block_format_fault(const BlockFormat& format) {
  for (const auto check :
       {shape_fault, parts_fault, tensor_fault, arithmetic_fault, option_fault}) {
    if (std::string fault = check(format); !fault.empty()) return fault;
  }
  try {
    check_round_spec(format.element, format.rounding);
  } catch (const SpecError& error) {
    return error.what();
  }
  return {};
}

void check_block_format(const BlockFormat& format) {
  const std::string fault = block_format_fault(format);
  if (!fault.empty()) throw SpecError("impossible block format: " + fault, 1);
}

double bits_per_element(const BlockFormat& format) {
  const double bits = width(format.element);
  if (format.length == 0) return bits;
  const int scale_bytes = (width(format.scale) + 7) / 8;
  double shared = 8 * scale_bytes;
  if (format.zero_point != ZeroPoint::none) shared += bits;
  return bits + shared / (static_cast<double>(format.length) * format.lines);
}

}  // namespace halfulp
