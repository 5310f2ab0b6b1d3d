#include "experiments/harness/claims_statistic.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "experiments/harness/fit_keys.h"
#include "experiments/harness/schema.h"

namespace halfulp::harness {

namespace {

using claims::Claim;
using claims::Repeated;
using claims::Statistic;
using claims::StatisticKind;

/// Which keys a kind of statistic has besides those of rows.
struct KindKeys {
  StatisticKind kind;
  std::vector<std::string> needed, allowed;
};

const std::vector<KindKeys>& kind_keys() {
  static const std::vector<KindKeys> keys = {
      {StatisticKind::parameter, {"value"}, {"fit"}},
      {StatisticKind::held_out, {"compare"}, {"held_out"}},
      {StatisticKind::paired, {"y", "a", "b", "pair"}, {"repeated", "value", "interval"}},
      {StatisticKind::share, {}, {"y", "a", "b", "pair", "repeated", "condition"}},
      {StatisticKind::correlation, {"x", "y"}, {}},
  };
  return keys;
}

const std::vector<std::string>& row_keys() {
  static const std::vector<std::string> keys = {"columns", "where", "baseline",  "match",
                                                "metric",  "group", "bootstrap", "seed"};
  return keys;
}

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

class StatisticReader {
 public:
  StatisticReader(Claim& claim, Diagnostics& diagnostics)
      : claim_(claim),
        statistic_(claim.statistic),
        diagnostics_(diagnostics),
        prefix_(fmt::format("claim '{}': statistic.", claim.id)) {}

  void read(const TomlNode& table) {
    at_ = table.at;
    if (!read_kind(table)) return;
    for (const TomlEntry& entry : table.entries) {
      claim_.places[entry.key] = entry.value.at;
      if (entry.key != "kind") read_key(entry);
    }
    check_needed();
    check_formulas();
    if (is_fit()) check_fits();
  }

 private:
  bool is_fit() const {
    return statistic_.kind == StatisticKind::parameter ||
           statistic_.kind == StatisticKind::held_out;
  }

  void error(const std::string& key, const std::string& message) {
    const auto place = claim_.places.find(key);
    diagnostics_.error(place == claim_.places.end() ? at_ : place->second,
                       fmt::format("{}{}: {}", prefix_, key, message));
  }

  bool read_kind(const TomlNode& table) {
    std::vector<std::string> names;
    for (const KindKeys& kind : kind_keys()) names.emplace_back(claims::to_text(kind.kind));
    std::string given;
    for (const TomlEntry& entry : table.entries) {
      if (entry.key != "kind") continue;
      given = entry.value.text;
      claim_.places["kind"] = entry.value.at;
    }
    const auto found = std::find(names.begin(), names.end(), given);
    if (found == names.end()) {
      error("kind", fmt::format("{}{} (one of {})",
                                given.empty() ? "missing" : fmt::format("unknown '{}'", given),
                                suggestion(given, names), fmt::join(names, ", ")));
      return false;
    }
    keys_ = &kind_keys()[static_cast<std::size_t>(found - names.begin())];
    statistic_.kind = keys_->kind;
    return true;
  }

  void read_key(const TomlEntry& entry) {
    const bool own = contains(keys_->needed, entry.key) || contains(keys_->allowed, entry.key);
    if (own && entry.key != "compare") {
      read_own(entry);
      return;
    }
    if (is_fit() || contains(row_keys(), entry.key)) {
      if (read_fit_key(entry, prefix_, statistic_.request, diagnostics_)) return;
    }
    std::vector<std::string> known = is_fit() ? fit_key_names(prefix_) : std::vector<std::string>{};
    known.push_back(prefix_ + "kind");
    for (const auto* list : {&keys_->needed, &keys_->allowed, &row_keys()}) {
      for (const std::string& key : *list) known.push_back(prefix_ + key);
    }
    diagnostics_.error(entry.at, unknown_key(prefix_ + entry.key, known) +
                                     fmt::format(" (kind {})", claims::to_text(statistic_.kind)));
  }

  void read_own(const TomlEntry& entry) {
    const std::string& key = entry.key;
    if (key == "fit") {
      read_fits(entry);
      return;
    }
    if (key == "pair") {
      read_pair(entry);
      return;
    }
    if (entry.value.type != TomlType::text) {
      error(key, fmt::format("expected a text, got {}", describe(entry.value.type)));
      return;
    }
    const std::string& text = entry.value.text;
    if (key == "repeated") {
      statistic_.repeated =
          static_cast<Repeated>(choice(key, text, {"error", "mean", "smallest", "largest"}));
    } else if (key == "interval") {
      statistic_.is_t_interval = choice(key, text, {"t", "bootstrap"}) == 0;
    } else if (key == "value" && statistic_.kind == StatisticKind::paired) {
      statistic_.is_ratio = choice(key, text, {"difference", "ratio"}) == 1;
    } else {
      const std::array<std::pair<std::string_view, std::string*>, 7> texts = {
          {{"value", &statistic_.value},
           {"held_out", &statistic_.held_out},
           {"y", &statistic_.y},
           {"x", &statistic_.x},
           {"a", &statistic_.a},
           {"b", &statistic_.b},
           {"condition", &statistic_.condition}}};
      *std::find_if(texts.begin(), texts.end(), [&](const auto& t) {
         return t.first == key;
       })->second = text;
    }
  }

