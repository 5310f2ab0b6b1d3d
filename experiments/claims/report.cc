#include "experiments/claims/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/harness/labels.h"
#include "experiments/store/json.h"

namespace halfulp::claims {

namespace {

constexpr Verdict kVerdicts[] = {Verdict::reproduced, Verdict::not_reproduced,
                                 Verdict::contradicted, Verdict::untested};

std::string digits(double value) {
  return std::isfinite(value) ? fmt::format("{:.3g}", value) : "-";
}

/// JSON has no NaN and no infinity.
std::string json_number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

std::string claimed(const Claim& claim) {
  switch (claim.expected) {
    case Expected::above:
      return fmt::format("> {}", claim.threshold);
    case Expected::below:
      return fmt::format("< {}", claim.threshold);
    case Expected::between:
      return fmt::format("{} to {}", claim.threshold, claim.upper);
  }
  return "";
}

std::string interval_text(const Evaluated& one) {
  return fmt::format("{} to {}", digits(one.measurement.interval.low),
                     digits(one.measurement.interval.high));
}

std::vector<std::string> cells(const Evaluated& one) {
  const bool is_tested = one.verdict != Verdict::untested;
  return {std::string(to_text(one.verdict)), is_tested ? digits(one.measurement.effect) : "",
          is_tested ? interval_text(one) : "", claimed(*one.claim)};
}

std::string counts(const std::vector<Evaluated>& claims) {
  std::vector<std::string> parts;
  for (const Verdict verdict : kVerdicts) {
    const auto count = std::count_if(claims.begin(), claims.end(),
                                     [&](const Evaluated& c) { return c.verdict == verdict; });
    parts.push_back(fmt::format("{} {}", count, to_text(verdict)));
  }
  return fmt::format("{} claims: {}", claims.size(), fmt::join(parts, ", "));
}

std::string used_text(const Measurement& m) {
  std::string text = fmt::format("{} rows", m.rows);
  if (m.groups != m.rows) text += fmt::format(" in {} groups", m.groups);
  if (m.left_out > 0) text += fmt::format(", {} left out", m.left_out);
  return text;
}

/// Markdown takes | for a column and * _ ` for emphasis.
std::string code(const std::string& text) {
  const bool has_tick = text.find('`') != std::string::npos;
  return has_tick ? "`` " + text + " ``" : "`" + text + "`";
}

std::string opposite_text(const Claim& claim) {
  if (claim.expected == Expected::between) return "the whole interval outside";
  return fmt::format("the whole interval {} {}", claim.expected == Expected::above ? "<" : ">",
                     claim.opposite);
}

std::string section(const Evaluated& one, const std::vector<std::string>& figures) {
  const Claim& claim = *one.claim;
  std::string text = fmt::format("### {}\n\n{}\n\n", claim.id, claim.statement);
  const auto line = [&](const char* name, const std::string& value) {
    text += fmt::format("- {}: {}\n", name, value);
  };
  line("source", claim.source);
  if (claim.sweep.empty()) {
    std::vector<std::string> tables;
    for (const std::string& file : claim.data) tables.push_back(code(file));
    line("published table", fmt::format("{}", fmt::join(tables, ", ")));
  } else {
    line("sweep", code("experiments/sweeps/" + claim.sweep + ".toml"));
  }
  line("claimed", fmt::format("{}; contradicted by {}", claimed(claim), opposite_text(claim)));
  if (one.verdict == Verdict::untested) {
    line("verdict", fmt::format("**untested**: {}", one.why));
  } else {
    line("measured", code(one.measurement.what));
    line("effect",
         fmt::format("{}, 95 % interval {}", digits(one.measurement.effect), interval_text(one)));
    line("rows", used_text(one.measurement));
    line("verdict", fmt::format("**{}**", to_text(one.verdict)));
  }
  if (!claim.note.empty()) line("at this scale", claim.note);
  if (std::find(figures.begin(), figures.end(), claim.figure) != figures.end()) {
    text += fmt::format("\n![{0}](figures/{0}.png)\n", claim.figure);
  }
  return text + "\n";
}

std::string table(const std::vector<Evaluated>& claims, bool is_published) {
  std::string text =
      "| claim | verdict | effect | 95 % interval | claimed |\n|---|---|---|---|---|\n";
  for (const Evaluated& one : claims) {
    if (one.claim->sweep.empty() != is_published) continue;
    text += fmt::format("| [{0}](#{0}) | {1} |\n", one.claim->id, fmt::join(cells(one), " | "));
  }
  return text + "\n";
}

constexpr char kPreamble[] =
    R"(<!-- Written by ./run_experiment claims -o docs/CLAIMS.md; edit experiments/claims.toml. -->
# Claims

What papers on precision say, and what runs of this program say about it. Each entry of
[experiments/claims.toml](../experiments/claims.toml) names the statement, the sweep that tests it
at our scale, one statistic with a 95 % interval, and a threshold. Thresholds come from the papers
and were written before the runs. [CLAIM_ENTRIES.md](CLAIM_ENTRIES.md) explains entries and
statistics.

| verdict | |
|---|---|
| reproduced | the whole interval is on the claimed side of the threshold |
| contradicted | the whole interval is on the other side |
| not reproduced | anything else: the runs decide nothing, or there is no interval |
| untested | there are no results, or too few rows |

A claim that does not reproduce at this scale may hold at the paper's: "at this scale" says what
differs.

)";

}  // namespace

