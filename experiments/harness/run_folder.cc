#include "experiments/harness/run_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>

#include "experiments/harness/journal.h"
#include "experiments/store/atomic_file.h"
#include "experiments/store/io_error.h"
#include "experiments/store/run_record.h"

namespace halfulp::harness {

namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

void read_progress(const std::string& path, RunInfo& info) {
  const auto records = read_journal(path);
  if (!records.empty()) {
    info.done = records.back().done;
    info.total = records.back().total;
    info.value = records.back().value;
  }

  struct stat status {};

  if (::stat(path.c_str(), &status) == 0) {
    info.age_seconds = std::difftime(std::time(nullptr), status.st_mtime);
  }
}

}  // namespace

std::string_view to_text(RunState state) {
  switch (state) {
    case RunState::pending:
      return "pending";
    case RunState::running:
      return "running";
    case RunState::done:
      return "done";
    case RunState::diverged:
      return "diverged";
    case RunState::failed:
      return "failed";
  }
  return "";
}

RunFolder::RunFolder(const std::string& out, const std::string& sweep_name)
    : path_(out + "/" + sweep_name), runs_(path_ + "/runs/") {}

RunInfo RunFolder::inspect(std::string_view id) const {
  RunInfo info;
  if (exists(run_file(id))) {
    try {
      const RunRecord record = read_run(run_file(id));
      if (record.run_id != id) {
        throw IoError(fmt::format("{}: is run {}", run_file(id), record.run_id));
      }
      const bool diverged = record.result.status == RunStatus::diverged;
      info.state = diverged ? RunState::diverged : RunState::done;
      info.reason = record.result.reason;
      return info;
    } catch (const IoError& error) {
      info.unreadable = true;
      info.reason = error.what();
    }
  }
  if (is_journal_locked(journal_file(id))) {
    info.state = RunState::running;
    read_progress(journal_file(id), info);
  } else if (exists(failed_file(id))) {
    info.state = RunState::failed;
    try {
      const std::string text = read_file(failed_file(id));
      info.reason = text.substr(0, text.find('\n'));
    } catch (const IoError& error) {
      info.reason = error.what();
    }
    read_progress(journal_file(id), info);
  }
  return info;
}

void RunFolder::create(const Sweep& sweep) const {
  std::error_code error;
  std::filesystem::create_directories(runs_, error);
  if (error) {
    throw IoError(fmt::format("{}: cannot be created: {}; --out names the folder of results", runs_,
                              error.message()));
  }
  replace_file(path_ + "/sweep.toml", sweep_text(sweep));
}

void RunFolder::write_failed(std::string_view id, const std::string& reason) const {
  replace_file(failed_file(id), reason + "\n");
}

std::size_t RunFolder::merge(const Sweep& sweep, const Plan& plan) const {
  std::vector<std::string> files;
  for (const RunPoint& point : plan.points) {
    const RunState state = inspect(point.id).state;
    if (state == RunState::done || state == RunState::diverged) {
      files.push_back(run_file(point.id));
    }
  }
  if (!files.empty()) {
    merge_runs(results_file(), files, sweep.name, sweep_text(sweep), plan.swept_keys);
  }
  return files.size();
}

std::string sweep_text(const Sweep& sweep) {
  std::string text = sweep.text;
  for (const std::string& one : sweep.overrides) {
    text += fmt::format("{}# command line: {}\n", text.ends_with('\n') ? "" : "\n", one);
  }
  return text;
}

}  // namespace halfulp::harness
