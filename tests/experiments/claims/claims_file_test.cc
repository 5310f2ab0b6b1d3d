// claims.toml: what is read, what is refused, and how verdicts are printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "experiments/harness/claims_command.h"
#include "experiments/harness/claims_reader.h"
#include "experiments/store/atomic_file.h"
#include "tests/experiments/support/sweep_fixture.h"

namespace halfulp::harness {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class ClaimsFile : public test::SweepFixture {
 protected:
  std::string run(const std::string& text, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), write("claims.toml", text));
    return claims_command(more, "./run_experiment");
  }

  /// Lines of complaint without the folder.
  std::vector<std::string> refused(const std::string& text) const {
    try {
      run(text);
    } catch (const ConfigError& error) {
      std::vector<std::string> lines = error.lines();
      for (std::string& line : lines) line = line.substr(line.find("claims.toml"));
      return lines;
    }
    return {};
  }

  std::string share(const std::string& head, const std::string& statistic) const {
    return "[[claim]]\nid = \"one\"\nstatement = \"s\"\nsource = \"p\"\nexpected = \"above\"\n"
           "threshold = 0.2\n" +
           head + "\n[claim.statistic]\n" + statistic + "\n";
  }
};

constexpr char kShare[] = "kind = \"share\"\ncondition = \"loss < 3\"";

TEST_F(ClaimsFile, AClaimWithoutResultsIsUntestedAndFailsNothing) {
  const std::string text = run(share("sweep = \"nowhere\"", kShare), {"--results", "results"});
  EXPECT_THAT(text, HasSubstr("one  untested"));
  EXPECT_THAT(text, HasSubstr("no results/nowhere.h5"));
  EXPECT_THAT(text,
              HasSubstr("1 claims: 0 reproduced, 0 not reproduced, 0 contradicted, 1 untested"));
}

TEST_F(ClaimsFile, VerdictsOfATableAsTextJsonAndDocument) {
  const std::string table = write("runs.csv", "loss\n1\n2\n2\n2\n4\n1\n2\n");
  const std::string text = share("data = [\"" + table + "\"]\nnote = \"small\"", kShare);
  EXPECT_THAT(run(text), HasSubstr("one  reproduced  0.857   0.421 to 0.996  > 0.2"));
  const auto json = nlohmann::json::parse(run(text, {"--json"}));
  EXPECT_EQ(json[0]["verdict"], "reproduced");
  EXPECT_NEAR(json[0]["effect"], 6.0 / 7.0, 1e-12);
  EXPECT_EQ(run(text, {"--output", path("CLAIMS.md")}), "");
  const std::string document = read_file(path("CLAIMS.md"));
  EXPECT_THAT(document, HasSubstr("| [one](#one) | reproduced | 0.857 | 0.421 to 0.996 | > 0.2 |"));
  EXPECT_THAT(document,
              HasSubstr("- rows: 7 rows\n- verdict: **reproduced**\n- at this scale: small"));
  EXPECT_THAT(document, HasSubstr("1 claims: 1 reproduced"));
  EXPECT_THAT(document, Not(HasSubstr("Tested by sweeps")));
}

TEST_F(ClaimsFile, FigureIsLinkedWhenItIsThere) {
  const std::string table = write("runs.csv", "loss\n1\n2\n");
  const std::string text = share("data = [\"" + table + "\"]\nfigure = \"gaps\"", kShare);
  run(text, {"--output", path("CLAIMS.md")});
  EXPECT_THAT(read_file(path("CLAIMS.md")), Not(HasSubstr("figures/gaps.png")));
  std::filesystem::create_directory(path("figures"));
  write("figures/gaps.png", "");
  run(text, {"--output", path("CLAIMS.md")});
  EXPECT_THAT(read_file(path("CLAIMS.md")), HasSubstr("![gaps](figures/gaps.png)"));
}

