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
                    << rounding_to_string(spec) << " R " << random << " gave "
                    << text_of(code) << " " << to_string(flags) << ", not "
                    << text_of(want.code) << " " << to_string(want.flags);
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

TEST(ArithmeticLogarithmic, EveryPairInEveryModeFull) {
  for (const char* format : {"lns(8,3)", "takum_log8", "lns(8,5)", "lns(6,2)", "lns(7,0)",
                             "takum_log6", "takum_log7"}) {
    check_operations(format, all_modes(), 20'000);
  }
}

}  // namespace
}  // namespace halfulp
