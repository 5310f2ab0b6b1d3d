#include "experiments/laws/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "experiments/harness/diagnostics.h"

namespace halfulp::laws {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kRuns[] =
    "Model Size,format,loss,\"a,b\",D/N\n"
    "1e6,int4,3.5,1,20\n"
    "\n"
    "2e6,\"int \"\"8\"\"\",,2,40\n"
    "4e6,binary32,nan,3,80\r\n";

Table runs() { return parse_csv(kRuns, "runs.csv"); }

std::string complaint(const std::function<void()>& action) {
  try {
    action();
  } catch (const harness::ConfigError& error) {
    return error.lines().front();
  }
  return "no complaint";
}

TEST(Table, ReadsQuotesEmptyCellsAndNamesWithSpaces) {
  const Table table = runs();
  EXPECT_THAT(table.names(), ElementsAre("Model Size", "format", "loss", "a,b", "D/N"));
  EXPECT_EQ(table.find("format")->texts[1], "int \"8\"");
  EXPECT_TRUE(table.find("format")->is_text);
  EXPECT_FALSE(table.find("loss")->is_text);
  EXPECT_TRUE(std::isnan(table.find("loss")->numbers[1]));
  EXPECT_THAT(table.row_names, ElementsAre("line 2", "line 4", "line 5"));
}

TEST(Table, ComputesColumnsOneFromAnother) {
  Table table = runs();
  define_columns(
      table, parse_definitions("N=Model Size,D=`D/N`*N,x=max(N, 3e6)/1e6 - 2^-1*2,k=`a,b`", "o"));
  EXPECT_THAT(table.find("D")->numbers, ElementsAre(2e7, 8e7, 3.2e8));
  EXPECT_THAT(table.find("x")->numbers, ElementsAre(2.0, 2.0, 3.0));
  EXPECT_THAT(table.find("k")->numbers, ElementsAre(1.0, 2.0, 3.0));
}

TEST(Table, ColumnsMayCountConditions) {
  Table table = runs();
  define_columns(table, parse_definitions("k=10*(format ~ int) + (format == int4)", "o"));
  EXPECT_THAT(table.find("k")->numbers, ElementsAre(11.0, 10.0, 0.0));
}

TEST(Table, KeepsRowsByNumbersAndTexts) {
  Table table = runs();
  EXPECT_EQ(keep_rows(table, "format != int4 && !(Model Size >= 4e6) || format == 'binary32'"), 1U);
  EXPECT_THAT(table.row_names, ElementsAre("line 4", "line 5"));
  EXPECT_EQ(keep_rows(table, "loss < 5"), 2U);
}

TEST(Table, PrecedenceIsThatOfArithmetic) {
  Table table = parse_csv("x\n3\n", "t");
  define_columns(table, parse_definitions("a=-x^2,b=2^3^2,c=1-2-3,d=8/4/2,e=2*-x,f=x^-1*3", "o"));
  EXPECT_EQ(table.find("a")->numbers[0], -9.0);
  EXPECT_EQ(table.find("b")->numbers[0], 512.0);
  EXPECT_EQ(table.find("c")->numbers[0], -4.0);
  EXPECT_EQ(table.find("d")->numbers[0], 1.0);
  EXPECT_EQ(table.find("e")->numbers[0], -6.0);
  EXPECT_EQ(table.find("f")->numbers[0], 3.0 * (1.0 / 3.0));
}

TEST(Table, MistakesNameThePlaceAndTheRemedy) {
  EXPECT_THAT(complaint([] { parse_csv("a,b\n1\n", "t.csv"); }), HasSubstr("t.csv:2: 1 cells"));
  EXPECT_THAT(complaint([] { parse_csv("a,a\n1,2\n", "t.csv"); }), HasSubstr("'a' is there twice"));
  EXPECT_THAT(complaint([] { parse_csv("a\n\"1\n", "t.csv"); }), HasSubstr("t.csv:2"));
  EXPECT_THAT(complaint([] { parse_csv("a\n", "t.csv"); }), HasSubstr("a line for each row"));
  Table table = runs();
  const auto define = [&](const char* text) {
    return complaint([&] { define_columns(table, parse_definitions(text, "--columns")); });
  };
  EXPECT_THAT(define("N=Model Siz"), HasSubstr("column 7 of 'Model Siz'"));
  EXPECT_THAT(define("N=lossy"), HasSubstr("did you mean 'loss'"));
  EXPECT_THAT(define("N=format*2"), HasSubstr("is text"));
  EXPECT_THAT(define("N=expp(loss)"), HasSubstr("did you mean 'exp'"));
  EXPECT_THAT(define("N=pow(loss)"), HasSubstr("pow takes 2 arguments"));
  EXPECT_THAT(define("N=(loss"), HasSubstr("a ) is missing"));
  EXPECT_THAT(define("N"), HasSubstr("name=expression"));
  const auto where = [&](const char* text) { return complaint([&] { keep_rows(table, text); }); };
  EXPECT_THAT(where("loss = 3"), HasSubstr("equality is written =="));
  EXPECT_THAT(where("loss"), HasSubstr("no condition"));
  EXPECT_THAT(where("los < 3"), HasSubstr("did you mean 'loss'"));
  EXPECT_THAT(where("format < 3"), HasSubstr("is text"));
  EXPECT_THAT(where("loss < 'x'"), HasSubstr("'x' can only be compared"));
}

}  // namespace
}  // namespace halfulp::laws
