#include "tests/formats/random_accumulator.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <vector>

#include "formats/properties.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

class Choice {
 public:
  explicit Choice(std::mt19937_64& random) : random_(random) {}

  int number(int low, int high) {
    const auto span = static_cast<std::uint64_t>(high - low + 1);
    return low + static_cast<int>(random_() % span);
  }

  bool chance(int percent) { return number(1, 100) <= percent; }

  template <class List>
  const auto& of(const List& list) {
    return list[static_cast<std::size_t>(number(0, static_cast<int>(std::size(list)) - 1))];
  }

 private:
  std::mt19937_64& random_;
};

const std::vector<Format>& formats() {
  static const std::vector<Format> list = [] {
    std::vector<Format> parsed;
    for (const char* name : {"bfloat16",
                             "binary16",
                             "e4m3fn",
                             "e5m2",
                             "e4m3fnuz",
                             "e2m1fn",
                             "e3m2fn",
                             "e8m7",
                             "e5m6",
                             "e4m8",
                             "e6m9",
                             "e5m11",
                             "float(5,4,subnormals=off)",
                             "float(4,5,finite)",
                             "int8",
                             "int12",
                             "int4sym",
                             "uint8",
                             "fixed(12,4)",
                             "int16",
                             "posit(8,2)",
                             "posit(10,1)",
                             "posit(6,0)",
                             "takum_linear8"}) {
      parsed.push_back(parse_format(name));
    }
    return parsed;
  }();
  return list;
}

Overflow overflow_for(const Format& format, Choice& choice) {
  const auto* integer = std::get_if<IntegerFormat>(&format);
  const bool is_float = std::holds_alternative<FloatFormat>(format);
  if (integer != nullptr && !integer->symmetric && choice.chance(40)) return Overflow::wrap;
  if (is_float && has_infinity(format) && choice.chance(60)) return Overflow::infinity;
  if (is_float && has_nan(format) && choice.chance(20)) return Overflow::nan;
  return Overflow::saturate;
}

Destination destination(Choice& choice) {
  Destination to;
  to.format = choice.of(formats());
  to.rounding.overflow = overflow_for(to.format, choice);
  to.rounding.rounding =
      choice.chance(40) ? Rounding::nearest_even : static_cast<Rounding>(choice.number(0, 6));
  if (to.rounding.rounding != Rounding::stochastic) return to;
  to.rounding.random_bits = choice.number(1, 16);
  to.rounding.variant = static_cast<StochasticVariant>(choice.number(0, 2));
  return to;
}

RoundedSum rounded_sum(Choice& choice) {
  RoundedSum sum;
  sum.sum = destination(choice);
  if (choice.chance(20)) {
    sum.every = choice.number(2, 9);
    return sum;
  }
  sum.order.order = static_cast<Order>(choice.number(0, 3));
  if (sum.order.order == Order::pairwise) sum.order.length = choice.chance(50) ? 0 : 4;
  if (sum.order.order == Order::blocked || sum.order.order == Order::interleaved) {
    sum.order.length = choice.number(1, 9);
  }
  if (std::holds_alternative<FloatFormat>(sum.sum.format) && choice.chance(20)) {
    sum.flush = Flush{{choice.number(-14, -2), choice.number(-14, -2)}};
  }
  return sum;
}

AlignedSum aligned_sum(Choice& choice) {
  AlignedSum sum;
  sum.sum = destination(choice);
  sum.terms = choice.number(1, 20);
  sum.fraction_bits = choice.number(0, 30);
  sum.alignment = choice.of(std::vector<Rounding>{Rounding::toward_zero, Rounding::toward_negative,
                                                  Rounding::nearest_even});
  sum.operand_exponents[0] = choice.number(-16, -1);
  sum.operand_exponents[1] = choice.number(-16, -1);
  sum.least_exponent = choice.of(std::vector<int>{-133, -1024, -20, -8});
  sum.flush_operands = choice.chance(20);
  sum.products_overflow = choice.chance(20);
  sum.addend = static_cast<AlignedSum::Addend>(choice.number(0, 2));
  if (sum.terms > 1 && choice.chance(30)) sum.lanes = choice.number(2, std::min(3, sum.terms));
  if (sum.lanes == 1 && sum.terms % 2 == 0 && choice.chance(30)) sum.exact_products = 2;
  if (sum.exact_products == 1 && choice.chance(20)) sum.interleave = choice.number(1, sum.terms);
  if (sum.addend == AlignedSum::Addend::separate && choice.chance(70)) {
    sum.addition = destination(choice);
  }
  if (sum.addend == AlignedSum::Addend::realigned) {
    sum.realigned_bits = choice.number(10, 35);
    sum.drops_far_addend = choice.chance(50);
  }
  return sum;
}

}  // namespace

AccumulatorSpec random_accumulator(std::mt19937_64& random) {
  Choice choice(random);
  AccumulatorSpec spec;
  const int kind = choice.number(0, 9);
  if (kind < 4) {
    spec.method = rounded_sum(choice);
  } else if (kind < 7) {
    spec.method = aligned_sum(choice);
  } else if (kind < 9) {
    spec.method = CompensatedSum{static_cast<CompensatedSum::Method>(choice.number(0, 1)),
                                 destination(choice)};
  } else {
    spec.method =
        ExactAccumulation{destination(choice), choice.chance(50) ? 0 : choice.number(1, 9)};
  }
  const auto* rounded = std::get_if<RoundedSum>(&spec.method);
  const bool takes_products =
      !std::holds_alternative<AlignedSum>(spec.method) && (rounded == nullptr || !rounded->flush);
  if (takes_products && choice.chance(30)) spec.product = destination(choice);
  if (choice.chance(25)) {
    const auto* aligned = std::get_if<AlignedSum>(&spec.method);
    const int unit = aligned == nullptr ? 1 : aligned->exact_products;
    spec.promotion = Promotion{unit * choice.number(1, 12), destination(choice)};
  }
  if (choice.chance(25)) spec.result = destination(choice);
  spec.addend_last = choice.chance(20);
  spec.shared_draws = choice.chance(10);
  return spec;
}

}  // namespace halfulp
