// evaluate() for operands of logarithmic formats against 2000 bits of MPFR, and by example.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "formats/arithmetic.h"
#include "formats/codec.h"
#include "formats/number_text.h"
#include "formats/operand.h"
#include "formats/power_sum.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "tests/oracle/power_table.h"

namespace halfulp {
namespace {

using Codes = std::vector<std::uint64_t>;

const RoundSpec kNearest{};

std::vector<RoundSpec> all_modes() {
  std::vector<RoundSpec> specs;
  for (int mode = 0; mode <= static_cast<int>(Rounding::stochastic); ++mode) {
    specs.push_back({static_cast<Rounding>(mode), Overflow::saturate});
  }
  specs.back().random_bits = 3;
  specs.push_back(specs.back());
  specs.back().random_bits = 5;
  specs.back().variant = StochasticVariant::unbiased;
  return specs;
}

bool is_compared(Operation operation) {
  return operation <= Operation::recip || operation >= Operation::exp;
}

std::string text_of(std::uint64_t code) {
  char text[20];
  std::snprintf(text, sizeof text, "0x%02llx", static_cast<unsigned long long>(code));
  return text;
}

class Comparison {
 public:
  explicit Comparison(const std::string& format)
      : name_(format), format_(parse_format(format)), table_(format_) {
    for (Code code = 0; code < Code{1} << width(format_); ++code) {
      operands_.push_back(operand_of(format_, code));
    }
  }

  void check(Operation operation, const Codes& codes, const std::vector<RoundSpec>& specs) {
    const auto exact = table_.exact(describe(operation).name, codes);
    std::vector<Operand> operands;
    for (const std::uint64_t code : codes) operands.push_back(operands_[code]);
    for (const RoundSpec& spec : specs) {
      const std::uint64_t random = ++random_;
      const auto want = table_.round(*exact, spec, random);
      Flags flags;
      const Number got = evaluate(operation, operands, format_, spec, random, flags);
      const auto code = static_cast<std::uint64_t>(encode(format_, got));
      ++compared_;
      if (code == want.code && flags == want.flags) continue;
      if (++wrong_ > 5) continue;
      std::string text;
      for (const std::uint64_t c : codes) text += " " + text_of(c);
      ADD_FAILURE() << name_ << " " << describe(operation).name << text << " "
                    << rounding_to_string(spec) << " R " << random << " gave " << text_of(code)
                    << " " << to_string(flags) << ", not " << text_of(want.code) << " "
                    << to_string(want.flags);
    }
  }

  /// Every tuple of codes of up to two operands; of three `triples` random ones.
  void check_all(Operation operation, const std::vector<RoundSpec>& specs, int triples) {
    const std::uint64_t count = operands_.size();
    const int arity = describe(operation).arity;
    for (std::uint64_t a = 0; arity == 1 && a < count; ++a) check(operation, {a}, specs);
    for (std::uint64_t pair = 0; arity == 2 && pair < count * count; ++pair) {
      check(operation, {pair / count, pair % count}, specs);
    }
    for (int i = 0; arity == 3 && i < triples; ++i) {
      check(operation, {generator_() % count, generator_() % count, generator_() % count}, specs);
    }
  }

  std::uint64_t compared() const { return compared_; }

