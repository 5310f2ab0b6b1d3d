#include "experiments/harness/claims_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <optional>

#include "experiments/harness/claims_statistic.h"
#include "experiments/harness/fit_keys.h"
#include "experiments/harness/schema.h"
#include "experiments/harness/toml_tree.h"
#include "experiments/store/atomic_file.h"
#include "experiments/store/io_error.h"

namespace halfulp::harness {

namespace {

using claims::Claim;
using claims::Expected;

class ClaimReader {
 public:
  explicit ClaimReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  Claim read(const TomlNode& table) {
    claim_.at = table.at;
    for (const TomlEntry& entry : table.entries) {
      if (entry.key == "id" && entry.value.type == TomlType::text) claim_.id = entry.value.text;
    }
    for (const TomlEntry& entry : table.entries) read_key(entry);
    check();
    return std::move(claim_);
  }

 private:
  void error(const Location& at, const std::string& message) {
    diagnostics_.error(
        at, claim_.id.empty() ? message : fmt::format("claim '{}': {}", claim_.id, message));
  }

  void read_key(const TomlEntry& entry) {
    const std::array<std::pair<std::string_view, std::string*>, 8> texts = {
        {{"id", &claim_.id},
         {"statement", &claim_.statement},
         {"source", &claim_.source},
         {"note", &claim_.note},
         {"figure", &claim_.figure},
         {"sweep", &claim_.sweep},
         {"results", &claim_.results},
         {"expected", &expected_}}};
    const auto text = std::find_if(texts.begin(), texts.end(),
                                   [&](const auto& known) { return known.first == entry.key; });
    places_[entry.key] = entry.value.at;
    if (text != texts.end()) {
      read_text(entry, *text->second);
    } else if (entry.key == "data") {
      read_data(entry);
    } else if (entry.key == "threshold" || entry.key == "opposite") {
      read_numbers(entry, entry.key == "threshold" ? threshold_ : opposite_);
    } else if (entry.key == "statistic") {
      if (entry.value.type != TomlType::table) {
        error(entry.value.at,
              fmt::format("statistic: expected a table, got {}", describe(entry.value.type)));
        return;
      }
      read_statistic(entry.value, claim_, diagnostics_);
    } else {
      std::vector<std::string> known = {"data", "threshold", "opposite", "statistic"};
      for (const auto& [name, unused] : texts) known.emplace_back(name);
      error(entry.at, unknown_key(entry.key, known));
    }
  }

  void read_text(const TomlEntry& entry, std::string& text) {
    if (entry.value.type != TomlType::text || entry.value.text.empty()) {
      error(entry.value.at, fmt::format("{}: expected a text", entry.key));
      return;
    }
    text = entry.value.text;
  }

  void read_data(const TomlEntry& entry) {
    for (const TomlNode& item : entry.value.items) {
      if (item.type == TomlType::text) claim_.data.push_back(item.text);
    }
    if (claim_.data.empty() || claim_.data.size() != entry.value.items.size()) {
      error(entry.value.at, "data: expected a list of table files");
    }
  }

  void read_numbers(const TomlEntry& entry, std::vector<double>& numbers) {
    const bool is_list = entry.value.type == TomlType::array;
    std::vector<TomlNode> one;
    if (!is_list) one.push_back(entry.value);
    for (const TomlNode& item : is_list ? entry.value.items : one) {
      if (item.type == TomlType::integer) {
        numbers.push_back(static_cast<double>(item.integer));
      } else if (item.type == TomlType::real) {
        numbers.push_back(item.real);
      } else {
        error(item.at,
              fmt::format("{}: expected a number, got {}", entry.key, describe(item.type)));
      }
    }
  }

  Location place(const std::string& key) const {
    const auto found = places_.find(key);
    return found == places_.end() ? claim_.at : found->second;
  }

  void need(const std::string& key, bool is_there, const std::string& remedy) {
    if (!is_there && !places_.contains(key)) {
      error(claim_.at, fmt::format("{} is missing; {}", key, remedy));
    }
  }

