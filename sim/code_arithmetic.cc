#include "sim/code_arithmetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "formats/arithmetic.h"
#include "formats/codec.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "sim/exact_kernels.h"
#include "sim/packed.h"
#include "sim/rounder.h"

namespace halfulp {

namespace {

constexpr int kMaxTableWidth = 8;
constexpr int kMaxWidth = 16;
constexpr std::size_t kBlock = 512;

bool is_served(Operation operation) {
  constexpr std::array kServed = {Operation::add, Operation::sub,  Operation::mul,
                                  Operation::div, Operation::sqrt, Operation::fma};
  return std::find(kServed.begin(), kServed.end(), operation) != kServed.end();
}

/// Whether the points where results change have no more bits than rounding to odd decides: values
/// and midpoints of floats and fixed point, bit strings one longer for posits and takums.
bool suits_kernel(const Format& format, const RoundSpec& spec) {
  if (spec.overflow == Overflow::wrap) return false;
  if (const auto* takum = std::get_if<TakumFormat>(&format)) return !takum->logarithmic;
  return std::holds_alternative<FloatFormat>(format) ||
         std::holds_alternative<IntegerFormat>(format) ||
         std::holds_alternative<PositFormat>(format);
}

CodeMethod method_for(Operation operation, const Format& format, const RoundSpec& spec) {
  const bool is_small = width(format) <= kMaxTableWidth;
  if (is_small && operation != Operation::fma) return CodeMethod::table;
  return suits_kernel(format, spec) ? CodeMethod::kernel : CodeMethod::scalar;
}

[[noreturn]] void refuse(const std::string& message) { throw SpecError(message, 1); }

void check(Operation operation, const Format& format, const RoundSpec& spec) {
  const std::string name(describe(operation).name);
  if (!is_served(operation)) {
    refuse("arrays of codes have add, sub, mul, div, sqrt and fma, not " + name);
  }
  if (spec.rounding == Rounding::stochastic) {
    refuse("arrays of codes have deterministic rounding only");
  }
  if (width(format) > kMaxWidth || !fits_binary32(format)) {
    refuse(to_spec(format) +
           " has no arithmetic on arrays of codes; use formats of up to 16 bits " +
           "that fit binary32");
  }
}

}  // namespace

struct CodeArithmetic::Impl {
  Operation operation;
  Format format;
  RoundSpec spec;
  CodeMethod method;
  int arity;
  int bits;
  bool one_zero;                    ///< its sign is not known: x / 0 is NaN for finite x
  std::vector<std::uint8_t> table;  ///< by a 2^bits + b
  std::vector<double> operands;     ///< by code, as decode_operand() reads it
  std::optional<WideRounder> rounder;
  std::optional<CodePacker> packer;

  Impl(Operation an_operation, const Format& a_format, const RoundSpec& a_spec);

  Code evaluated(Code a, Code b, Code c) const {
    const std::array<Number, 3> numbers = {decode_operand(format, a), decode_operand(format, b),
                                           decode_operand(format, c)};
    Flags ignored;
    const std::span<const Number> used(numbers.data(), static_cast<std::size_t>(arity));
    return encode(format, evaluate(operation, used, format, spec, 0, ignored));
  }

