#include "sim/code_arithmetic.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "formats/arithmetic.h"
#include "formats/codec.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/sim/simd_targets.h"

namespace halfulp {
namespace {

using testing::on_every_simd_target;

constexpr std::array kOperations = {Operation::add, Operation::sub,  Operation::mul,
                                    Operation::div, Operation::sqrt, Operation::fma};

std::vector<RoundSpec> specs_for(const Format& format) {
  std::vector<RoundSpec> specs;
  for (const Overflow overflow : {Overflow::saturate, Overflow::infinity, Overflow::nan,
                                  Overflow::wrap, Overflow::sat_none}) {
    for (const Rounding rounding :
         {Rounding::nearest_even, Rounding::nearest_away, Rounding::toward_zero,
          Rounding::toward_positive, Rounding::toward_negative, Rounding::to_odd}) {
      try {
        check_round_spec(format, {rounding, overflow});
        specs.push_back({rounding, overflow});
      } catch (const SpecError&) {
        continue;
      }
    }
  }
  return specs;
}

/// Every pair of special codes, then random ones; the third operand at random.
struct Operands {
  std::vector<std::uint16_t> a, b, c;

  Operands(const Format& format, int random_triples) {
    const auto codes = std::uint32_t{1} << width(format);
    std::mt19937 generator(3);
    const auto any = [&] { return static_cast<std::uint16_t>(generator() % codes); };
    std::vector<std::uint16_t> special;
    Flags ignored;
    for (const Number& x : {round_to(format, {}, Number{}, 0, ignored), max_finite(format),
                            lowest_finite(format), min_positive(format), from_double(1.0)}) {
      special.push_back(static_cast<std::uint16_t>(encode(format, x)));
    }
    for (const std::uint32_t code : {1U, codes / 2, codes / 2 - 1, codes / 2 + 1, codes - 1}) {
      special.push_back(static_cast<std::uint16_t>(code));
    }
    for (const std::uint16_t x : special) {
      for (const std::uint16_t y : special) {
        add(x, y, special[generator() % special.size()]);
        add(x, y, any());
      }
      for (int i = 0; i < 4; ++i) add(any(), x, any());
    }
    for (int i = 0; i < random_triples; ++i) add(any(), any(), any());
  }

