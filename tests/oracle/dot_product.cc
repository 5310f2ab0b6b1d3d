#include "tests/oracle/dot_product.h"

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "tests/oracle/ordered_table.h"
#include "tests/oracle/value_table.h"

namespace halfulp::oracle {

namespace {

namespace mp = boost::multiprecision;
/// A whole number of 2^-400.
using Big = mp::number<mp::cpp_int_backend<1536, 1536, mp::signed_magnitude, mp::unchecked, void>>;

constexpr int kUnit = 400;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// m 2^e, m whole.
Big whole(double x, int& exponent) {
  const double fraction = std::frexp(x, &exponent);
  exponent -= 53;
  return Big(static_cast<std::int64_t>(std::ldexp(fraction, 53)));
}

Big scaled(const Big& m, int exponent) {
  const int shift = kUnit + exponent;
  return shift >= 0 ? Big(m << shift) : Big(m / (Big(1) << -shift));  // exact: nothing is so small
}

Big exact(double x) {
  int exponent = 0;
  const Big m = whole(x, exponent);
  return scaled(m, exponent);
}

Big product(std::initializer_list<double> factors) {
  Big result = 1;
  int sum = 0;
  for (const double x : factors) {
    int exponent = 0;
    result *= whole(x, exponent);
    sum += exponent;
  }
  return scaled(result, sum);
}

/// Cut to 53 bits, the last one set when anything was cut.
double to_odd(const Big& x) {
  if (x == 0) return 0;
  const Big magnitude = abs(x);
  const int extra = static_cast<int>(msb(magnitude)) - 52;
  double value = 0;
  if (extra <= 0) {
    value = std::ldexp(static_cast<double>(static_cast<std::uint64_t>(magnitude)), -kUnit);
  } else {
    auto cut = static_cast<std::uint64_t>(Big(magnitude >> extra));
    if (static_cast<int>(lsb(magnitude)) < extra) cut |= 1;
    value = std::ldexp(static_cast<double>(cut), extra - kUnit);
  }
  return x < 0 ? -value : value;
}

enum class Cut { down, truncate, nearest };

/// x as a whole number of 2^unit.
Big cut(const Big& x, int unit, Cut mode, bool& inexact) {
  const int shift = kUnit + unit;
  if (shift <= 0) return x;
  const Big step = Big(1) << shift;
  const Big magnitude = abs(x);
  const Big rest = magnitude % step;
  if (rest == 0) return x;
  inexact = true;
  Big below = magnitude - rest;
  bool up = mode == Cut::down && x < 0;
  if (mode == Cut::nearest) {
    const Big twice = 2 * rest;
    up = twice > step || (twice == step && (below / step) % 2 != 0);
  }
  if (up) below += step;
  return x < 0 ? Big(-below) : below;
}

class Table {
 public:
  explicit Table(const Format& format) {
    if (std::holds_alternative<FloatFormat>(format) ||
        std::holds_alternative<IntegerFormat>(format)) {
      values_ = std::make_unique<ValueTable>(format);
    } else {
      ordered_ = std::make_unique<OrderedTable>(format);
    }
  }

  Rounded round(const RoundSpec& spec, double x, std::uint64_t random) const {
    return values_ ? values_->round(spec, x, random) : ordered_->round(spec, x, random);
  }

 private:
  std::unique_ptr<ValueTable> values_;
  std::unique_ptr<OrderedTable> ordered_;
};

const Table& table_of(const Format& format) {
  static std::vector<std::pair<Format, Table>> tables;
  for (const auto& [known, table] : tables) {
    if (known == format) return table;
  }
  tables.emplace_back(format, Table(format));
  return tables.back().second;
}

int exponent_of(double x, int least) { return std::max(std::ilogb(x), least); }

struct Term {
  Big value;
  int exponent;
};

class Evaluation {
 public:
  Evaluation(const AccumulatorSpec& spec, const DotInput& input,
             const std::function<std::uint64_t(std::uint64_t)>& draw)
      : spec_(spec), in_(input), draw_(draw) {}