  template <class T>
  void apply(const T* a, const T* b, const T* c, T* out, std::size_t n) const;
  template <class T>
  void apply_kernel(const T* a, const T* b, const T* c, T* out, std::size_t n) const;
};

CodeArithmetic::Impl::Impl(Operation an_operation, const Format& a_format, const RoundSpec& a_spec)
    : operation(an_operation),
      format(a_format),
      spec(a_spec),
      method(method_for(an_operation, a_format, a_spec)),
      arity(describe(an_operation).arity),
      bits(width(a_format)),
      one_zero(!has_negative_zero(a_format)) {
  const auto codes = std::uint32_t{1} << bits;
  // Errors must name no pair that nobody asked for.
  if (method == CodeMethod::table && spec.overflow == Overflow::error) method = CodeMethod::scalar;
  if (method == CodeMethod::table) {
    for (std::uint32_t pair = 0; pair < (arity == 1 ? codes : codes * codes); ++pair) {
      const std::uint32_t a = arity == 1 ? pair : pair >> bits;
      table.push_back(static_cast<std::uint8_t>(evaluated(a, pair & (codes - 1), 0)));
    }
  } else if (method == CodeMethod::kernel) {
    for (std::uint32_t code = 0; code < codes; ++code) {
      const Number x = decode_operand(format, code);
      const bool is_nan = x.kind == Number::Kind::nan;
      operands.push_back(is_nan ? std::numeric_limits<double>::quiet_NaN() : to_double(x));
    }
    rounder.emplace(format, spec);
    packer.emplace(format);
  }
}

template <class T>
void CodeArithmetic::Impl::apply_kernel(const T* a, const T* b, const T* c, T* out,
                                        std::size_t n) const {
  alignas(64) std::array<double, kBlock> x;
  alignas(64) std::array<double, kBlock> y;
  alignas(64) std::array<double, kBlock> z;
  alignas(64) std::array<float, kBlock> results;
  std::array<std::uint16_t, kBlock> codes;
  const bool down = spec.rounding == Rounding::toward_negative;
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const std::size_t count = std::min(kBlock, n - begin);
    for (std::size_t i = 0; i < count; ++i) x[i] = operands[a[begin + i]];
    for (std::size_t i = 0; arity > 1 && i < count; ++i) y[i] = operands[b[begin + i]];
    for (std::size_t i = 0; arity > 2 && i < count; ++i) z[i] = operands[c[begin + i]];
    for (std::size_t i = 0; one_zero && operation == Operation::div && i < count; ++i) {
      if (y[i] == 0 && !std::isinf(x[i])) x[i] = std::numeric_limits<double>::quiet_NaN();
    }
    evaluate_to_odd(operation, x.data(), y.data(), z.data(), x.data(), count, down);
    rounder->round(x.data(), x.data(), count);
    for (std::size_t i = 0; i < count; ++i) results[i] = static_cast<float>(x[i]);
    packer->encode(results.data(), count, codes.data());
    for (std::size_t i = 0; i < count; ++i) out[begin + i] = static_cast<T>(codes[i]);
  }
}

template <class T>
void CodeArithmetic::Impl::apply(const T* a, const T* b, const T* c, T* out, std::size_t n) const {
  if (method == CodeMethod::kernel) return apply_kernel(a, b, c, out, n);
  if (method == CodeMethod::scalar) {
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = static_cast<T>(evaluated(a[i], arity > 1 ? b[i] : 0, arity > 2 ? c[i] : 0));
    }
    return;
  }
  if (arity == 1) {
    for (std::size_t i = 0; i < n; ++i) out[i] = table[a[i]];
    return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = table[static_cast<std::size_t>(a[i]) << bits | b[i]];
  }
}

CodeArithmetic::CodeArithmetic(Operation operation, const Format& format, const RoundSpec& spec) {
  check(operation, format, spec);
  check_round_spec(format, spec);
  impl_ = std::make_shared<const Impl>(operation, format, spec);
}

void CodeArithmetic::apply(const std::uint16_t* a, const std::uint16_t* b, const std::uint16_t* c,
                           std::uint16_t* out, std::size_t n) const {
  impl_->apply(a, b, c, out, n);
}

void CodeArithmetic::apply(const std::uint8_t* a, const std::uint8_t* b, const std::uint8_t* c,
                           std::uint8_t* out, std::size_t n) const {
  if (impl_->bits > 8) {
    throw std::invalid_argument("codes of " + to_spec(impl_->format) + " do not fit a byte");
  }
  impl_->apply(a, b, c, out, n);
}

CodeMethod CodeArithmetic::method() const { return impl_->method; }

}  // namespace halfulp
