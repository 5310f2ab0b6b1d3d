#include "tests/oracle/power_table.h"

#include <mpfr.h>

#include <algorithm>

namespace halfulp::oracle {

namespace {

constexpr mpfr_prec_t kPrecision = 2000;
constexpr long kEqualBits = 1600;
constexpr mpfr_rnd_t kNearest = MPFR_RNDN;

struct Value {
  mpfr_t v;

  Value() {
    mpfr_init2(v, kPrecision);
    mpfr_set_zero(v, 1);
  }

  Value(const Value& other) : Value() { mpfr_set(v, other.v, kNearest); }

  Value& operator=(const Value&) = delete;

  ~Value() { mpfr_clear(v); }
};

std::string text_of(std::uint64_t code, int width) {
  std::string bits;
  for (int i = width - 1; i >= 0; --i) bits += (code >> i & 1) != 0 ? '1' : '0';
  return bits;
}

long whole(const std::string& bits) { return bits.empty() ? 0 : std::stol(bits, nullptr, 2); }

/// Positive takum, definition 2 of arXiv 2404.18603: e^(l / 2), l = c + m.
void takum_value(std::string bits, Value& out) {
  if (bits.size() < 12) bits.resize(12, '0');
  const long field = whole(bits.substr(2, 3));
  const bool upper = bits[1] == '1';
  const long r = upper ? field : 7 - field;
  const long stored = whole(bits.substr(5, static_cast<std::size_t>(r)));
  const long c = upper ? (1L << r) - 1 + stored : -(1L << (r + 1)) + 1 + stored;
  const std::string mantissa = bits.substr(5 + static_cast<std::size_t>(r));
  const auto p = static_cast<long>(mantissa.size());
  mpfr_set_si_2exp(out.v, c * (1L << p) + whole(mantissa), -p - 1, kNearest);
  mpfr_exp(out.v, out.v, kNearest);
}

/// -1, 0 or 1; 0 where the difference is below 2^-1600 of the numbers.
int compare(mpfr_srcptr a, mpfr_srcptr b) {
  Value difference;
  mpfr_sub(difference.v, a, b, kNearest);
  if (mpfr_zero_p(difference.v) != 0) return 0;
  const mpfr_exp_t scale = std::max(mpfr_zero_p(a) != 0 ? mpfr_get_exp(b) : mpfr_get_exp(a),
                                    mpfr_zero_p(b) != 0 ? mpfr_get_exp(a) : mpfr_get_exp(b));
  if (mpfr_get_exp(difference.v) < scale - kEqualBits) return 0;
  return mpfr_sgn(difference.v);
}

}  // namespace

struct PowerTable::Exact {
  bool is_nan = false;
  bool is_negative_infinity = false;
  bool negative = false;
  Value magnitude;
  Flags flags;
};

struct PowerTable::Numbers {
  std::vector<std::uint64_t> codes;  ///< of the magnitudes, from zero upwards
  std::vector<Value> magnitudes;
  std::vector<Value> boundaries;  ///< of nearest rounding, up to the next magnitude
};

PowerTable::PowerTable(const Format& format) : numbers_(std::make_unique<Numbers>()) {
  Numbers& n = *numbers_;
  n.magnitudes.reserve(1024);
  n.boundaries.reserve(1024);
  if (const auto* takum = std::get_if<TakumFormat>(&format)) {
    is_takum_ = true;
    width_ = takum->bits;
    nan_code_ = std::uint64_t{1} << (width_ - 1);
    for (std::uint64_t code = 0; code < nan_code_; ++code) {
      n.codes.push_back(code);
      n.magnitudes.emplace_back();
      n.boundaries.emplace_back();
      if (code == 0) continue;
      takum_value(text_of(code, width_), n.magnitudes.back());
      takum_value(text_of(code, width_) + "1", n.boundaries.back());
    }
    return;
  }
  const auto& lns = std::get<LogarithmicFormat>(format);
  width_ = lns.bits;
  fraction_bits_ = lns.fraction_bits;
  const long half = 1L << (width_ - 2);
  nan_code_ = static_cast<std::uint64_t>(3 * half);
  for (long logarithm = -half; logarithm < half; ++logarithm) {
    n.codes.push_back(static_cast<std::uint64_t>(logarithm < 0 ? logarithm + 2 * half : logarithm));
    n.magnitudes.emplace_back();
    if (logarithm == -half) continue;
    mpfr_ptr power = n.magnitudes.back().v;
    mpfr_set_si_2exp(power, logarithm, -fraction_bits_, kNearest);
    mpfr_exp2(power, power, kNearest);
  }
  for (std::size_t i = 0; i + 1 < n.magnitudes.size(); ++i) {
    n.boundaries.emplace_back();
    mpfr_add(n.boundaries[i].v, n.magnitudes[i].v, n.magnitudes[i + 1].v, kNearest);
    mpfr_div_2ui(n.boundaries[i].v, n.boundaries[i].v, 1, kNearest);
  }
}

PowerTable::~PowerTable() = default;

std::uint64_t PowerTable::code_of(std::size_t index, bool negative) const {
  const std::uint64_t code = numbers_->codes[index];
  if (!negative || index == 0) return code;
  const std::uint64_t all = (std::uint64_t{1} << width_) - 1;
  return is_takum_ ? (~code + 1) & all : code | std::uint64_t{1} << (width_ - 1);
}

namespace {

using Unary = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

Unary function_of(std::string_view name) {
  if (name == "sqrt") return mpfr_sqrt;
  if (name == "rsqrt") return mpfr_rec_sqrt;
  if (name == "exp") return mpfr_exp;
  if (name == "exp2") return mpfr_exp2;
  if (name == "log") return mpfr_log;
  if (name == "log2") return mpfr_log2;
  if (name == "sin") return mpfr_sin;
  if (name == "cos") return mpfr_cos;
  if (name == "tanh") return mpfr_tanh;
  if (name == "erf") return mpfr_erf;
  return nullptr;
}

void compute(std::string_view name, const std::vector<Value>& x, Value& out) {
  if (const Unary function = function_of(name)) {
    function(out.v, x[0].v, kNearest);
  } else if (name == "sigmoid") {
    mpfr_neg(out.v, x[0].v, kNearest);
    mpfr_exp(out.v, out.v, kNearest);
    mpfr_add_ui(out.v, out.v, 1, kNearest);
    mpfr_ui_div(out.v, 1, out.v, kNearest);
  } else if (name == "recip") {
    mpfr_ui_div(out.v, 1, x[0].v, kNearest);
  } else if (name == "add" || name == "faa") {
    mpfr_add(out.v, x[0].v, x[1].v, kNearest);
    if (name == "faa") mpfr_add(out.v, out.v, x[2].v, kNearest);
  } else if (name == "sub") {
    mpfr_sub(out.v, x[0].v, x[1].v, kNearest);
  } else if (name == "mul") {
    mpfr_mul(out.v, x[0].v, x[1].v, kNearest);
  } else if (name == "fma") {
    mpfr_fma(out.v, x[0].v, x[1].v, x[2].v, kNearest);
  } else if (name == "div") {
    mpfr_div(out.v, x[0].v, x[1].v, kNearest);
  } else {
    mpfr_remainder(out.v, x[0].v, x[1].v, kNearest);
  }
}

/// Functions that reach their limits at 2000 bits, but never exactly.
void leave_the_limits(std::string_view name, Value& x) {
  if (name == "tanh" || name == "erf" || name == "sigmoid") {
    Value limit;
    mpfr_set_si(limit.v, mpfr_sgn(x.v), kNearest);
    if (mpfr_zero_p(x.v) == 0 && compare(x.v, limit.v) == 0) {
      Value share;
      mpfr_set_ui_2exp(share.v, 1, -1000, kNearest);
      mpfr_ui_sub(share.v, 1, share.v, kNearest);
      mpfr_mul(x.v, limit.v, share.v, kNearest);
    }
  }
  const bool is_exponential = name == "exp" || name == "exp2" || name == "sigmoid";
  if (is_exponential && mpfr_zero_p(x.v) != 0) mpfr_set_ui_2exp(x.v, 1, -100'000, kNearest);
  if (is_exponential && mpfr_inf_p(x.v) != 0) mpfr_set_ui_2exp(x.v, 1, 100'000, kNearest);
}

/// A sum that is nothing but the error of its terms.
bool is_cancelled(std::string_view name, const std::vector<Value>& x, const Value& sum) {
  if (name != "add" && name != "sub" && name != "fma" && name != "faa") return false;
  if (mpfr_zero_p(sum.v) != 0) return true;
  mpfr_exp_t top = mpfr_get_emin();
  for (const Value& term : x) {
    if (mpfr_zero_p(term.v) == 0) top = std::max(top, mpfr_get_exp(term.v));
  }
  if (name == "fma" && mpfr_zero_p(x[2].v) == 0) top = mpfr_get_exp(x[2].v);
  return mpfr_get_exp(sum.v) < top - kEqualBits;
}

}  // namespace

std::shared_ptr<const PowerTable::Exact> PowerTable::exact(
    std::string_view operation, const std::vector<std::uint64_t>& codes) const {
  auto result = std::make_shared<Exact>();
  std::vector<Value> x;
  for (const std::uint64_t code : codes) {
    result->is_nan = result->is_nan || code == nan_code_;
    const std::uint64_t sign = std::uint64_t{1} << (width_ - 1);
    const bool negative = (code & sign) != 0;
    const std::uint64_t magnitude = !negative ? code : is_takum_ ? 2 * sign - code : code - sign;
    const std::uint64_t half = sign / 2;
    const std::uint64_t index = is_takum_ ? magnitude : magnitude ^ half;
    x.emplace_back();
    if (code == nan_code_) continue;
    mpfr_set(x.back().v, numbers_->magnitudes[index].v, kNearest);
    if (negative) mpfr_neg(x.back().v, x.back().v, kNearest);
  }
  if (result->is_nan) return result;
  const bool zero = mpfr_zero_p(x[0].v) != 0;
  const bool by_zero = x.size() == 2 && mpfr_zero_p(x[1].v) != 0;
  const bool needs_positive =
      operation == "sqrt" || operation == "rsqrt" || operation == "log" || operation == "log2";
  result->flags.invalid = (needs_positive && mpfr_sgn(x[0].v) < 0) ||
                          (operation == "rem" && by_zero) ||
                          (operation == "div" && by_zero && zero);
  const bool is_log = operation == "log" || operation == "log2";
  const bool has_pole = (zero && (is_log || operation == "rsqrt" || operation == "recip")) ||
                        (operation == "div" && by_zero && !zero);
  result->flags.divide_by_zero = has_pole;
  result->is_negative_infinity = has_pole && is_log;
  result->is_nan = result->flags.invalid || (has_pole && !is_log);
  if (result->is_nan || has_pole) return result;
  compute(operation, x, result->magnitude);
  if (!zero) leave_the_limits(operation, result->magnitude);
  if (is_cancelled(operation, x, result->magnitude)) mpfr_set_zero(result->magnitude.v, 1);
  result->negative = mpfr_sgn(result->magnitude.v) < 0;
  mpfr_abs(result->magnitude.v, result->magnitude.v, kNearest);
  return result;
}

PowerTable::Result PowerTable::out_of_range(const RoundSpec& spec, bool negative,
                                            Flags flags) const {
  flags.inexact = true;
  flags.overflow = true;
  if (spec.overflow == Overflow::nan) return {nan_code_, flags};
  return {code_of(numbers_->codes.size() - 1, negative), flags};
}

bool PowerTable::goes_out(const Exact& x, const RoundSpec& spec, std::size_t inner,
                          std::uint64_t random) const {
  const Numbers& n = *numbers_;
  const bool inner_is_odd = n.codes[inner] % 2 != 0;
  if (spec.rounding == Rounding::toward_zero) return false;
  if (spec.rounding == Rounding::toward_positive) return !x.negative;
  if (spec.rounding == Rounding::toward_negative) return x.negative;
  if (spec.rounding == Rounding::to_odd) return !inner_is_odd;
  if (spec.rounding != Rounding::stochastic) {
    if (is_takum_ && inner == 0) return true;
    const int side = compare(x.magnitude.v, n.boundaries[inner].v);
    return side > 0 || (side == 0 && (spec.rounding == Rounding::nearest_away || inner_is_odd));
  }
  Value share, gap, nearest;
  mpfr_sub(share.v, x.magnitude.v, n.magnitudes[inner].v, kNearest);
  mpfr_sub(gap.v, n.magnitudes[inner + 1].v, n.magnitudes[inner].v, kNearest);
  mpfr_div(share.v, share.v, gap.v, kNearest);
  const bool unbiased = spec.variant == StochasticVariant::unbiased;
  const int bits = spec.random_bits + (unbiased ? 1 : 0);
  mpfr_mul_2ui(share.v, share.v, static_cast<unsigned long>(bits), kNearest);
  mpfr_rint_round(nearest.v, share.v, kNearest);
  const bool is_whole = mpfr_zero_p(nearest.v) == 0 && compare(share.v, nearest.v) == 0;
  if (!is_whole) mpfr_rint_floor(nearest.v, share.v, kNearest);
  const std::uint64_t r = random % (std::uint64_t{1} << spec.random_bits);
  return mpfr_get_ui(nearest.v, kNearest) + (unbiased ? 2 * r + 1 : r) >= std::uint64_t{1} << bits;
}

PowerTable::Result PowerTable::round(const Exact& x, const RoundSpec& spec,
                                     std::uint64_t random) const {
  const Numbers& n = *numbers_;
  Flags flags = x.flags;
  if (x.is_nan) return {nan_code_, flags};
  if (x.is_negative_infinity) {
    if (!is_takum_) return out_of_range(spec, true, flags);
    flags.invalid = true;
    return {nan_code_, flags};
  }
  const auto above =
      std::upper_bound(n.magnitudes.begin(), n.magnitudes.end(), x.magnitude,
                       [](const Value& a, const Value& b) { return compare(a.v, b.v) < 0; });
  std::size_t index = static_cast<std::size_t>(above - n.magnitudes.begin()) - 1;
  if (compare(n.magnitudes[index].v, x.magnitude.v) == 0)
    return {code_of(index, x.negative), flags};
  if (index + 1 == n.magnitudes.size()) return out_of_range(spec, x.negative, flags);
  flags.inexact = true;
  flags.underflow = index == 0;
  if (goes_out(x, spec, index, random)) ++index;
  return {code_of(index, x.negative), flags};
}

}  // namespace halfulp::oracle