  DotResult run() {
    const std::size_t n = in_.a.size();
    const double start = spec_.addend_last ? 0.0 : in_.addend;
    double total = 0;
    Destination last;
    if (spec_.promotion) {
      last = spec_.promotion->outer;
      total = round(start, last);
      const auto step = static_cast<std::size_t>(spec_.promotion->interval);
      for (std::size_t k = 0; k < n; k += step) {
        total = add(total, method(k, std::min(n, k + step), 0.0), last);
      }
    } else {
      std::visit([&](const auto& m) { last = m.sum; }, spec_.method);
      total = method(0, n, start);
    }
    if (spec_.addend_last) total = add(total, in_.addend, last);
    if (spec_.result) total = round(total, *spec_.result);
    return {total, flags_};
  }

 private:
  // ---- roundings

  void merge(const Flags& f) {
    flags_.inexact |= f.inexact;
    flags_.overflow |= f.overflow;
    flags_.underflow |= f.underflow;
    flags_.invalid |= f.invalid;
  }

  double round(double x, const Destination& to, bool infinite_overflow = false) {
    const bool stochastic = to.rounding.rounding == Rounding::stochastic;
    const Rounded r = table_of(to.format).round(to.rounding, x, stochastic ? draw_(draws_++) : 0);
    merge(r.flags);
    const bool infinite =
        infinite_overflow && r.flags.overflow && to.rounding.overflow == Overflow::infinity;
    return infinite ? std::copysign(kInfinity, x) : r.value;
  }

  double round(const Big& x, const Destination& to, bool infinite_overflow = false) {
    if (to.rounding.overflow == Overflow::wrap) {
      // Far out of range only the residue matters: 2^20 quanta are a multiple of every modulus.
      const Big range = exact(std::ldexp(1.0, 20 - fraction_bits(to.format)));
      const Big magnitude = abs(x);
      if (magnitude > range) {
        const Big kept = range + magnitude % range;
        return round(to_odd(x < 0 ? Big(-kept) : kept), to);
      }
    }
    return round(to_odd(x), to, infinite_overflow);
  }

  static int fraction_bits(const Format& format) {
    return std::get<IntegerFormat>(format).fraction_bits;
  }

  /// A sum that is zero: -0 of terms that are all -0, or when rounding down; else +0.
  double round_zero(bool all_negative, bool all_positive, const Destination& to) {
    const bool down = to.rounding.rounding == Rounding::toward_negative;
    return round(all_negative || (down && !all_positive) ? -0.0 : 0.0, to);
  }

  double add(double x, double y, const Destination& to) { return fused(1.0, x, y, to); }

  double fused(double a, double b, double c, const Destination& to) {
    if (!std::isfinite(a) || !std::isfinite(b) || !std::isfinite(c)) {
      const double special = std::fma(a, b, c);
      const bool zero_times_infinity = (a == 0 && std::isinf(b)) || (b == 0 && std::isinf(a));
      const bool had_nan = std::isnan(a) || std::isnan(b) || std::isnan(c);
      if (zero_times_infinity || (std::isnan(special) && !had_nan)) flags_.invalid = true;
      return round(special, to);
    }
    const Big sum = product({a, b}) + exact(c);
    if (sum != 0) return round(sum, to);
    const bool product_negative = std::signbit(a) != std::signbit(b);
    const bool c_negative = std::signbit(c);
    return round_zero(product_negative && c_negative, !product_negative && !c_negative, to);
  }

  double single(double a, double b, const Destination& to) {
    if (!std::isfinite(a) || !std::isfinite(b)) {
      const double special = a * b;
      if (std::isnan(special) && !std::isnan(a) && !std::isnan(b)) flags_.invalid = true;
      return round(special, to);
    }
    if (a == 0 || b == 0) return round(std::signbit(a) != std::signbit(b) ? -0.0 : 0.0, to);
    return round(product({a, b}), to);
  }

  /// sum + a[k] b[k].
  double step(double sum, std::size_t k, const Destination& to) {
    if (spec_.product) return add(sum, single(in_.a[k], in_.b[k], *spec_.product), to);
    return fused(in_.a[k], in_.b[k], sum, to);
  }

