#include "sim/integer_sums.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "formats/properties.h"
#include "sim/accumulated_gemm.h"
#include "sim/aligned_vector.h"
#include "sim/gemm.h"
#include "sim/integer_steps.h"
#include "sim/rounder.h"
#include "sim/saturating_steps.h"
#include "sim/sum_stages.h"
#include "sim/window_sums.h"

namespace halfulp {

namespace {

constexpr double kBinary32Limit = 0x1p24;
constexpr double kBinary64Limit = 0x1p53;
constexpr std::size_t kLeastChunk = 64;  // depth of a binary32 product that pays
constexpr std::size_t kRowBlock = 512;
constexpr std::size_t kFewColumns = 4;  // fewer leave vectors empty

double largest_magnitude_of(ConstMatrix x) {
  float largest = 0;
  for (std::size_t r = 0; r < x.rows; ++r) {
    largest = std::max(largest, amax(x.data + r * x.stride, x.cols));
  }
  return static_cast<double>(largest);
}

bool fits_int16(ConstMatrix x) {
  bool fits = true;
  for (std::size_t r = 0; r < x.rows; ++r) {
    const float* const row = x.data + r * x.stride;
    for (std::size_t i = 0; i < x.cols; ++i) fits &= row[i] >= -0x1p15F && row[i] < 0x1p15F;
  }
  return fits;
}

/// What is known of one product before it is computed.
class IntegerSum {
 public:
  IntegerSum(const IntegerFormat& format, const Destination& sum, const GemmTask& task)
      : destination_(sum), task_(task) {
    modulus_ = std::ldexp(1.0, format.bits);
    range_.high = format.is_signed ? modulus_ / 2 - 1 : modulus_ - 1;
    range_.low = format.is_signed ? -modulus_ / 2 + (format.symmetric ? 1 : 0) : 0;
    range_.wraps = sum.rounding.overflow == Overflow::wrap;
    range_.counts = sum.rounding.overflow == Overflow::error || task.report != nullptr;
    largest_a_ = largest_magnitude_of(task.a);
    largest_b_ = largest_magnitude_of(task.b);
    largest_product_ = largest_a_ * largest_b_;
  }

  /// False where it cannot be done here.
  bool plan() {
    if (!plan_start()) return false;
    const double bound = static_cast<double>(task_.depth) * largest_product_ + largest_start_;
    stays_inside_ = bound <= std::min(range_.high, -range_.low) && bound <= kBinary64Limit;
    if (stays_inside_) return true;
    if (range_.counts || !range_.wraps) {
      instruction_bits_ = instruction_bits();
      in_binary32_ = !range_.counts && largest_product_ <= kBinary32Limit &&
                     std::max(range_.high, -range_.low) <= kBinary32Limit;
      return largest_product_ + 2 * modulus_ <= kBinary64Limit;
    }
    return bound + modulus_ <= kBinary64Limit;
  }

  void run(const GemmTask& part, const SumSink& sink) {
    if (!stays_inside_ && (range_.counts || !range_.wraps)) return run_steps(part, sink);
    const bool wraps = !stays_inside_;
    const auto finish = [&](std::size_t row, std::size_t column, double* sums, std::size_t count) {
      if (wraps) wrap(sums, count);
      sink(row, column, sums, count);
    };
    const double chunk = largest_product_ == 0 ? kBinary32Limit : kBinary32Limit / largest_product_;
    if (chunk >= static_cast<double>(std::min(part.depth, kLeastChunk))) {
      run_chunks(part, static_cast<std::size_t>(chunk), finish);
    } else {
      run_oriented(part, finish, [&](const GemmTask& task, const SumSink& to, bool) {
        window_sums(task, Windows{}, start_of(task), to);
      });
    }
  }

  std::uint64_t overflows() const { return overflows_; }

