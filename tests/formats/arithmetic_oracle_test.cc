// evaluate() against exact rationals and the value table: every pair of codes.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "formats/named_formats.h"
#include "formats/spec.h"
#include "tests/formats/arithmetic_check.h"

namespace halfulp {
namespace {

using testing_arithmetic::all_round_specs;
using testing_arithmetic::Count;
using testing_arithmetic::FormatCheck;

std::string grouped(std::uint64_t n) {
  std::string text = std::to_string(n);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

/// All operations of one format; returns the totals by number of operands.
void check_all(const std::string& name, const std::vector<RoundSpec>& specs, std::uint64_t triples,
               bool prints) {
  SCOPED_TRACE(name);
  FormatCheck format_check(parse_format(name));
  std::uint64_t tuples[4] = {};
  std::uint64_t right[4] = {};
  for (const OperationRow& row : operations()) {
    const Count count = format_check.check(row.operation, specs, triples);
    tuples[row.arity] += count.tuples;
    right[row.arity] += count.tuples - count.wrong;
    EXPECT_EQ(count.wrong, 0u) << row.name << " in " << name;
  }
  if (!prints) return;
  std::printf("| `%s` | %zu |", name.c_str(), specs.size());
  for (int arity = 1; arity <= 3; ++arity) {
    std::printf(" %s of %s |", grouped(right[arity]).c_str(), grouped(tuples[arity]).c_str());
  }
  std::printf("\n");
}

/// Two modes, one of them directed, under the first policies that apply.
std::vector<RoundSpec> two_specs(const std::string& name) {
  std::vector<RoundSpec> specs;
  for (const RoundSpec& spec : all_round_specs(parse_format(name))) {
    const bool wanted = (spec.rounding == Rounding::nearest_even && specs.empty()) ||
                        (spec.rounding == Rounding::toward_negative && specs.size() == 1);
    if (wanted) specs.push_back(spec);
  }
  return specs;
}

TEST(ArithmeticOracle, EveryPairOfFourFormats) {
  for (const char* name : {"e4m3fn", "e5m2", "int8"}) check_all(name, two_specs(name), 2000, false);
  for (const char* name :
       {"e2m1fn", "e2m1ieee", "e3m0", "int4", "uint3", "int3sym", "float(2,1,fnuz)",
        "float(2,2,unsigned)", "float(2,2,subnormals=off)", "float(2,1,subnormals=flush_input)",
        "float(2,1,finite,nozero)", "float(0,3,finite)"}) {
    check_all(name, all_round_specs(parse_format(name)), 0, false);
  }
}

TEST(ArithmeticOracle, FormatsOfOtherFamilies) {
  for (const char* name : {"posit(5,1)", "takum_linear5", "Binary5p3se", "fixed(5,2)"}) {
    check_all(name, two_specs(name), 0, false);
  }
  for (const char* name : {"posit(4,0)", "nf4", "ternary", "Binary4p2sf", "Binary4p2uf"}) {
    check_all(name, all_round_specs(parse_format(name)), 0, false);
  }
}

/// Arithmetic refuses operands that are cut values.
bool is_irrational(const Format& format) {
  const auto* takum = std::get_if<TakumFormat>(&format);
  return std::holds_alternative<LogarithmicFormat>(format) ||
         (takum != nullptr && takum->logarithmic);
}

TEST(ArithmeticOracle, EveryNamedFormatUpTo8BitsFull) {
  std::printf("| format | roundings | operands | pairs | triples |\n|---|---|---|---|---|\n");
  for (const NamedFormat& row : named_formats()) {
    if (width(row.format) > 8 || is_irrational(row.format)) continue;
    check_all(std::string(row.name), all_round_specs(row.format), 20'000, true);
  }
  for (const char* name : {"Binary8p3se", "Binary8p4se", "Binary8p5sf", "Binary8p1uf", "fixed(8,4)",
                           "takum_linear7"}) {
    check_all(name, all_round_specs(parse_format(name)), 20'000, true);
  }
}

}  // namespace
}  // namespace halfulp