  /// The binary32 number next to the exact sum: casts are correctly rounded, and to_odd leaves them
  /// their decision.
  double step_binary32(double sum, std::size_t k) {
    double a = in_.a[k];
    double b = in_.b[k];
    if (spec_.product) {
      a = single(a, b, *spec_.product);
      b = 1;
    }
    if (!std::isfinite(a) || !std::isfinite(b) || !std::isfinite(sum)) {
      const double special = std::fma(a, b, sum);
      const bool zero_times_infinity = (a == 0 && std::isinf(b)) || (b == 0 && std::isinf(a));
      const bool had_nan = std::isnan(a) || std::isnan(b) || std::isnan(sum);
      if (zero_times_infinity || (std::isnan(special) && !had_nan)) flags_.invalid = true;
      return special;
    }
    const Big total = product({a, b}) + exact(sum);
    if (total == 0) {
      const bool negative = std::signbit(a) != std::signbit(b) && std::signbit(sum);
      return negative ? -0.0 : 0.0;
    }
    const double odd = to_odd(total);
    const auto rounded = static_cast<double>(static_cast<float>(odd));
    const bool inexact = rounded != odd;
    flags_.inexact |= inexact;
    flags_.overflow |= std::isinf(rounded);
    flags_.underflow |= inexact && std::abs(odd) < std::ldexp(1.0, -126);
    return rounded;
  }

  // ---- methods

  double method(std::size_t from, std::size_t to, double start) {
    if (const auto* r = std::get_if<RoundedSum>(&spec_.method)) return rounded(*r, from, to, start);
    if (const auto* r = std::get_if<AlignedSum>(&spec_.method)) return aligned(*r, from, to, start);
    if (const auto* r = std::get_if<CompensatedSum>(&spec_.method)) {
      return r->method == CompensatedSum::Method::kahan ? kahan(r->sum, from, to, start)
                                                        : two_sum(r->sum, from, to, start);
    }
    return exact_sums(std::get<ExactAccumulation>(spec_.method), from, to, start);
  }

  double min_normal(const Format& format) const {
    const auto& f = std::get<FloatFormat>(format);
    return std::ldexp(1.0, (f.has_zero ? 1 : 0) - f.bias);
  }

  double flushed(double x, int exponent) const {
    return std::abs(x) < std::ldexp(1.0, exponent) ? 0.0 : x;
  }

  double small_to_zero(double x, const RoundedSum& r) {
    if (!r.flush || x == 0 || !(std::abs(x) < min_normal(r.sum.format))) return x;
    flags_.inexact = flags_.underflow = true;
    return std::copysign(0.0, x);
  }

  double leaf(const RoundedSum& r, double sum, std::size_t k) {
    if (!r.flush) return step(sum, k, r.sum);
    const double a = flushed(in_.a[k], r.flush->operand_exponents[0]);
    const double b = flushed(in_.b[k], r.flush->operand_exponents[1]);
    return small_to_zero(fused(a, b, sum, r.sum), r);
  }

  double join(const RoundedSum& r, double x, double y) {
    return small_to_zero(add(x, y, r.sum), r);
  }

