#include "experiments/harness/cli_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "experiments/harness/estimate.h"
#include "experiments/harness/filter.h"
#include "experiments/harness/labels.h"
#include "experiments/harness/runner.h"
#include "experiments/harness/schema.h"
#include "experiments/harness/toml_tree.h"

namespace halfulp::harness {

namespace {

constexpr RunState kStates[] = {RunState::pending, RunState::running, RunState::done,
                                RunState::diverged, RunState::failed};

std::string describe_counts(const std::map<RunState, std::size_t>& counts) {
  std::vector<std::string> parts;
  for (const RunState state : kStates) {
    if (const auto found = counts.find(state); found != counts.end()) {
      parts.push_back(fmt::format("{} {}", found->second, to_text(state)));
    }
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// "32, 64" for an axis of one key; "width=32 batch=8 | width=64 batch=16" for one of several.
std::string describe_choices(const Sweep& sweep, const Axis& axis) {
  const auto has_one_key = [&](const AxisChoice& choice) {
    return choice.settings.size() == 1 && choice.settings.front().key == axis.name;
  };
  const bool simple = std::all_of(axis.choices.begin(), axis.choices.end(), has_one_key);
  constexpr std::size_t kShown = 12;
  std::vector<std::string> parts;
  for (const AxisChoice& choice : axis.choices) {
    if (parts.size() == kShown && axis.choices.size() > kShown + 1) {
      parts.push_back(fmt::format("... {} more", axis.choices.size() - kShown));
      break;
    }
    std::vector<std::string> settings;
    for (const Setting& setting : choice.settings) {
      if (!is_telling(sweep, setting)) continue;
      settings.push_back(simple ? setting.written
                                : fmt::format("{}={}", setting.key, setting.written));
    }
    parts.push_back(fmt::format("{}", fmt::join(settings, " ")));
  }
  return fmt::format("{}", fmt::join(parts, simple ? ", " : " | "));
}

std::string describe_axes(const Sweep& sweep) {
  std::vector<std::vector<std::string>> rows;
  for (const Axis& axis : sweep.axes) {
    rows.push_back(
        {"  " + axis.name, std::to_string(axis.choices.size()), describe_choices(sweep, axis)});
  }
  const std::size_t shown = std::min<std::size_t>(sweep.seeds.size(), 12);
  std::string seeds =
      fmt::format("{}", fmt::join(sweep.seeds.begin(),
                                  sweep.seeds.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  seeds +=
      shown < sweep.seeds.size() ? fmt::format(", ... {} more", sweep.seeds.size() - shown) : "";
  rows.push_back({"  seed", std::to_string(sweep.seeds.size()), seeds});
  return format_table(rows);
}

std::string toml_value(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return quote(*text);
  }
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    std::vector<std::string> quoted;
    for (const std::string& item : *list) {
      quoted.push_back(quote(item));
    }
    return fmt::format("[{}]", fmt::join(quoted, ", "));
  }
  return halfulp::to_text(value);
}

}  // namespace

std::vector<std::size_t> select_points(const Options& options, const Sweep& sweep,
                                       const Plan& plan) {
  std::vector<std::size_t> selected;
  std::vector<bool> id_found(options.only.size(), false);
  const bool has_filter = !options.filter.empty();
  const Filter filter(has_filter ? options.filter : "seed >= 0", Schema(sweep.kind->fields));
  for (std::size_t i = 0; i < plan.points.size(); ++i) {
    bool named = options.only.empty();
    for (std::size_t k = 0; k < options.only.size(); ++k) {
      if (plan.points[i].id.starts_with(options.only[k])) {
        id_found[k] = true;
        named = true;
      }
    }
    if (named && filter.matches(plan.points[i])) {
      selected.push_back(i);
    }
  }
  std::vector<std::string> unknown;
  for (std::size_t k = 0; k < options.only.size(); ++k) {
    if (!id_found[k]) {
      unknown.push_back(fmt::format("option '--only': the sweep has no run {}; --list shows them",
                                    options.only[k]));
    }
  }
  if (!unknown.empty()) {
    throw ConfigError(unknown);
  }
  if (options.limit && selected.size() > *options.limit) {
    selected.resize(*options.limit);
  }
  return selected;
}

int jobs_of(const Options& options) { return options.jobs > 0 ? options.jobs : usable_cpus(); }

std::string dry_run_text(const Options& options, const Sweep& sweep, const Plan& plan,
                         const std::vector<std::size_t>& selected, const RunFolder& folder) {
  const Labels labels(sweep, plan);
  std::vector<std::vector<std::string>> rows = {{"id", "status", "time"}};
  rows[0].insert(rows[0].end(), labels.keys().begin(), labels.keys().end());
  std::map<RunState, std::size_t> counts;
  std::vector<double> to_run;
  for (const std::size_t index : selected) {
    const RunPoint& point = plan.points[index];
    const RunState state = folder.inspect(point.id).state;
    ++counts[state];
    if (state == RunState::pending || (state == RunState::failed && options.retry_failed)) {
      to_run.push_back(point.estimate_seconds);
    }
    rows.push_back(
        {point.id, std::string(to_text(state)), describe_duration(point.estimate_seconds)});
    const auto values = labels.values(point);
    rows.back().insert(rows.back().end(), values.begin(), values.end());
  }
  std::stable_sort(to_run.begin(), to_run.end(), std::greater<>());
  double work = 0.0;
  for (const double seconds : to_run) {
    work += seconds;
  }
  std::string text = fmt::format("{} ({}), results in {}\n\naxes, the first varies slowest:\n{}",
                                 sweep.name, sweep.kind->name, folder.path(), describe_axes(sweep));
  text += fmt::format("\n{}\n", format_table(rows));
  text += fmt::format("{} runs: {}", selected.size(), describe_counts(counts));
  text += plan.excluded > 0 ? fmt::format("; {} excluded", plan.excluded) : "";
  if (to_run.empty()) {
    return text + "\nto run: nothing\n";
  }
  const int jobs = jobs_of(options);
  text +=
      fmt::format("\nto run: {}, about {} of work, {} with -j {}\n", to_run.size(),
                  describe_duration(work), describe_duration(schedule_seconds(to_run, jobs)), jobs);
  return text;
}

std::string list_text(const Sweep& sweep, const Plan& plan,
                      const std::vector<std::size_t>& selected, const RunFolder& folder) {
  const Labels labels(sweep, plan);
  std::vector<std::vector<std::string>> rows;
  for (const std::size_t index : selected) {
    const RunPoint& point = plan.points[index];
    rows.push_back(
        {point.id, std::string(to_text(folder.inspect(point.id).state)), labels.describe(point)});
  }
  return format_table(rows);
}

std::string status_text(const Sweep& sweep, const Plan& plan, const RunFolder& folder) {
  const Labels labels(sweep, plan);
  std::map<RunState, std::size_t> counts;
  std::vector<std::vector<std::string>> running, failed;
  std::string unreadable;
  for (const RunPoint& point : plan.points) {
    const RunInfo info = folder.inspect(point.id);
    ++counts[info.state];
    if (info.state == RunState::running) {
      running.push_back({"  " + point.id, labels.describe(point),
                         fmt::format("step {}/{}", info.done, info.total),
                         fmt::format("{} {:.4g}", sweep.kind->progress_name, info.value),
                         fmt::format("{} ago", describe_duration(info.age_seconds))});
    } else if (info.state == RunState::failed) {
      failed.push_back({"  " + point.id, labels.describe(point), info.reason});
    } else if (info.unreadable) {
      unreadable += fmt::format("  {}\n", info.reason);
    }
  }
  std::string text =
      fmt::format("{} ({}), results in {}\n{} runs: {}\n", sweep.name, sweep.kind->name,
                  folder.path(), plan.points.size(), describe_counts(counts));
  text += running.empty() ? "" : fmt::format("running:\n{}", format_table(running));
  text += failed.empty() ? "" : fmt::format("failed:\n{}", format_table(failed));
  text += unreadable.empty() ? "" : fmt::format("unreadable, to be run again:\n{}", unreadable);
  return text;
}

std::string print_config_text(const Sweep& sweep, const RunPoint& point) {
  std::string text = fmt::format("# run {}\nschema_version = 1\nname = {}\nexperiment = {}\n",
                                 point.id, quote(sweep.name), quote(sweep.kind->name));
  text += fmt::format("seeds = [{}]\n\n[set]\n", point.seed);
  for (const auto& [key, value] : point.config.values()) {
    text += fmt::format("{} = {}\n", key, toml_value(value));
  }
  text += fmt::format("\n[stop.diverged]\nnon_finite = {}\nloss_above = {}\n",
                      sweep.stop.non_finite, halfulp::to_text(Value(sweep.stop.loss_above)));
  return text;
}

}  // namespace halfulp::harness
