// What run_experiment prints to standard output, command by command.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiments/harness/cli_options.h"
#include "experiments/harness/run_folder.h"
#include "experiments/harness/sweep.h"

namespace halfulp::harness {

/// The points that --filter, --only and --limit leave, as indices. Throws ConfigError.
std::vector<std::size_t> select_points(const Options& options, const Sweep& sweep,
                                       const Plan& plan);

/// Number of worker processes: -j, or the usable CPUs.
int jobs_of(const Options& options);

// Each returns the text for standard output.
std::string help_text(const std::string& program);
std::string kind_help(const ExperimentKind& kind);
std::string kinds_text(std::span<const ExperimentKind> kinds);
std::string dry_run_text(const Options& options, const Sweep& sweep, const Plan& plan,
                         const std::vector<std::size_t>& selected, const RunFolder& folder);
std::string list_text(const Sweep& sweep, const Plan& plan,
                      const std::vector<std::size_t>& selected, const RunFolder& folder);
std::string status_text(const Sweep& sweep, const Plan& plan, const RunFolder& folder);

/// The run as a sweep file of its own, which gives the same run id.
std::string print_config_text(const Sweep& sweep, const RunPoint& point);

}  // namespace halfulp::harness
