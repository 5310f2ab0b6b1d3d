#include "tests/oracle/dot_product.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "tests/oracle/block_addition.h"
#include "tests/oracle/fixed_point.h"
#include "tests/oracle/format_table.h"

namespace halfulp::oracle {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

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
    const Rounded r = rounded_to(to.format, to.rounding, x, stochastic ? draw_(draws_++) : 0);
    merge(r.flags);
    const bool infinite =
        infinite_overflow && r.flags.overflow && to.rounding.overflow == Overflow::infinity;
    return infinite ? std::copysign(kInfinity, x) : r.value;
  }

  double round(const Fixed& x, const Destination& to, bool infinite_overflow = false) {
    if (to.rounding.overflow == Overflow::wrap) {
      // Far out of range only the residue matters: 2^20 quanta are a multiple of every modulus.
      const Fixed range = exact(std::ldexp(1.0, 20 - fraction_bits(to.format)));
      const Fixed magnitude = abs(x);
      if (magnitude > range) {
        const Fixed kept = range + magnitude % range;
        return round(to_odd(x < 0 ? Fixed(-kept) : kept), to);
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
    const Fixed sum = product({a, b}) + exact(c);
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
    const Fixed total = product({a, b}) + exact(sum);
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
    Fixed total = 0;
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
    std::vector<Factors> products;
    for (const std::size_t k : group) {
      products.push_back({in_.a[k], in_.b[k], scale(in_.scale_a, k), scale(in_.scale_b, k)});
    }
    const BlockSum exact = block_addition(r, products, c, in_.scale_exponent, flags_);
    const double sum = exact.is_special   ? round(exact.special, r.sum)
                       : exact.value == 0 ? round(0.0, r.sum)
                                          : round(exact.value, r.sum, true);
    if (r.addend != AlignedSum::Addend::separate) return sum;
    return add(c, sum, r.addition ? *r.addition : r.sum);
  }

  double scale(const std::vector<double>& scales, std::size_t k) const {
    return scales.empty() ? 1.0 : scales[k / in_.block];
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
