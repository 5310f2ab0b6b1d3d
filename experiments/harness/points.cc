#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <unordered_map>

#include "experiments/harness/schema.h"
#include "experiments/harness/sweep.h"

namespace halfulp::harness {

namespace {

constexpr std::size_t kMostPoints = 1'000'000;

class Expander {
 public:
  Expander(const Sweep& sweep, Diagnostics& diagnostics)
      : sweep_(sweep), diagnostics_(diagnostics), schema_(sweep.kind->fields) {}

  Plan expand() {
    if (!count_fits()) {
      return {};
    }
    collect_swept_keys();
    base_ = schema_.defaults();
    for (const Setting& setting : sweep_.constants) {
      base_.set(setting.key, setting.value);
    }
    matched_.assign(sweep_.exclusions.size(), false);
    std::vector<std::size_t> choice(sweep_.axes.size(), 0);
    do {
      add_point(choice);
    } while (advance(choice));
    add_remarks();
    return std::move(plan_);
  }

 private:
  bool count_fits() {
    std::size_t count = sweep_.seeds.size();
    for (const Axis& axis : sweep_.axes) {
      if (axis.choices.size() > kMostPoints / count) {
        diagnostics_.error({sweep_.path},
                           fmt::format("the sweep has more than {} runs", kMostPoints));
        return false;
      }
      count *= axis.choices.size();
    }
    return true;
  }

  void collect_swept_keys() {
    for (const Axis& axis : sweep_.axes) {
      for (const AxisChoice& choice : axis.choices) {
        for (const Setting& setting : choice.settings) {
          auto& keys = plan_.swept_keys;
          if (std::find(keys.begin(), keys.end(), setting.key) == keys.end()) {
            keys.push_back(setting.key);
          }
        }
      }
    }
  }

  /// The next position, last axis fastest; false after the last one.
  bool advance(std::vector<std::size_t>& choice) const {
    for (std::size_t axis = choice.size(); axis-- > 0;) {
      if (++choice[axis] < sweep_.axes[axis].choices.size()) {
        return true;
      }
      choice[axis] = 0;
    }
    return false;
  }

  void add_point(const std::vector<std::size_t>& choice) {
    Config config = base_;
    std::unordered_map<std::string, const Setting*> origin;
    for (std::size_t axis = 0; axis < choice.size(); ++axis) {
      for (const Setting& setting : sweep_.axes[axis].choices[choice[axis]].settings) {
        config.set(setting.key, setting.value);
        origin[setting.key] = &setting;
      }
    }
    if (is_excluded(config)) {
      plan_.excluded += static_cast<std::int64_t>(sweep_.seeds.size());
      return;
    }
    check(config, origin);
    RunPoint point;
    for (const std::string& key : plan_.swept_keys) {
      const auto found = origin.find(key);
      point.labels.emplace_back(key, found != origin.end()
                                         ? found->second->written
                                         : halfulp::to_text(config.values().find(key)->second));
    }
    if (diagnostics_.empty()) {
      point.estimate_seconds = sweep_.kind->estimate_seconds(config);
    }
    point.config = std::move(config);
    for (const std::int64_t seed : sweep_.seeds) {
      point.seed = seed;
      point.id = run_id(*sweep_.kind, point.config, seed, sweep_.stop);
      if (ids_.emplace(point.id, plan_.points.size()).second) {
        plan_.points.push_back(point);
      } else {
        ++duplicates_;
      }
    }
  }

  bool is_excluded(const Config& config) {
    bool excluded = false;
    for (std::size_t i = 0; i < sweep_.exclusions.size(); ++i) {
      const auto& conditions = sweep_.exclusions[i].conditions;
      const bool matches = std::all_of(conditions.begin(), conditions.end(), [&](const auto& one) {
        const auto found = config.values().find(one.key);
        return found != config.values().end() &&
               std::find(one.any_of.begin(), one.any_of.end(), found->second) != one.any_of.end();
      });
      matched_[i] = matched_[i] || matches;
      excluded = excluded || matches;
    }
    return excluded;
  }

  void check(const Config& config, const std::unordered_map<std::string, const Setting*>& origin) {
    for (const ConfigIssue& issue : sweep_.kind->check(config)) {
      const auto& tainted = sweep_.tainted_keys;
      if (std::find(tainted.begin(), tainted.end(), issue.key) != tainted.end()) {
        continue;  // judged at its default: its own mistake is reported already
      }
      Location where = sweep_.kind_at;
      for (const Setting& setting : sweep_.constants) {
        if (setting.key == issue.key) {
          where = setting.at;
        }
      }
      if (const auto found = origin.find(issue.key); found != origin.end()) {
        where = found->second->at;
      }
      const auto value = config.values().find(issue.key);
      diagnostics_.error(
          where, fmt::format("{} = {}: {}", issue.key,
                             value == config.values().end() ? "?" : halfulp::to_text(value->second),
                             issue.message));
    }
  }

  void add_remarks() {
    if (duplicates_ > 0) {
      plan_.remarks.push_back(fmt::format("{} {} the same as another and merged", duplicates_,
                                          duplicates_ == 1 ? "run was" : "runs were"));
    }
    for (std::size_t i = 0; i < matched_.size(); ++i) {
      if (!matched_[i]) {
        plan_.remarks.push_back(
            fmt::format("{}: this exclusion matches no run", to_text(sweep_.exclusions[i].at)));
      }
    }
    if (plan_.points.empty() && plan_.excluded > 0 && diagnostics_.empty()) {
      diagnostics_.error({sweep_.path}, "every run of the sweep is excluded");
    }
  }

  const Sweep& sweep_;
  Diagnostics& diagnostics_;
  Schema schema_;
  Config base_;
  Plan plan_;
  std::vector<bool> matched_;
  std::unordered_map<std::string, std::size_t> ids_;
  std::int64_t duplicates_ = 0;
};

}  // namespace

std::string run_id(const ExperimentKind& kind, const Config& config, std::int64_t seed,
                   const StopRules& stop) {
  const Schema schema(kind.fields);
  std::string text = fmt::format("experiment={}\n", kind.name);
  // Config iterates by key, whatever the order of fields.
  for (const auto& [key, value] : config.values()) {
    const Field* field = schema.find(key);
    if (field != nullptr && field->changes_numbers) {
      text += fmt::format("{}={}\n", key, halfulp::to_text(value));
    }
  }
  text += fmt::format("seed={}\nstop.diverged.non_finite={}\nstop.diverged.loss_above={}\n", seed,
                      stop.non_finite, stop.loss_above);
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

Plan expand(const Sweep& sweep, Diagnostics& diagnostics) {
  if (sweep.kind == nullptr) {
    return {};
  }
  return Expander(sweep, diagnostics).expand();
}

}  // namespace halfulp::harness
