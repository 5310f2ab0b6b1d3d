// Accumulators in sweep files: texts and tables, alone and in lists.
#include "experiments/harness/accumulator_field.h"

#include <gmock/gmock.h>

#include "experiments/harness/sweep_reader.h"
#include "experiments/kind.h"
#include "formats/accumulator_spec.h"
#include "tests/experiments/support/sweep_fixture.h"

namespace halfulp::test {
namespace {

using harness::Diagnostics;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const Field kField = {"accumulator", FieldType::accumulator, "binary32", "", 0, 0, "inherit"};

/// The value of `accumulator = TEXT`, or the complaints joined by newlines.
std::string read(const std::string& text) {
  Diagnostics diagnostics;
  const auto document = harness::parse_toml("accumulator = " + text, "f", diagnostics);
  if (!document) return diagnostics.lines().front();
  const auto value = read_accumulator(kField, document->entries.front().value, diagnostics);
  if (value) return to_text(*value);
  std::string lines;
  for (const std::string& line : diagnostics.lines()) lines += (lines.empty() ? "" : "\n") + line;
  return lines;
}

std::string canonical(const char* spec) { return to_spec(parse_accumulator(spec)); }

TEST(AccumulatorField, ReadsTextsAndChoices) {
  EXPECT_EQ(read("\"bf16+blocked(32)\""), canonical("bfloat16+blocked(32)"));
  EXPECT_EQ(read("\"inherit\""), "inherit");
  EXPECT_THAT(read("\"bf17\""), HasSubstr("f:1:15: accumulator: \"bf17\": "));
}

TEST(AccumulatorField, TablesAreTheSpecsTheyStandFor) {
  const std::vector<std::pair<const char*, const char*>> pairs = {
      {"{ format = 'e8m13', rounding = 'toward_zero', order = 'blocked(32)', product = 'e5m10', "
       "promote = 128, outer = 'binary32' }",
       "e8m13+toward_zero+blocked(32)+product(e5m10)+promote(128,binary32)"},
      {"{ aligned = { terms = 16, bits = 25 }, format = 'binary32', rounding = 'toward_zero' }",
       "aligned(binary32,16,25)+toward_zero"},
      {"{ aligned = { terms = 8, bits = 24, lanes = 2, alignment = 'toward_negative', "
       "exponents = [-14, -6], flush_operands = true, addend = 'separate', "
       "addition = { format = 'binary32', rounding = 'toward_zero' } }, format = 'binary32' }",
       "aligned(binary32,8,24,lanes=2,alignment=toward_negative,exponents=-14:-6,flush_operands,"
       "addend=separate,addition=binary32+toward_zero)"},
      {"{ format = 'binary32', every = 16 }", "binary32+every(16)"},
      {"{ format = 'int16', overflow = 'wrap', shared_draws = false }", "int16+wrap"},
      {"{ method = 'kahan', format = 'bfloat16' }", "kahan(bfloat16)"},
      {"{ method = 'exact', format = 'binary16', result = 'bfloat16+toward_zero' }",
       "exact(binary16)+result(bfloat16+toward_zero)"},
      {"{ format = 'binary32', addend_last = true, product = { format = 'binary16', rounding = "
       "'toward_zero', overflow = 'infinity' } }",
       "binary32+product(binary16+toward_zero+infinity)+addend_last"},
      {"{ preset = 'h100', operands = ['e4m3fn', 'e5m2'] }", "h100(e4m3fn,e5m2)"},
      {"{ preset = 'v100' }", "v100"},
      {"{ preset = 'h100', operands = 'binary16', result = 'bfloat16' }",
       "h100(binary16)+result(bfloat16)"},
  };
  for (const auto& [table, spec] : pairs) EXPECT_EQ(read(table), canonical(spec)) << table;
}

TEST(AccumulatorField, MistakesStandWhereTheyAre) {
  EXPECT_THAT(read("{ format = 'e8m13', roundng = 'toward_zero' }"),
              HasSubstr("f:1:35: accumulator: unknown key 'roundng'; did you mean 'rounding'?"));
  EXPECT_THAT(read("{ aligned = { terms = 16, bit = 25 }, format = 'binary32' }"),
              HasSubstr("f:1:41: accumulator.aligned: unknown key 'bit'; did you mean 'bits'?"));
  EXPECT_EQ(read("{ format = 'binary32', every = '16' }"),
            "f:1:46: accumulator.every: expected an integer, got a text \"16\"");
  EXPECT_EQ(read("{ format = 16 }"),
            "f:1:26: accumulator.format: expected a text, got an integer 16");
  EXPECT_THAT(read("{ format = 'binary32', addend_last = 1 }"),
              HasSubstr("expected true or false, got an integer 1"));
  EXPECT_THAT(read("{ rounding = 'toward_zero' }"), HasSubstr("format, of the running sum"));
  EXPECT_THAT(read("{ aligned = { terms = 16 }, format = 'binary32' }"), HasSubstr("needs terms"));
  EXPECT_THAT(read("{ format = 'binary32', promote = 128 }"), HasSubstr("go together"));
  EXPECT_THAT(read("{ preset = 'v100', format = 'binary32' }"),
              HasSubstr("f:1:34: accumulator.format: a preset has its own"));
  EXPECT_THAT(read("{ format = 'binary32', method = 'kahn' }"), HasSubstr("did you mean 'kahan'?"));
  EXPECT_THAT(read("{ format = 'binary32', operands = 'e4m3fn' }"), HasSubstr("of a preset"));
  EXPECT_THAT(read("{ preset = 'h100(e4m3fn)', operands = ['e5m2'] }"),
              HasSubstr("has operands in its parentheses"));
  EXPECT_THAT(read("{ preset = 'h100', operands = [] }"), HasSubstr("name one format"));
  EXPECT_EQ(read("{ aligned = { terms = '16', bits = 25 }, format = 'binary32' }"),
            "f:1:37: accumulator.aligned.terms: expected an integer, got a text \"16\"");
}

// The parts of the spec string that a table makes are complained about at their values.
TEST(AccumulatorField, WhatTheSpecRefusesStandsAtItsValue) {
  EXPECT_THAT(read("{ format = 'binary33', every = 4 }"), HasSubstr("f:1:26: accumulator: "));
  EXPECT_THAT(read("{ format = 'binary32', rounding = 'up_and_away' }"), HasSubstr("f:1:49: "));
  EXPECT_THAT(read("{ format = 'binary32', promote = 128, outer = 'binary33' }"),
              HasSubstr("f:1:48: "));
  EXPECT_THAT(read("{ format = 'binary32', order = 'zigzag' }"), HasSubstr("f:1:46: "));
}

class AccumulatorSweep : public SweepFixture {
 protected:
  std::vector<std::string> accumulators(const std::string& text) const {
    write("sweep.toml", "experiment = \"accumulation_error\"\n" + text);
    const auto [sweep, plan] = harness::load_plan(path("sweep.toml"), {}, experiment_kinds());
    std::vector<std::string> out;
    for (const auto& point : plan.points) out.push_back(point.config.text("accumulator"));
    return out;
  }
};

TEST_F(AccumulatorSweep, TablesStandUnderSetAndInLists) {
  EXPECT_THAT(accumulators("[set]\naccumulator = { format = \"bfloat16\" }\n"),
              ElementsAre(canonical("bfloat16")));
  EXPECT_THAT(accumulators("[set.accumulator]\nformat = \"bfloat16\"\nevery = 4\n"),
              ElementsAre(canonical("bfloat16+every(4)")));
  EXPECT_THAT(
      accumulators("[sweep.grid]\naccumulator = [\"binary16\", { format = \"bfloat16\" }, "
                   "{ method = \"kahan\", format = \"bfloat16\" }]\n"),
      ElementsAre(canonical("binary16"), canonical("bfloat16"), canonical("kahan(bfloat16)")));
  EXPECT_THAT(accumulators("[sweep.grid]\nrecipe = [{ accumulator = { format = \"bfloat16\" }, "
                           "length = 8 }, { accumulator = \"binary16\" }]\n"),
              ElementsAre(canonical("bfloat16"), canonical("binary16")));
  EXPECT_THAT(accumulators("[sweep.zip.a]\naccumulator = [{ format = \"bfloat16\" }, "
                           "\"binary16\"]\nlength = [8, 16]\n"),
              ElementsAre(canonical("bfloat16"), canonical("binary16")));
}

}  // namespace
}  // namespace halfulp::test
