#include "experiments/harness/filter.h"

#include <gmock/gmock.h>

#include "tests/experiments/support/sweep_fixture.h"
#include "tests/experiments/support/toy_kind.h"

namespace halfulp::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FilterTest : public SweepFixture {
 protected:
  const harness::Schema schema_{toy_kinds().front().fields};
  const harness::Plan plan_ =
      load(
          "experiment = \"toy\"\nseeds = 2\n"
          "[sweep.grid]\nmodel.width = [32, 64]\nprecision.weight = [\"binary32\", \"e4m3fn\"]\n")
          .second;

  /// Positions of the points that match: width 32 (0-3), 64 (4-7); each binary32 x 2 seeds, e4m3fn
  /// x 2.
  std::vector<std::size_t> matching(const std::string& text) const {
    const harness::Filter filter(text, schema_);
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < plan_.points.size(); ++i) {
      if (filter.matches(plan_.points[i])) {
        out.push_back(i);
      }
    }
    return out;
  }

  std::string complaint(const std::string& text) const {
    try {
      const harness::Filter filter(text, schema_);
    } catch (const harness::ConfigError& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(FilterTest, ComparesNumbersTextAndQuantizers) {
  EXPECT_THAT(matching("model.width==32"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(matching("model.width != 32"), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(matching("model.width < 64"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(matching("model.width<=64 "), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(matching("model.width>32.5"), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(matching("model.width>=1e9"), IsEmpty());
  EXPECT_THAT(matching("model.width>-5"), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7))
      << "outside the range of the key";
  EXPECT_THAT(matching("precision.weight==\"E4M3\" && seed==1"), ElementsAre(3, 7));
  EXPECT_THAT(matching("precision.weight!='e4m3fn'"), ElementsAre(0, 1, 4, 5));
  EXPECT_THAT(matching("train.optimizer==adamw && model.tied==true"),
              ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(matching("id==" + plan_.points[5].id), ElementsAre(5));
}

TEST_F(FilterTest, AndBindsTighterThanOr) {
  EXPECT_THAT(matching("model.width==32 && seed==0 || model.width==64 && seed==1"),
              ElementsAre(0, 2, 5, 7));
  EXPECT_THAT(matching("model.width==64 && (seed==0 || precision.weight==binary32)"),
              ElementsAre(4, 5, 6));
  EXPECT_THAT(matching("((seed==0))&&model.width==32"), ElementsAre(0, 2));
}

TEST_F(FilterTest, ErrorsNameTheColumn) {
  EXPECT_EQ(complaint("seed==0 && modle.width==1"),
            "--filter, column 12: unknown key 'modle.width'; did you mean 'model.width'?");
  EXPECT_EQ(complaint("model.width"),
            "--filter, column 12: expected ==, !=, <, <=, > or >= after 'model.width'");
  EXPECT_EQ(complaint("model.width = 3"),
            "--filter, column 13: expected ==, !=, <, <=, > or >= after 'model.width'");
  EXPECT_EQ(complaint("seed=="), "--filter, column 7: expected a value");
  EXPECT_EQ(complaint("seed==0 seed==1"), "--filter, column 9: expected && or || before 'seed==1'");
  EXPECT_EQ(complaint("(seed==0"), "--filter, column 1: this parenthesis is not closed");
  EXPECT_EQ(complaint(std::string(100'000, '(')), "--filter, column 101: too many parentheses");
  EXPECT_EQ(complaint("seed==0)"), "--filter, column 8: expected && or || before ')'");
  EXPECT_EQ(complaint("precision.weight=='int4"), "--filter, column 19: this quote is not closed");
  EXPECT_EQ(complaint("&& seed==0"), "--filter, column 1: expected a key, got '&'");
  EXPECT_EQ(complaint("seed==0 &&"), "--filter, column 11: expected a key");
  EXPECT_EQ(complaint(""), "--filter, column 1: expected a key");
  EXPECT_EQ(complaint("seed<x"), "--filter, column 6: seed: expected a number, got a text \"x\"");
  EXPECT_EQ(complaint("model.tied<true"),
            "--filter, column 11: 'model.tied' is no number: compare it with == or !=");
  EXPECT_EQ(complaint("train.optimizer==adam"),
            "--filter, column 18: train.optimizer: \"adam\" is none of adamw, sgd; did you mean "
            "'adamw'?");
}

}  // namespace
}  // namespace halfulp::test