 private:
  /// Of sums that instructions saturate; 0 where there are none.
  int instruction_bits() const {
    const bool is_int16 = range_.high == 0x1p15 - 1;
    const bool is_whole = range_.low == -range_.high - 1;
    if (range_.counts || !is_whole || !(is_int16 || range_.high == 0x1p31 - 1)) return 0;
    const int bits = is_int16 ? 16 : 32;
    if (!has_saturating_steps(bits) || (is_int16 && largest_product_ > range_.high)) return 0;
    const bool fits = (largest_a_ < 0x1p15 || fits_int16(task_.a)) &&
                      (largest_b_ < 0x1p15 || fits_int16(task_.b));
    return fits ? bits : 0;
  }

  /// Starts are rounded here only where binary64 holds all numbers of the format.
  bool plan_start() {
    if (task_.addend.data == nullptr) return true;
    const OperandFacts facts = operand_facts(task_.addend);
    if (!facts.is_finite) return false;
    if (facts.is_zero) return true;
    largest_start_ = largest_magnitude_of(task_.addend);
    if (facts.quantum_exponent >= 0 && largest_start_ <= std::min(range_.high, -range_.low)) {
      return true;
    }
    const RoundSpec& rounding = destination_.rounding;
    if (range_.counts) return false;
    if (modulus_ > kBinary64Limit || rounding.overflow == Overflow::error ||
        rounding.rounding == Rounding::stochastic) {
      return false;
    }
    start_rounder_.emplace(destination_.format, rounding);
    largest_start_ = std::max(range_.high, -range_.low);
    return true;
  }

  SumStart start_of(const GemmTask& task) const {
    return [this, &task](std::size_t row, std::size_t column, double* starts, std::size_t count) {
      if (task.addend.data == nullptr) {
        std::fill_n(starts, count, 0.0);
        return;
      }
      load_addend(task, row, column, starts, count);
      if (start_rounder_) start_rounder_->round(starts, starts, count);
      for (std::size_t i = 0; i < count; ++i) starts[i] += 0.0;  // no minus zero
    };
  }

  void run_steps(const GemmTask& part, const SumSink& sink) {
    run_oriented(part, sink, [&](const GemmTask& task, const SumSink& to, bool) {
      if (instruction_bits_ > 0 && task.c.cols > kFewColumns) {
        return saturating_steps(task, instruction_bits_, start_of(task), to);
      }
      overflows_ += integer_steps(task, range_, in_binary32_, start_of(task), to);
    });
  }

  /// By binary32 products, exact as long as their sums stay below 2^24.
  void run_chunks(const GemmTask& part, std::size_t chunk, const SumSink& sink) const {
    const std::size_t cols = part.c.cols;
    const std::size_t block = std::min(kRowBlock, part.c.rows);
    AlignedVector<float> products(block * cols);
    std::vector<double> sums(block * cols);
    for (std::size_t first = 0; first < part.c.rows; first += block) {
      const std::size_t rows = std::min(block, part.c.rows - first);
      for (std::size_t m = 0; m < rows; ++m) {
        start_of(part)(first + m, 0, sums.data() + m * cols, cols);
      }
      for (std::size_t k = 0; k < part.depth; k += chunk) {
        multiply(part, first, rows, k, std::min(chunk, part.depth - k), products.data());
        for (std::size_t i = 0; i < rows * cols; ++i) sums[i] += static_cast<double>(products[i]);
      }
      for (std::size_t m = 0; m < rows; ++m) sink(first + m, 0, sums.data() + m * cols, cols);
    }
  }

  static void multiply(const GemmTask& part, std::size_t row, std::size_t rows, std::size_t k,
                       std::size_t depth, float* products) {
    ConstMatrix a = part.a;
    ConstMatrix b = part.b;
    a.data += part.a_transposed ? k * a.stride + row : row * a.stride + k;
    b.data += part.b_transposed ? k : k * b.stride;
    (part.a_transposed ? a.rows : a.cols) = depth;
    (part.a_transposed ? a.cols : a.rows) = rows;
    (part.b_transposed ? b.cols : b.rows) = depth;
    const Matrix c{products, rows, part.c.cols, part.c.cols};
    if (part.a_transposed) {
      gemm_tn(a, b, c);
    } else if (part.b_transposed) {
      gemm_nt(a, b, c);
    } else {
      gemm_nn(a, b, c);
    }
  }

