#include "experiments/harness/cli.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>

#include "experiments/harness/claims_command.h"
#include "experiments/harness/cli_commands.h"
#include "experiments/harness/cli_options.h"
#include "experiments/harness/derive_command.h"
#include "experiments/harness/estimate.h"
#include "experiments/harness/fit_command.h"
#include "experiments/harness/runner.h"
#include "experiments/harness/schema.h"
#include "experiments/harness/sweep_fits.h"
#include "experiments/harness/weights_command.h"
#include "experiments/store/io_error.h"
#include "sim/data/corpus.h"

namespace halfulp::harness {

namespace {

constexpr int kDone = 0;
constexpr int kSomeFailed = 1;
constexpr int kUsage = 2;
constexpr int kStopped = 75;
constexpr int kInterrupted = 130;

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void complain(const std::string& line) { fmt::print(stderr, "{}\n", line); }

int print_help(const Options& options, std::span<const ExperimentKind> kinds,
               const std::string& program) {
  if (options.help_kind.empty()) {
    print(help_text(program));
    return kDone;
  }
  std::vector<std::string> names;
  for (const ExperimentKind& kind : kinds) {
    if (kind.name == options.help_kind) {
      print(kind_help(kind));
      return kDone;
    }
    names.emplace_back(kind.name);
  }
  throw ConfigError(fmt::format("unknown experiment kind '{}'{} (known: {})", options.help_kind,
                                suggestion(options.help_kind, names), fmt::join(names, ", ")));
}

int check_command(const Options& options) {
  if (!std::filesystem::exists(options.file)) {
    throw ConfigError(fmt::format("{}: no such file", options.file));
  }
  const auto problems = check_results(options.file);
  for (const std::string& problem : problems) {
    const bool has_name = problem.starts_with(options.file + ":");
    print(fmt::format("{}{}\n", has_name ? "" : options.file + ": ", problem));
  }
  if (!problems.empty()) {
    return kSomeFailed;
  }
  print(fmt::format("ok\ncontent hash: {}\n", content_hash(options.file)));
  return kDone;
}

/// Fits the laws of [[fit]] and prints them; what cannot be fitted is a remark.
void fit_merged(const Options& options, const Sweep& sweep, const RunFolder& folder) {
  std::vector<std::string> remarks;
  print(fit_sweep(sweep, folder.results_file(), jobs_of(options), remarks));
  for (const std::string& remark : remarks) complain(remark);
}

int merge_command(const Options& options, const Sweep& sweep, const Plan& plan,
                  const RunFolder& folder) {
  const std::size_t merged = folder.merge(sweep, plan);
  if (merged == 0) {
    complain(fmt::format("{}: no run is finished", folder.path()));
    return kSomeFailed;
  }
  print(
      fmt::format("{} of {} runs merged: {}\n", merged, plan.points.size(), folder.results_file()));
  fit_merged(options, sweep, folder);
  return kDone;
}

void print_summary(const RunSummary& summary, const Sweep& sweep, const RunFolder& folder,
                   std::size_t merged) {
  std::string text = fmt::format("{} runs: {} done", summary.total, summary.done);
  text += summary.diverged > 0 ? fmt::format(", {} diverged", summary.diverged) : "";
  text += summary.failed.empty() ? "" : fmt::format(", {} failed", summary.failed.size());
  text += summary.taken > 0 ? fmt::format(", {} with another process", summary.taken) : "";
  text += summary.remaining() > 0 ? fmt::format(", {} not run", summary.remaining()) : "";
  text += summary.found > 0 ? fmt::format(" ({} were there before)", summary.found) : "";
  text += fmt::format(" in {}\n", describe_duration(summary.seconds));
  if (merged > 0) {
    text += fmt::format("results: {}\n", folder.results_file());
    for (const std::string& figure : sweep.figures) {
      text += fmt::format("figure:  scripts/plot.py {} {}\n", figure, folder.results_file());
    }
  }
  print(text);
}

void print_failures(const RunSummary& summary, const RunFolder& folder) {
  constexpr std::size_t kShown = 10;
  for (std::size_t i = 0; i < std::min(summary.failed.size(), kShown); ++i) {
    const FailedRun& run = summary.failed[i];
    complain(
        fmt::format("failed: {}: {} (see {})", run.id, run.reason, folder.failed_file(run.id)));
  }
  if (summary.failed.size() > kShown) {
    complain(fmt::format("failed: {} more; `status` lists all", summary.failed.size() - kShown));
  }
  if (!summary.failed.empty()) {
    complain(fmt::format("details: {}; --retry-failed runs them again", folder.failed_file("ID")));
  }
}

int exit_code(const RunSummary& summary) {
  if (summary.signal != 0) {
    return summary.signal == SIGINT ? kInterrupted : kStopped;
  }
  if (!summary.failed.empty() || !summary.io_error.empty()) {
    return kSomeFailed;
  }
  return summary.taken > 0 ? kStopped : kDone;
}

int run_command(const Options& options, const Sweep& sweep, const Plan& plan,
                const std::vector<std::size_t>& selected, const RunFolder& folder) {
  RunnerOptions runner_options;
  runner_options.jobs = jobs_of(options);
  runner_options.retry_failed = options.retry_failed;
  runner_options.progress = options.progress;
  runner_options.provenance = collect_provenance();
  runner_options.provenance.command_line = options.command_line;
  folder.create(sweep);
  const RunSummary summary = run_points(sweep, plan, selected, folder, runner_options);
  std::size_t merged = 0;
  std::string merge_error;
  if (!summary.killed) {
    try {
      merged = folder.merge(sweep, plan);
    } catch (const IoError& error) {
      merge_error = error.what();
    }
  }
  print_summary(summary, sweep, folder, merged);
  if (merged > 0) fit_merged(options, sweep, folder);
  print_failures(summary, folder);
  if (!merge_error.empty()) {
    complain(fmt::format("{}; the runs are safe in {}/runs", merge_error, folder.path()));
  }
  const int code = exit_code(summary);
  if (code == kInterrupted || code == kStopped || !summary.io_error.empty()) {
    complain(fmt::format("the same command runs what is missing: {}", options.command_line));
  }
  return code == kDone && !merge_error.empty() ? kSomeFailed : code;
}

int weights_command(const Options& options, const Sweep& sweep, const Plan& plan,
                    const std::vector<std::size_t>& selected, const RunFolder& folder) {
  std::vector<std::string> problems;
  print(write_weights(sweep, plan, selected, folder, options.dtype, problems));
  for (const std::string& problem : problems) complain(problem);
  return problems.empty() ? kDone : kSomeFailed;
}

int sweep_command(const Options& options, std::span<const ExperimentKind> kinds) {
  const auto [sweep, plan] = load_plan(options.file, options.overrides, kinds);
  for (const std::string& remark : plan.remarks) {
    complain(remark);
  }
  const RunFolder folder(options.out, sweep.name);
  if (options.command == Command::status) {
    print(status_text(sweep, plan, folder));
    return kDone;
  }
  if (options.command == Command::merge) {
    return merge_command(options, sweep, plan, folder);
  }
  const auto selected = select_points(options, sweep, plan);
  if (selected.empty()) {
    complain("no run is selected");
  }
  if (options.command == Command::weights) {
    return weights_command(options, sweep, plan, selected, folder);
  }
  if (options.print_config) {
    for (const std::size_t index : selected) {
      print(fmt::format("{}{}", index == selected.front() ? "" : "\n",
                        print_config_text(sweep, plan.points[index])));
    }
  } else if (options.list) {
    print(list_text(sweep, plan, selected, folder));
  } else if (options.dry_run) {
    print(dry_run_text(options, sweep, plan, selected, folder));
  } else if (!selected.empty()) {
    return run_command(options, sweep, plan, selected, folder);
  }
  return kDone;
}

}  // namespace

int run_cli(const std::vector<std::string>& arguments, std::span<const ExperimentKind> kinds,
            const std::string& program) {
  try {
    const std::string first = arguments.empty() ? "" : arguments.front();
    if (first == "fit" || first == "laws" || first == "derive" || first == "claims") {
      const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
      print(first == "fit"      ? fit_command(rest, program)
            : first == "laws"   ? laws_command(rest)
            : first == "derive" ? derive_command(rest, program)
                                : claims_command(rest, program));
      return kDone;
    }
    const Options options = parse_options(arguments, program);
    if (options.help) {
      return print_help(options, kinds, program);
    }
    if (options.command == Command::kinds) {
      print(kinds_text(kinds));
      return kDone;
    }
    return options.command == Command::check ? check_command(options)
                                             : sweep_command(options, kinds);
  } catch (const ConfigError& error) {
    for (const std::string& line : error.lines()) {
      complain(line);
    }
    return kUsage;
  } catch (const DataError& error) {
    complain(error.what());
    return kUsage;
  } catch (const std::exception& error) {
    complain(error.what());
    return kSomeFailed;
  }
}

}  // namespace halfulp::harness