 private:
  std::string name_;
  Format format_;
  oracle::PowerTable table_;
  std::vector<Operand> operands_;
  std::mt19937_64 generator_{11};
  std::uint64_t random_ = 0;
  std::uint64_t compared_ = 0;
  int wrong_ = 0;
};

void check_operations(const std::string& format, const std::vector<RoundSpec>& specs, int triples) {
  Comparison comparison(format);
  for (const OperationRow& row : operations()) {
    if (is_compared(row.operation)) comparison.check_all(row.operation, specs, triples);
  }
  testing::Test::RecordProperty("compared", std::to_string(comparison.compared()));
}

TEST(ArithmeticLogarithmic, SmallFormatsInEveryMode) {
  for (const char* format : {"lns(2,0)", "lns(3,1)", "lns(5,2)", "takum_log4", "takum_log5"}) {
    check_operations(format, all_modes(), 100);
  }
}

TEST(ArithmeticLogarithmic, EveryPairOf8Bits) {
  for (const char* format : {"lns(8,3)", "takum_log8"}) {
    Comparison comparison(format);
    for (const Operation operation :
         {Operation::add, Operation::sub, Operation::mul, Operation::div}) {
      comparison.check_all(operation, {kNearest}, 0);
    }
    for (const OperationRow& row : operations()) {
      const bool is_function = row.arity == 1 && is_compared(row.operation);
      if (is_function) comparison.check_all(row.operation, {kNearest}, 0);
    }
  }
}

/// "fma 0x1 0x2 0x3" with codes of one format, as a code of another one and the flags.
std::string eval(Operation operation, const std::vector<Operand>& operands, const char* format,
                 const RoundSpec& spec = kNearest) {
  Flags flags;
  const Format target = parse_format(format);
  const Number result = evaluate(operation, operands, target, spec, 0, flags);
  return to_hex_float(result) + " " + to_string(flags);
}

Operand operand(const char* format, Code code) { return operand_of(parse_format(format), code); }

Operand exactly(double x) { return exact_operand(from_double(x)); }

TEST(ArithmeticLogarithmic, TiesOfSums) {
  // lns(8,3): 2^-1 + 2^(1/8 - 1) is the mean of 2^0 (code 0) and 2^(1/8) (code 1).
  const std::vector<Operand> tie = {operand("lns(8,3)", 0x78), operand("lns(8,3)", 0x79)};
  const auto code_of = [&](const std::vector<Operand>& x, Rounding rounding) {
    Flags flags;
    const Format format = parse_format("lns(8,3)");
    return static_cast<int>(encode(
        format, evaluate(Operation::add, x, format, {rounding, Overflow::saturate}, 0, flags)));
  };
  EXPECT_EQ(code_of(tie, Rounding::nearest_even), 0);
  EXPECT_EQ(code_of(tie, Rounding::nearest_away), 1);
  // The next tie lies above an odd code.
  const std::vector<Operand> next = {operand("lns(8,3)", 0x79), operand("lns(8,3)", 0x7a)};
  EXPECT_EQ(code_of(next, Rounding::nearest_even), 2);
}

TEST(ArithmeticLogarithmic, OperandsAndResultsOfOtherFormats) {
  const Operand root = operand("lns(8,3)", 0x04);  // 2^(1/2)
  EXPECT_EQ(eval(Operation::mul, {root, root}, "binary32"), "0x1p+1 -");
  EXPECT_EQ(eval(Operation::fma, {root, root, exactly(-2)}, "binary32"), "0x0p+0 -");
  EXPECT_EQ(eval(Operation::add, {root, exactly(0)}, "e15m63"), "0x1.6a09e667f3bcc908p+0 inexact");
  EXPECT_EQ(eval(Operation::sub, {root, exactly(0x1.6a09e667f3bcdp0)}, "binary64"),
            "-0x1.bdd3413b26456p-54 inexact");
  EXPECT_EQ(eval(Operation::log2, {root}, "binary16"), "0x1p-1 -");
  EXPECT_EQ(eval(Operation::rsqrt, {operand("lns(8,3)", 0x10)}, "e4m3fn"), "0x1p-1 -");
  const Operand e = operand("takum_log16", 0x4c00);  // e^1
  EXPECT_EQ(eval(Operation::log, {e}, "e4m3fn"), "0x1p+0 -");
  EXPECT_EQ(eval(Operation::div, {e, e}, "e4m3fn"), "0x1p+0 -");
  EXPECT_EQ(eval(Operation::mul, {e, root}, "binary64"), "0x1.ec0fc3281b1e5p+1 inexact");
  Flags flags;
  const Format takum = parse_format("takum_log16");
  const std::vector<Operand> one = {exactly(1)};
  EXPECT_EQ(encode(takum, evaluate(Operation::exp, one, takum, kNearest, 0, flags)), Code{0x4c00});
  EXPECT_EQ(to_string(flags), "-");
  const Format lns = parse_format("lns(8,3)");
  const Number two[] = {from_double(2)};
  EXPECT_EQ(encode(lns, evaluate(Operation::sqrt, two, lns, kNearest, 0, flags)), Code{0x04});
  EXPECT_EQ(to_string(flags), "-");
}

TEST(ArithmeticLogarithmic, WideFormats) {
  // Neighbours of lns(64,45) and takum_log64, whose products are values again.
  for (const char* name : {"lns(64,45)", "takum_log64", "lns(32,20)"}) {
    const Format format = parse_format(name);
    std::mt19937_64 generator(5);
    for (int i = 0; i < 200; ++i) {
      const Code one = width(format) == 64 && name[0] == 't' ? Code{1} << 62 : Code{0};
      const Code near_one = one + generator() % 4096;
      const std::vector<Operand> operands = {operand_of(format, near_one),
                                             operand_of(format, near_one)};
      Flags flags;
      const Number square = evaluate(Operation::mul, operands, format, kNearest, 0, flags);
      EXPECT_EQ(encode(format, square), one + 2 * (near_one - one)) << name;
      EXPECT_EQ(to_string(flags), "-");
      const Number nothing = evaluate(Operation::sub, operands, format, kNearest, 0, flags);
      EXPECT_EQ(nothing.kind, Number::Kind::zero);
    }
  }
}

TEST(ArithmeticLogarithmic, SumsCancelExactly) {
  const Operand root = operand("lns(8,3)", 0x04);
  const Operand minus = operand("lns(8,3)", 0x84);
  PowerSum sum;
  sum.add(exactly(0x1p-300));
  for (int i = 0; i < 3; ++i) sum.add_product(root, exactly(1));
  sum.add_product(minus, exactly(3));
  Flags flags;
  EXPECT_EQ(to_hex_float(sum.round(parse_format("binary64"), kNearest, 0, flags)), "0x1p-300");
  EXPECT_EQ(to_string(flags), "-");
  sum.add(exactly(-0x1p-300));
  const RoundSpec down{Rounding::toward_negative, Overflow::infinity};
  EXPECT_EQ(to_hex_float(sum.round(parse_format("binary64"), down, 0, flags)), "-0x0p+0");
  EXPECT_EQ(to_string(flags), "-");
}

TEST(ArithmeticLogarithmic, Refusals) {
  const RoundSpec wrap{Rounding::nearest_even, Overflow::wrap};
  const std::vector<Operand> large = {operand("lns(16,3)", 0x1ffd), exactly(1)};
  EXPECT_THROW(eval(Operation::mul, large, "int8", wrap), std::invalid_argument);
  const Number bits[] = {decode(parse_format("lns(8,3)"), 1)};
  Flags flags;
  EXPECT_THROW(evaluate(Operation::exp, bits, parse_format("binary32"), kNearest, 0, flags),
               std::invalid_argument);
  EXPECT_THROW(exact_operand(bits[0]), std::invalid_argument);
}

TEST(ArithmeticLogarithmic, EveryPairInEveryModeLong) {
  for (const char* format :
       {"lns(8,3)", "takum_log8", "lns(8,5)", "lns(6,2)", "lns(7,0)", "takum_log6", "takum_log7"}) {
    check_operations(format, all_modes(), 20'000);
  }
}

}  // namespace
}  // namespace halfulp