  std::size_t choice(const std::string& key, const std::string& text,
                     const std::vector<std::string>& choices) {
    const auto found = std::find(choices.begin(), choices.end(), text);
    if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
    error(key, fmt::format("unknown '{}'{} (one of {})", text, suggestion(text, choices),
                           fmt::join(choices, ", ")));
    return 0;
  }

  void read_pair(const TomlEntry& entry) {
    for (const TomlNode& item : entry.value.items) {
      if (item.type == TomlType::text) statistic_.pair.push_back(item.text);
    }
    if (statistic_.pair.empty() || statistic_.pair.size() != entry.value.items.size()) {
      error("pair", "expected a list of columns in which the rows of a pair agree");
    }
  }

  /// [claim.statistic.fit.NAME]
  void read_fits(const TomlEntry& entry) {
    for (const TomlEntry& one : entry.value.entries) {
      if (one.value.type != TomlType::table) {
        error("fit", "expected tables [claim.statistic.fit.NAME]");
        return;
      }
      claims::NamedRequest named = {one.key, {}, {}};
      const std::string prefix = fmt::format("{}fit.{}.", prefix_, one.key);
      for (const TomlEntry& key : one.value.entries) {
        named.places[key.key] = key.value.at;
        if (!read_fit_key(key, prefix, named.request, diagnostics_)) {
          diagnostics_.error(key.at, unknown_key(prefix + key.key, fit_key_names(prefix)));
        }
      }
      statistic_.fits.push_back(std::move(named));
    }
  }

  void check_needed() {
    std::vector<std::string> needed = keys_->needed;
    if (statistic_.kind == StatisticKind::share && statistic_.condition.empty()) {
      needed = {"y", "a", "b", "pair"};
    }
    for (const std::string& key : needed) {
      if (!claim_.places.contains(key)) {
        error(key, fmt::format("missing; a statistic of kind {} takes {}{}",
                               claims::to_text(statistic_.kind), fmt::join(needed, ", "),
                               statistic_.kind == StatisticKind::share ? ", or a condition" : ""));
      }
    }
    const auto bootstrap = statistic_.request.options.bootstrap;
    if (bootstrap < 100 && statistic_.kind != StatisticKind::share) {
      error("bootstrap", "an interval takes 100 replicates or more");
    }
  }

  /// The syntax only: which names are columns shows itself with the rows.
  void check_formula(const std::string& key, const std::string& text, bool is_condition) {
    if (text.empty()) return;
    try {
      const laws::Expression formula(text, {}, fmt::format("option '--{}'", key));
      if (is_condition != laws::is_condition(formula.root().operation)) {
        error(key, is_condition ? "this is no condition; write for instance seed == 0"
                                : "a condition is no value; give a column or a formula");
      }
    } catch (const ConfigError& wrong) {
      complain(wrong, prefix_, claim_.places, at_, diagnostics_);
    }
  }

  void check_formulas() {
    check_formula("y", statistic_.y, false);
    check_formula("x", statistic_.x, false);
    check_formula("a", statistic_.a, true);
    check_formula("b", statistic_.b, true);
    check_formula("condition", statistic_.condition, true);
    check_formula("where", statistic_.request.where, true);
    check_formula("baseline", statistic_.request.baseline.where, true);
    check_formula("value", statistic_.value, false);
    const laws::BaselineSpec& baseline = statistic_.request.baseline;
    if (baseline.where.empty() != baseline.match.empty()) {
      error(baseline.where.empty() ? "match" : "baseline", "baseline and match go together");
    }
  }

  void check_fits() {
    if (statistic_.fits.empty()) {
      check_fit(statistic_.request, prefix_, claim_.places);
      return;
    }
    for (const claims::NamedRequest& named : statistic_.fits) {
      check_fit(named.request, fmt::format("{}fit.{}.", prefix_, named.name), named.places);
    }
  }

  void check_fit(const laws::FitRequest& request, const std::string& prefix,
                 const std::map<std::string, Location>& places) {
    try {
      laws::check_request(request);
      if (!request.columns.empty()) laws::parse_definitions(request.columns, "--columns");
    } catch (const ConfigError& wrong) {
      complain(wrong, prefix, places, at_, diagnostics_);
    }
  }

  Claim& claim_;
  Statistic& statistic_;
  Diagnostics& diagnostics_;
  std::string prefix_;
  Location at_;
  const KindKeys* keys_ = nullptr;
};

}  // namespace

void read_statistic(const TomlNode& table, Claim& claim, Diagnostics& diagnostics) {
  StatisticReader(claim, diagnostics).read(table);
}

}  // namespace halfulp::harness