  double rounded(const RoundedSum& r, std::size_t from, std::size_t to, double start) {
    if (r.flush && std::abs(start) < min_normal(r.sum.format)) start = 0;
    double sum = round(start, r.sum);
    std::vector<std::size_t> terms;
    for (std::size_t k = from; k < to; ++k) terms.push_back(k);
    switch (r.order.order) {
      case Order::sequential:
        return in_turn(r, terms, sum);
      case Order::interleaved: {
        const auto lanes = static_cast<std::size_t>(r.order.length);
        std::vector<double> sums;
        for (std::size_t lane = 0; lane < lanes && lane < terms.size(); ++lane) {
          std::vector<std::size_t> own;
          for (std::size_t i = lane; i < terms.size(); i += lanes) own.push_back(terms[i]);
          sums.push_back(in_turn(r, own, 0.0));
        }
        return sums.empty() ? sum
                            : join(r, sum, tree(r, sums.size(), [&](auto i) { return sums[i]; }));
      }
      case Order::pairwise:
      case Order::blocked:
        break;
    }
    const std::size_t length = r.order.length == 0 ? std::max<std::size_t>(1, terms.size())
                                                   : static_cast<std::size_t>(r.order.length);
    for (std::size_t at = 0; at < terms.size(); at += length) {
      const std::size_t end = std::min(at + length, terms.size());
      const std::vector<std::size_t> own(terms.begin() + static_cast<std::ptrdiff_t>(at),
                                         terms.begin() + static_cast<std::ptrdiff_t>(end));
      double part = 0;
      if (r.order.order == Order::blocked) {
        part = in_turn(r, own, 0.0);
      } else {
        part = tree(r, own.size(), [&](std::size_t i) { return leaf(r, 0.0, own[i]); });
      }
      sum = join(r, sum, part);
    }
    return sum;
  }

  double in_turn(const RoundedSum& r, const std::vector<std::size_t>& terms, double sum) {
    for (std::size_t i = 0; i < terms.size(); ++i) {
      if (r.every == 1) {
        sum = leaf(r, sum, terms[i]);
      } else {
        sum = step_binary32(sum, terms[i]);
        const bool due = (i + 1) % static_cast<std::size_t>(r.every) == 0;
        if (due || i + 1 == terms.size()) sum = round(sum, r.sum);
      }
    }
    return sum;
  }

  /// Neighbours are added, then neighbours of the sums; an odd one out waits. Evaluated depth first
  /// by the spans of the leaves, so that draws come in order.
  double tree(const RoundedSum& r, std::size_t count,
              const std::function<double(std::size_t)>& value) {
    std::vector<std::pair<double, std::size_t>> open;  // sums and how many leaves each has
    for (std::size_t i = 0; i < count; ++i) {
      open.emplace_back(value(i), 1);
      while (open.size() >= 2 && open[open.size() - 2].second == open.back().second) close(r, open);
    }
    while (open.size() >= 2) close(r, open);
    return open[0].first;
  }

  void close(const RoundedSum& r, std::vector<std::pair<double, std::size_t>>& open) {
    const auto right = open.back();
    open.pop_back();
    open.back() = {join(r, open.back().first, right.first), open.back().second + right.second};
  }

  double kahan(const Destination& to, std::size_t from, std::size_t end, double start) {
    double sum = round(start, to);
    double c = 0;
    for (std::size_t k = from; k < end; ++k) {
      const double y = step(std::isnan(c) ? c : -c, k, to);
      const double t = add(sum, y, to);
      const double difference = add(t, -sum, to);
      c = add(difference, -y, to);
      sum = t;
    }
    return sum;
  }

  double two_sum(const Destination& to, std::size_t from, std::size_t end, double start) {
    double s = round(start, to);
    double lost = 0;
    for (std::size_t k = from; k < end; ++k) {
      const double p = step(0.0, k, to);
      const double next = add(s, p, to);
      const double p_part = add(next, -s, to);
      const double s_part = add(next, -p_part, to);
      const double s_error = add(s, -s_part, to);
      const double p_error = add(p, -p_part, to);
      lost = add(lost, add(s_error, p_error, to), to);
      s = next;
    }
    return add(s, lost, to);
  }

  double exact_sums(const ExactAccumulation& r, std::size_t from, std::size_t to, double sum) {
    const std::size_t length =
        r.every == 0 ? std::max<std::size_t>(1, to - from) : static_cast<std::size_t>(r.every);
    if (from == to) return exact_sum(r.sum, from, to, sum);
    for (std::size_t k = from; k < to; k += length) {
      sum = exact_sum(r.sum, k, std::min(k + length, to), sum);
    }
    return sum;
  }