std::string text_report(const std::vector<Evaluated>& claims) {
  std::vector<std::vector<std::string>> rows = {
      {"id", "verdict", "effect", "95 % interval", "claimed", ""}};
  for (const Evaluated& one : claims) {
    rows.push_back({one.claim->id});
    for (std::string& cell : cells(one)) rows.back().push_back(std::move(cell));
    rows.back().push_back(one.why);
  }
  return harness::format_table(rows) + "\n" + counts(claims) + "\n";
}

std::string json_report(const std::vector<Evaluated>& claims) {
  std::vector<std::string> items;
  for (const Evaluated& one : claims) {
    const Measurement& m = one.measurement;
    const bool is_tested = one.verdict != Verdict::untested;
    const auto number = [&](double value) { return is_tested ? json_number(value) : "null"; };
    items.push_back(fmt::format(
        "  {{\"id\": {}, \"verdict\": {}, \"effect\": {}, \"low\": {}, \"high\": {}, "
        "\"expected\": {}, \"threshold\": {}, \"rows\": {}, \"groups\": {}, \"left_out\": {}, "
        "\"measured\": {}, \"file\": {}, \"why\": {}, \"statement\": {}, \"source\": {}}}",
        json_text(one.claim->id), json_text(std::string(to_text(one.verdict))), number(m.effect),
        number(m.interval.low), number(m.interval.high), json_text(claimed(*one.claim)),
        json_number(one.claim->threshold), m.rows, m.groups, m.left_out, json_text(m.what),
        json_text(one.file), json_text(one.why), json_text(one.claim->statement),
        json_text(one.claim->source)));
  }
  return fmt::format("[\n{}\n]\n", fmt::join(items, ",\n"));
}

std::string markdown_report(const std::vector<Evaluated>& claims,
                            const std::vector<std::string>& figures) {
  std::string text = kPreamble + counts(claims) + ".\n\n";
  for (const bool is_published : {false, true}) {
    const bool any = std::any_of(claims.begin(), claims.end(), [&](const Evaluated& one) {
      return one.claim->sweep.empty() == is_published;
    });
    if (!any) continue;
    text += is_published ? "## Recomputed from published data\n\n" : "## Tested by sweeps\n\n";
    text += table(claims, is_published);
    for (const Evaluated& one : claims) {
      if (one.claim->sweep.empty() == is_published) text += section(one, figures);
    }
  }
  text.pop_back();
  return text;
}

}  // namespace halfulp::claims
