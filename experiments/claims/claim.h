// A claim of a paper as data: what is said, which statistic of which runs tests it, and where the
// line is drawn. docs/CLAIMS.md is made from these.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/harness/diagnostics.h"
#include "experiments/laws/fit_request.h"

namespace halfulp::claims {

enum class StatisticKind : std::uint8_t { parameter, held_out, paired, share, correlation };

/// How several rows of one pair and one side become one value.
enum class Repeated : std::uint8_t { error, mean, smallest, largest };

struct NamedRequest {
  std::string name;
  laws::FitRequest request;
  std::map<std::string, harness::Location> places;
};

struct Statistic {
  StatisticKind kind = StatisticKind::parameter;
  /// Rows, columns, gaps and groups of every kind; the fit of `parameter` and `held_out`.
  laws::FitRequest request;
  std::vector<NamedRequest> fits;  ///< of `parameter`: several fits in place of `request`
  std::string value;               ///< formula of fitted parameters
  std::string held_out = "folds";  ///< or the variable whose largest values are left out
  std::string y;                   ///< formula of columns: paired, share, correlation
  std::string x;                   ///< formula of columns: correlation
  std::string a, b;                ///< conditions on rows: paired, share
  std::vector<std::string> pair;   ///< columns in which the rows of a pair agree
  Repeated repeated = Repeated::error;
  bool is_ratio = false;      ///< paired: a/b in place of a - b
  bool is_t_interval = true;  ///< paired: Student's t; else bootstrap
  std::string condition;      ///< share of rows, in place of pairs
};

enum class Expected : std::uint8_t { above, below, between };

struct Claim {
  std::string id, statement, source, note, figure;
  std::string sweep;              ///< its name, of experiments/sweeps/NAME.toml; or
  std::vector<std::string> data;  ///< published tables
  std::string results;            ///< file; empty: NAME.h5 in the folder of results
  Expected expected = Expected::above;
  double threshold = 0.0;  ///< lower end for `between`
  double upper = 0.0;      ///< upper end for `between`
  double opposite = 0.0;   ///< beyond it on the other side the claim is contradicted
  Statistic statistic;
  harness::Location at;
  std::map<std::string, harness::Location> places;  ///< of the keys of [claim.statistic]
};

/// What the runs say.
struct Measurement {
  double effect = 0.0;
  laws::Interval interval;  ///< 95 %
  std::size_t rows = 0;
  std::size_t groups = 0;    ///< units that the interval is over
  std::size_t left_out = 0;  ///< rows that could not be used
  std::string what;          ///< the statistic in words
};

enum class Verdict : std::uint8_t { reproduced, not_reproduced, contradicted, untested };

std::string_view to_text(Verdict verdict);
std::string_view to_text(StatisticKind kind);

/// reproduced: the whole interval is on the claimed side of the threshold. contradicted: the whole
/// interval is beyond `opposite` on the other side. Otherwise not reproduced, also when there is no
/// interval.
Verdict judge(const Claim& claim, const Measurement& measurement);

struct Evaluated {
  const Claim* claim = nullptr;
  Verdict verdict = Verdict::untested;
  Measurement measurement;  ///< unless untested
  std::string file;         ///< of the results
  std::string why;          ///< untested: what is missing
};

/// The statistic of a claim on its rows. Equal numbers for any `jobs`. Throws laws::TooFewRows when
/// the table has not what it takes, harness::ConfigError for a mistake of the entry.
Measurement measure(const Claim& claim, const laws::Table& table, int jobs);

}  // namespace halfulp::claims