TEST_F(ClaimsFile, EveryMistakeIsNamedInOnePass) {
  const auto lines = refused(
      "[[claim]]\n"
      "id = \"one\"\n"
      "statment = \"s\"\n"
      "source = \"p\"\n"
      "sweep = \"s\"\n"
      "data = [\"d.csv\"]\n"
      "expected = \"abve\"\n"
      "[claim.statistic]\n"
      "kind = \"parameter\"\n"
      "law = \"qidd\"\n"
      "wher = \"loss < 3\"\n"
      "where = \"loss <\"\n"
      "[[claim]]\n"
      "id = \"one\"\n"
      "statement = \"s\"\n"
      "source = \"p\"\n"
      "sweep = \"s\"\n"
      "expected = \"between\"\n"
      "threshold = 1\n"
      "[claim.statistic]\n"
      "kind = \"paird\"\n");
  EXPECT_THAT(lines, Contains(HasSubstr("claims.toml:3:1: claim 'one': unknown key 'statment'; did "
                                        "you mean 'statement'?")));
  EXPECT_THAT(lines, Contains(HasSubstr("claim 'one': statement is missing")));
  EXPECT_THAT(lines, Contains(HasSubstr("sweep and data exclude each other")));
  EXPECT_THAT(lines,
              Contains(HasSubstr("claims.toml:7:12: claim 'one': expected: unknown 'abve'; did "
                                 "you mean 'above'?")));
  EXPECT_THAT(lines, Contains(HasSubstr("statistic.value: missing")));
  EXPECT_THAT(lines, Contains(HasSubstr("did you mean 'qid'")));
  EXPECT_THAT(lines,
              Contains(HasSubstr("claims.toml:11:1: unknown key 'claim 'one': statistic.wher'; did "
                                 "you mean 'claim 'one': statistic.where'?")));
  EXPECT_THAT(lines, Contains(HasSubstr("claims.toml:12:9: claim 'one': statistic.where")));
  EXPECT_THAT(lines, Contains(HasSubstr("claim 'one' is there twice; the other is in line 1")));
  EXPECT_THAT(lines, Contains(HasSubstr("threshold: expected [low, high]")));
  EXPECT_THAT(lines, Contains(HasSubstr("kind: unknown 'paird'; did you mean 'paired'?")));
}

TEST_F(ClaimsFile, MistakesThatRowsShowNameTheKey) {
  const std::string table = write("runs.csv", "loss\n1\n2\n");
  EXPECT_THAT(
      refused(share("data = [\"" + table + "\"]", "kind = \"share\"\ncondition = \"los < 3\"")),
      Contains(HasSubstr(":10:13: claim 'one': statistic.condition: unknown column 'los'; "
                         "did you mean 'loss'?")));
  EXPECT_THAT(refused(share("data = [\"nowhere.csv\"]", kShare)),
              Contains(HasSubstr("no file nowhere.csv")));
}

TEST_F(ClaimsFile, OnlyNamesAClaim) {
  const std::string text = share("sweep = \"nowhere\"", kShare);
  try {
    run(text, {"--only", "won"});
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.lines().front(), HasSubstr("there is no claim 'won'"));
  }
}

// tests/cli/claims_long_test.sh compares thresholds and verdicts as well.
TEST(CommittedClaims, AreAllInTheDocumentInOrderWithStatementAndSource) {
  Diagnostics diagnostics;
  const auto claims = read_claims(HALFULP_SOURCE_DIR "/experiments/claims.toml", diagnostics);
  EXPECT_THAT(diagnostics.lines(), testing::IsEmpty());
  const std::string document = read_file(HALFULP_SOURCE_DIR "/docs/CLAIMS.md");
  std::size_t at = 0;
  for (const claims::Claim& claim : claims) {
    const std::string head =
        "### " + claim.id + "\n\n" + claim.statement + "\n\n- source: " + claim.source;
    const std::size_t found = document.find(head, at);
    ASSERT_NE(found, std::string::npos) << "write docs/CLAIMS.md again: " << claim.id;
    at = found;
  }
}

}  // namespace
}  // namespace halfulp::harness
