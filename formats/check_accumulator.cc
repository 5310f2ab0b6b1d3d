// Which parameters make an accumulator: check_accumulator of accumulator_spec.h.
#include <algorithm>

#include "formats/accumulator_spec.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

constexpr int kLongest = 1'000'000'000;
constexpr int kLargestExponent = 20'000;

bool is_inside(int x, int low, int high) { return x >= low && x <= high; }

std::string range(const std::string& what, int low, int high) {
  return what + " " + std::to_string(low) + " to " + std::to_string(high);
}

/// Logarithmic numbers are irrational: nothing exact can be added to them.
bool is_irrational(const Format& format) {
  const auto* takum = std::get_if<TakumFormat>(&format);
  return std::holds_alternative<LogarithmicFormat>(format) ||
         (takum != nullptr && takum->logarithmic);
}

std::string destination_fault(const Destination& to, const std::string& what, bool is_last) {
  std::string fault = format_fault(to.format);
  if (fault.empty() && !is_last && is_irrational(to.format)) {
    fault = "numbers of a logarithmic format are irrational; use it for the result only";
  }
  if (fault.empty()) {
    try {
      check_round_spec(to.format, to.rounding);
    } catch (const SpecError& error) {
      fault = error.what();
    }
  }
  return fault.empty() ? "" : what + ": " + fault;
}

std::string order_fault(const SumOrder& order) {
  const int least = order.order == Order::pairwise ? 0 : 1;
  if (order.order == Order::sequential) {
    return order.length == 0 ? "" : "a sequential order has no length";
  }
  return is_inside(order.length, least, kLongest)
             ? ""
             : range("an order has a length of", least, kLongest);
}

std::string exponents_fault(const int (&exponents)[2]) {
  for (const int e : exponents) {
    if (!is_inside(e, -kLargestExponent, kLargestExponent)) {
      return range("least exponents of operands are", -kLargestExponent, kLargestExponent);
    }
  }
  return {};
}

std::string method_fault(const RoundedSum& sum, const AccumulatorSpec& spec) {
  if (!is_inside(sum.every, 1, kLongest)) return range("every counts", 1, kLongest);
  if (std::string fault = order_fault(sum.order); !fault.empty()) return fault;
  if (sum.every > 1 && sum.order.order != Order::sequential) {
    return "every is for sequential sums; leave out the order";
  }
  if (!sum.flush) return {};
  if (sum.every > 1 || spec.product || !std::holds_alternative<FloatFormat>(sum.sum.format)) {
    return "flush needs a float sum, exact products and no every";
  }
  return exponents_fault(sum.flush->operand_exponents);
}

std::string addend_fault(const AlignedSum& sum) {
  const bool is_realigned = sum.addend == AlignedSum::Addend::realigned;
  if (!is_realigned &&
      (sum.drops_far_addend || sum.realigned_bits != AlignedSum{}.realigned_bits)) {
    return "realigned_bits and drops_far_addend are for addend=realigned";
  }
  if (!is_inside(sum.realigned_bits, 0, AlignedSum::kMostBits)) {
    return range("realigned bits are", 0, AlignedSum::kMostBits);
  }
  if (!sum.addition) return {};
  if (sum.addend != AlignedSum::Addend::separate) return "addition is for addend=separate";
  return destination_fault(*sum.addition, "addition", false);
}

std::string method_fault(const AlignedSum& sum, const AccumulatorSpec& spec) {
  if (spec.product) return "aligned sums take exact products; leave out product";
  if (!is_inside(sum.terms, 1, AlignedSum::kMostTerms))
    return range("terms are", 1, AlignedSum::kMostTerms);
  if (!is_inside(sum.fraction_bits, 0, AlignedSum::kMostBits)) {
    return range("fraction bits are", 0, AlignedSum::kMostBits);
  }
  const bool is_known = sum.alignment == Rounding::toward_zero ||
                        sum.alignment == Rounding::toward_negative ||
                        sum.alignment == Rounding::nearest_even;
  if (!is_known) return "alignment is toward_zero, toward_negative or nearest_even";
  if (!is_inside(sum.lanes, 1, sum.terms)) return "lanes are 1 to the number of terms";
  if (!is_inside(sum.exact_products, 1, sum.terms) || sum.terms % sum.exact_products != 0) {
    return "exact_products divide the number of terms";
  }
  if (sum.exact_products > 1 && (sum.lanes > 1 || sum.interleave > 0)) {
    return "exact_products go without lanes and interleave";
  }
  if (spec.promotion && spec.promotion->interval % sum.exact_products != 0) {
    return "exact_products divide the interval of promote";
  }
  if (!is_inside(sum.interleave, 0, sum.terms)) return "interleave is 0 to the number of terms";
  if (!is_inside(sum.least_exponent, -kLargestExponent, kLargestExponent)) {
    return range("the least exponent is", -kLargestExponent, kLargestExponent);
  }
  if (std::string fault = exponents_fault(sum.operand_exponents); !fault.empty()) return fault;
  return addend_fault(sum);
}

std::string method_fault(const CompensatedSum&, const AccumulatorSpec&) { return {}; }

std::string method_fault(const ExactAccumulation& sum, const AccumulatorSpec&) {
  return is_inside(sum.every, 0, kLongest) ? "" : range("every counts", 0, kLongest);
}

}  // namespace

std::string accumulator_fault(const AccumulatorSpec& spec) {
  std::string fault = destination_fault(sum_destination(spec), "sum", false);
  if (fault.empty() && spec.product) fault = destination_fault(*spec.product, "product", false);
  if (fault.empty() && spec.promotion) {
    fault = destination_fault(spec.promotion->outer, "promote", false);
    if (!is_inside(spec.promotion->interval, 1, kLongest)) {
      fault = range("the interval of promote is", 1, kLongest);
    }
  }
  if (fault.empty() && spec.result) fault = destination_fault(*spec.result, "result", true);
  if (!fault.empty()) return fault;
  return std::visit([&](const auto& method) { return method_fault(method, spec); }, spec.method);
}

void check_accumulator(const AccumulatorSpec& spec) {
  if (const std::string fault = accumulator_fault(spec); !fault.empty()) throw SpecError(fault, 1);
}

}  // namespace halfulp