  void add(std::uint16_t x, std::uint16_t y, std::uint16_t z) {
    a.push_back(x);
    b.push_back(y);
    c.push_back(z);
  }
};

void compare(Operation operation, const Format& format, const RoundSpec& spec,
             const Operands& operands) {
  const std::size_t n = operands.a.size();
  std::vector<std::uint16_t> expected(n);
  const auto arity = static_cast<std::size_t>(describe(operation).arity);
  for (std::size_t i = 0; i < n; ++i) {
    const std::array<Number, 3> numbers = {decode_operand(format, operands.a[i]),
                                           decode_operand(format, operands.b[i]),
                                           decode_operand(format, operands.c[i])};
    Flags ignored;
    expected[i] = static_cast<std::uint16_t>(
        encode(format, evaluate(operation, {numbers.data(), arity}, format, spec, 0, ignored)));
  }
  const CodeArithmetic arithmetic(operation, format, spec);
  on_every_simd_target([&] {
    std::vector<std::uint16_t> actual(n);
    arithmetic.apply(operands.a.data(), operands.b.data(), operands.c.data(), actual.data(), n);
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(actual[i], expected[i])
          << to_spec(format) << " " << describe(operation).name << " " << rounding_to_string(spec)
          << " " << to_string(spec.overflow) << std::hex << " " << operands.a[i] << " "
          << operands.b[i] << " " << operands.c[i];
    }
  });
}

void compare_formats(const std::vector<const char*>& names, int random_triples) {
  for (const char* name : names) {
    const Format format = parse_format(name);
    const Operands operands(format, random_triples);
    for (const RoundSpec& spec : specs_for(format)) {
      for (const Operation operation : kOperations) compare(operation, format, spec, operands);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(CodeArithmetic, EqualsEvaluateForFormatsOf16Bits) {
  compare_formats({"binary16", "bfloat16", "int16", "fixed(14,9)", "float(6,9,fnuz)",
                   "float(5,10,subnormals=flush_input)", "p3109(12,5,signed,extended)"},
                  20);
}

TEST(CodeArithmetic, EqualsEvaluateForFormatsOf8Bits) {
  compare_formats({"e4m3fn", "e5m2", "e2m1fn", "int8", "posit(8,2)", "nf4", "e8m0fnu"}, 10);
}

TEST(CodeArithmetic, EqualsEvaluateOnManyOperandsFull) {
  compare_formats({"binary16", "bfloat16", "int16", "fixed(14,9)", "float(6,9,fnuz)", "posit(16,2)",
                   "posit(16,1)", "posit(12,0)", "float(8,7,subnormals=off)"},
                  20000);
}

TEST(CodeArithmetic, EqualsEvaluateForPosit16) {
  const Format format = parse_format("posit(16,2)");
  const Operands operands(format, 300);
  // One of the modes that need no large table.
  for (const Operation operation : kOperations) compare(operation, format, {}, operands);
}

TEST(CodeArithmetic, BytesGiveTheSameAsWords) {
  const Format format = parse_format("e4m3fn");
  const Operands operands(format, 500);
  const std::vector<std::uint8_t> a(operands.a.begin(), operands.a.end());
  const std::vector<std::uint8_t> b(operands.b.begin(), operands.b.end());
  const std::vector<std::uint8_t> c(operands.c.begin(), operands.c.end());
  for (const Operation operation : kOperations) {
    const CodeArithmetic arithmetic(operation, format, {});
    std::vector<std::uint16_t> words(a.size());
    arithmetic.apply(operands.a.data(), operands.b.data(), operands.c.data(), words.data(),
                     a.size());
    std::vector<std::uint8_t> bytes(a.size());
    arithmetic.apply(a.data(), b.data(), c.data(), bytes.data(), a.size());
    for (std::size_t i = 0; i < a.size(); ++i) ASSERT_EQ(bytes[i], words[i]);
  }
}

TEST(CodeArithmetic, ChoosesTablesAndKernels) {
  EXPECT_EQ(CodeArithmetic(Operation::add, parse_format("e4m3fn"), {}).method(), CodeMethod::table);
  EXPECT_EQ(CodeArithmetic(Operation::fma, parse_format("e4m3fn"), {}).method(),
            CodeMethod::kernel);
  EXPECT_EQ(CodeArithmetic(Operation::div, parse_format("binary16"), {}).method(),
            CodeMethod::kernel);
  EXPECT_EQ(CodeArithmetic(Operation::fma, parse_format("nf4"), {}).method(), CodeMethod::scalar);
}

TEST(CodeArithmetic, RefusesWhatItDoesNotServe) {
  EXPECT_THROW(CodeArithmetic(Operation::exp, parse_format("e4m3fn"), {}), SpecError);
  EXPECT_THROW(CodeArithmetic(Operation::add, parse_format("tf32"), {}), SpecError);
  EXPECT_THROW(CodeArithmetic(Operation::add, parse_format("e4m3fn"),
                              {Rounding::stochastic, Overflow::saturate, 8}),
               SpecError);
  std::uint8_t byte = 0;
  const CodeArithmetic arithmetic(Operation::sqrt, parse_format("binary16"), {});
  EXPECT_THROW(arithmetic.apply(&byte, nullptr, nullptr, &byte, 1), std::invalid_argument);
}

TEST(CodeArithmetic, OverflowErrorOnlyWhereItHappens) {
  const RoundSpec spec{Rounding::nearest_even, Overflow::error};
  for (const char* name : {"e4m3fn", "binary16"}) {
    const Format format = parse_format(name);
    const CodeArithmetic arithmetic(Operation::add, format, spec);
    const auto one = static_cast<std::uint16_t>(encode(format, from_double(1.0)));
    const auto most = static_cast<std::uint16_t>(encode(format, max_finite(format)));
    std::uint16_t sum = 0;
    EXPECT_NO_THROW(arithmetic.apply(&one, &one, nullptr, &sum, 1));
    EXPECT_EQ(sum, static_cast<std::uint16_t>(encode(format, from_double(2.0))));
    EXPECT_THROW(arithmetic.apply(&most, &most, nullptr, &sum, 1), OverflowError);
  }
}

}  // namespace
}  // namespace halfulp