  double exact_sum(const Destination& to, std::size_t from, std::size_t end, double start) {
    Big total = 0;
    bool all_negative = true;
    bool all_positive = true;
    bool nan = false;
    bool invalid = false;
    bool plus = false;
    bool minus = false;
    const auto take = [&](double x) {
      all_negative = all_negative && std::signbit(x);
      all_positive = all_positive && !std::signbit(x);
      nan = nan || std::isnan(x);
      plus = plus || x == kInfinity;
      minus = minus || x == -kInfinity;
    };
    take(start);
    if (std::isfinite(start)) total += exact(start);
    for (std::size_t k = from; k < end; ++k) {
      if (spec_.product) {
        const double p = single(in_.a[k], in_.b[k], *spec_.product);
        take(p);
        if (std::isfinite(p)) total += exact(p);
      } else {
        const double p = in_.a[k] * in_.b[k];
        invalid = invalid || (std::isnan(p) && !std::isnan(in_.a[k]) && !std::isnan(in_.b[k]));
        take(p);
        if (std::isfinite(p)) total += product({in_.a[k], in_.b[k]});
      }
    }
    if (nan || (plus && minus)) {
      if (invalid || (plus && minus && !nan)) flags_.invalid = true;
      return round(kNaN, to);
    }
    if (plus || minus) return round(plus ? kInfinity : -kInfinity, to);
    return total == 0 ? round_zero(all_negative, all_positive, to) : round(total, to);
  }

  // ---- aligned sums

  double aligned(const AlignedSum& r, std::size_t from, std::size_t to, double start) {
    double sum = round(start, r.sum);
    const auto size = static_cast<std::size_t>(r.terms);
    const std::size_t span = r.interleave > 0 ? 2 * size : size;
    for (std::size_t k = from; k < to; k += span) {
      std::vector<std::size_t> groups[2];
      for (std::size_t i = k; i < std::min(to, k + span); ++i) {
        const bool second =
            r.interleave > 0 && ((i - k) / static_cast<std::size_t>(r.interleave)) % 2 == 1;
        groups[second ? 1 : 0].push_back(i);
      }
      for (const std::vector<std::size_t>& group : groups) {
        if (!group.empty()) sum = one_addition(r, group, sum);
      }
    }
    return sum;
  }

  double one_addition(const AlignedSum& r, const std::vector<std::size_t>& group, double c) {
    const bool separate = r.addend == AlignedSum::Addend::separate;
    const double products = fused_products(r, group, separate ? 0.0 : c);
    if (!separate) return products;
    return add(c, products, r.addition ? *r.addition : r.sum);
  }

  double scale(const std::vector<double>& scales, std::size_t k) const {
    return scales.empty() ? 1.0 : scales[k / in_.block];
  }

  double operand(const AlignedSum& r, double x, int which) const {
    return r.flush_operands ? flushed(x, r.operand_exponents[which]) : x;
  }

  double fused_products(const AlignedSum& r, const std::vector<std::size_t>& group, double c) {
    bool nan = std::isnan(c);
    bool plus = c == kInfinity;
    bool minus = c == -kInfinity;
    std::vector<Term> terms;
    bool huge_plus = false;
    bool huge_minus = false;
    for (const std::size_t k : group) {
      const double a = operand(r, in_.a[k], 0);
      const double b = operand(r, in_.b[k], 1);
      const double sa = scale(in_.scale_a, k);
      const double sb = scale(in_.scale_b, k);
      const double p = a * b * sa * sb;
      if (!std::isfinite(a) || !std::isfinite(b)) {
        const double special = a * b;
        if (std::isnan(special) && !std::isnan(a) && !std::isnan(b)) flags_.invalid = true;
        nan = nan || std::isnan(special);
        plus = plus || (std::isinf(special) && !std::signbit(special));
        minus = minus || (std::isinf(special) && std::signbit(special));
        terms.push_back({0, -100000});
        continue;
      }
      Term term{product({a, b, sa, sb}), -100000};
      if (p != 0) {
        term.exponent = exponent_of(a, r.operand_exponents[0]) +
                        exponent_of(b, r.operand_exponents[1]) +
                        exponent_of(sa, in_.scale_exponent) + exponent_of(sb, in_.scale_exponent);
      }
      huge_plus = huge_plus || p >= std::ldexp(1.0, 128);
      huge_minus = huge_minus || p <= -std::ldexp(1.0, 128);
      terms.push_back(term);
    }
    if (!nan && !plus && !minus && r.products_overflow) {
      plus = huge_plus;
      minus = huge_minus;
    }
    if (nan || plus || minus) {
      if (!nan && plus && minus) flags_.invalid = true;
      const double special = nan || (plus && minus) ? kNaN : plus ? kInfinity : -kInfinity;
      return round(special, r.sum);
    }
    if (r.exact_products > 1) terms = exact_groups(r, group, terms);
    const Big sum = align(r, terms, c);
    return sum == 0 ? round(0.0, r.sum) : round(sum, r.sum, true);
  }