  void check() {
    const bool good_id = std::all_of(claim_.id.begin(), claim_.id.end(), [](unsigned char c) {
      return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_';
    });
    if (!good_id) error(place("id"), "id: use lower-case letters, digits and '_'");
    need("id", !claim_.id.empty(), "give each [[claim]] a short name");
    need("statement", !claim_.statement.empty(), "say what the paper claims");
    need("source", !claim_.source.empty(), "name the paper, its arXiv id and section");
    need("statistic", false, "add a table [claim.statistic] with a kind");
    if (claim_.sweep.empty() == claim_.data.empty()) {
      error(claim_.at, claim_.sweep.empty() ? "neither sweep nor data; name the sweep that tests it"
                                            : "sweep and data exclude each other");
    }
    if (!claim_.results.empty() && claim_.sweep.empty()) {
      error(place("results"), "results belongs to sweep");
    }
    check_threshold();
  }

  void check_threshold() {
    const std::vector<std::string> sides = {"above", "below", "between"};
    const auto side = std::find(sides.begin(), sides.end(), expected_);
    if (side == sides.end()) {
      error(place("expected"),
            fmt::format("expected: {}{} (one of {})",
                        expected_.empty() ? "missing" : fmt::format("unknown '{}'", expected_),
                        suggestion(expected_, sides), fmt::join(sides, ", ")));
      return;
    }
    claim_.expected = static_cast<Expected>(side - sides.begin());
    const bool is_between = claim_.expected == Expected::between;
    if (threshold_.size() != (is_between ? 2U : 1U)) {
      error(place("threshold"), is_between
                                    ? "threshold: expected [low, high] for expected = \"between\""
                                    : "threshold: expected one number, fixed before the runs");
      return;
    }
    claim_.threshold = threshold_.front();
    claim_.upper = threshold_.back();
    claim_.opposite = opposite_.empty() ? claim_.threshold : opposite_.front();
    if (is_between && !(claim_.threshold < claim_.upper)) {
      error(place("threshold"), "threshold: low is not below high");
    }
    const bool wrong_side = claim_.expected == Expected::above ? claim_.opposite > claim_.threshold
                                                               : claim_.opposite < claim_.threshold;
    if (opposite_.size() > 1 || (!opposite_.empty() && (is_between || wrong_side))) {
      error(place("opposite"),
            "opposite: expected one number on the side of the threshold that "
            "contradicts the claim, for expected = \"above\" or \"below\"");
    }
  }

  Diagnostics& diagnostics_;
  Claim claim_;
  std::string expected_;
  std::vector<double> threshold_, opposite_;
  std::map<std::string, Location> places_;
};

}  // namespace

std::vector<Claim> read_claims(const std::string& path, Diagnostics& diagnostics) {
  std::vector<Claim> all;
  std::string text;
  try {
    text = read_file(path);
  } catch (const IoError& error) {
    throw ConfigError(error.what());
  }
  const auto document = parse_toml(text, path, diagnostics);
  if (!document) return all;
  for (const TomlEntry& entry : document->entries) {
    if (entry.key == "schema_version") {
      if (entry.value.type != TomlType::integer || entry.value.integer != 1) {
        diagnostics.error(entry.value.at, "schema_version: this program reads 1");
      }
    } else if (entry.key == "claim" && entry.value.type == TomlType::array) {
      for (const TomlNode& item : entry.value.items) {
        if (item.type == TomlType::table) {
          all.push_back(ClaimReader(diagnostics).read(item));
        } else {
          diagnostics.error(item.at, "claim: expected [[claim]] tables");
        }
      }
    } else if (entry.key == "claim") {
      diagnostics.error(entry.value.at, "claim: write [[claim]], with two brackets");
    } else {
      diagnostics.error(entry.at, unknown_key(entry.key, {"schema_version", "claim"}));
    }
  }
  for (auto one = all.begin(); one != all.end(); ++one) {
    const auto other = std::find_if(
        all.begin(), one, [&](const Claim& c) { return !c.id.empty() && c.id == one->id; });
    if (other != one) {
      diagnostics.error(one->at, fmt::format("claim '{}' is there twice; the other is in line {}",
                                             one->id, other->at.line));
    }
  }
  if (all.empty() && diagnostics.empty()) {
    diagnostics.error({path}, "there is no [[claim]]");
  }
  return all;
}

void complain_of(const Claim& claim, const ConfigError& error, Diagnostics& diagnostics) {
  complain(error, fmt::format("claim '{}': statistic.", claim.id), claim.places, claim.at,
           diagnostics);
}

}  // namespace halfulp::harness