  /// Sums that are no more than 2^53 in magnitude, in two's complement.
  void wrap(double* sums, std::size_t count) const {
    const auto mask = static_cast<std::int64_t>(modulus_) - 1;
    const auto low = static_cast<std::int64_t>(range_.low);
    for (std::size_t i = 0; i < count; ++i) {
      const auto sum = static_cast<std::int64_t>(sums[i]);
      sums[i] = static_cast<double>(((sum - low) & mask) + low);
    }
  }

  Destination destination_;
  const GemmTask& task_;
  IntegerRange range_;
  double modulus_ = 0;
  double largest_a_ = 0;
  double largest_b_ = 0;
  double largest_product_ = 0;
  double largest_start_ = 0;
  bool stays_inside_ = false;
  bool in_binary32_ = false;
  int instruction_bits_ = 0;
  std::optional<WideRounder> start_rounder_;
  std::uint64_t overflows_ = 0;
};

/// Whether rounding sums to `result` leaves them in its range.
bool holds(const Format& result, const IntegerFormat& sum) {
  const auto* format = std::get_if<FloatFormat>(&result);
  return format != nullptr && format->is_signed &&
         to_double(max_finite(result)) >= std::ldexp(1.0, sum.bits);
}

bool is_integer(const OperandFacts& x) { return x.is_zero || x.quantum_exponent >= 0; }

/// Nothing but a sequence of additions of exact products in an integer format.
const IntegerFormat* integer_format(const AccumulatorSpec& spec) {
  const auto* method = std::get_if<RoundedSum>(&spec.method);
  if (method == nullptr || spec.product || method->flush || method->every != 1) return nullptr;
  if (method->order.order != Order::sequential) return nullptr;
  const auto* format = std::get_if<IntegerFormat>(&method->sum.format);
  if (format == nullptr || format->fraction_bits != 0) return nullptr;
  const bool wraps = method->sum.rounding.overflow == Overflow::wrap;
  return wraps && format->symmetric ? nullptr : format;
}

}  // namespace

bool accumulate_integers(const AccumulatorSpec& spec, const GemmTask& task, const OperandFacts& a,
                         const OperandFacts& b) {
  const IntegerFormat* const format = integer_format(spec);
  if (format == nullptr || !a.is_finite || !b.is_finite || !is_integer(a) || !is_integer(b)) {
    return false;
  }
  const Destination& sum = sum_destination(spec);
  const bool must_not_overflow = sum.rounding.overflow == Overflow::error;
  // Other additions and the last rounding would have to be counted too.
  const bool adds_more = spec.promotion || (spec.addend_last && task.addend.data != nullptr);
  if ((task.report != nullptr || must_not_overflow) && adds_more) return false;
  if (task.report != nullptr && spec.result && !holds(spec.result->format, *format)) return false;
  AccumulatorSpec stages = spec;
  std::get<RoundedSum>(stages.method).sum.rounding.overflow = Overflow::saturate;
  if (!can_run_stages(must_not_overflow ? stages : spec)) return false;
  IntegerSum integers(*format, sum, task);
  if (!integers.plan()) return false;
  if (must_not_overflow) {
    // Nothing may be written before it is known that no sum overflows.
    integers.run(task, [](std::size_t, std::size_t, double*, std::size_t) {});
    if (integers.overflows() > 0) return false;
  }
  run_stages(must_not_overflow ? stages : spec, task,
             [&](const GemmTask& part, const SumSink& sink) { integers.run(part, sink); });
  if (task.report != nullptr) task.report->overflows += integers.overflows();
  return true;
}

}  // namespace halfulp