  std::vector<Term> exact_groups(const AlignedSum& r, const std::vector<std::size_t>& group,
                                 const std::vector<Term>& products) const {
    std::vector<Term> sums;
    for (std::size_t i = 0; i < products.size(); ++i) {
      if (i % static_cast<std::size_t>(r.exact_products) == 0) {
        const double sa = scale(in_.scale_a, group[i]);
        const double sb = scale(in_.scale_b, group[i]);
        const int exponent = sa == 0 || sb == 0 ? -100000
                                                : exponent_of(sa, in_.scale_exponent) +
                                                      exponent_of(sb, in_.scale_exponent);
        sums.push_back({0, exponent});
      }
      sums.back().value += products[i].value;
    }
    return sums;
  }

  /// All terms, cut to F bits below the largest exponent.
  Term cut_sum(const AlignedSum& r, const std::vector<Term>& terms) {
    int top = r.least_exponent;
    for (const Term& term : terms) top = std::max(top, term.exponent);
    const Cut mode = r.alignment == Rounding::toward_zero       ? Cut::truncate
                     : r.alignment == Rounding::toward_negative ? Cut::down
                                                                : Cut::nearest;
    Term sum{0, top};
    for (const Term& term : terms) {
      sum.value += cut(term.value, top - r.fraction_bits, mode, flags_.inexact);
    }
    return sum;
  }

  Big align(const AlignedSum& r, const std::vector<Term>& products, double c) {
    const int c_exponent = c == 0 ? -126 : exponent_of(c, -126);
    std::vector<std::vector<Term>> lanes(static_cast<std::size_t>(r.lanes));
    for (std::size_t i = 0; i < products.size(); ++i) {
      lanes[i % lanes.size()].push_back(products[i]);
    }
    if (r.addend == AlignedSum::Addend::aligned && c != 0) {
      lanes[0].push_back({exact(c), c_exponent});
    }
    Term sum = cut_sum(r, lanes[0]);
    for (std::size_t lane = 1; lane < lanes.size(); ++lane) {
      const Term other = cut_sum(r, lanes[lane]);
      sum = floor_sum(sum, r.fraction_bits, other, r.fraction_bits);
    }
    if (r.addend != AlignedSum::Addend::realigned) return sum.value;
    Term addend{exact(c), c_exponent};
    const int top = std::max(sum.exponent, c_exponent);
    if (r.drops_far_addend && c_exponent < top - (r.fraction_bits + 1) && c != 0) {
      addend.value = 0;
      flags_.inexact = true;
    }
    return floor_sum(sum, r.realigned_bits, addend, r.fraction_bits).value;
  }

  Term floor_sum(const Term& x, int x_bits, const Term& y, int y_bits) {
    const int top = std::max(x.exponent, y.exponent);
    return {cut(x.value, top - x_bits, Cut::down, flags_.inexact) +
                cut(y.value, top - y_bits, Cut::down, flags_.inexact),
            top};
  }

  const AccumulatorSpec& spec_;
  const DotInput& in_;
  const std::function<std::uint64_t(std::uint64_t)>& draw_;
  Flags flags_;
  std::uint64_t draws_ = 0;
};

}  // namespace

DotResult dot_product(const AccumulatorSpec& spec, const DotInput& input,
                      const std::function<std::uint64_t(std::uint64_t)>& draw) {
  return Evaluation(spec, input, draw).run();
}

}  // namespace halfulp::oracle
