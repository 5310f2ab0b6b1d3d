#include "experiments/harness/runner.h"

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>

#include "experiments/harness/estimate.h"
#include "experiments/harness/labels.h"
#include "experiments/harness/signals.h"
#include "experiments/harness/worker.h"
#include "experiments/store/io_error.h"

namespace halfulp::harness {

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kPollMilliseconds = 100;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

class Runner {
 public:
  Runner(const Sweep& sweep, const Plan& plan, const RunFolder& folder,
         const RunnerOptions& options)
      : sweep_(sweep),
        plan_(plan),
        folder_(folder),
        options_(options),
        labels_(sweep, plan),
        display_(make_progress(options.progress)) {}

  RunSummary run(const std::vector<std::size_t>& selected) {
    const auto start = Clock::now();
    summary_.total = selected.size();
    sort_out(selected);
    if (!pending_.empty()) {
      std::vector<Config> configs;
      for (const RunPoint* point : pending_) {
        configs.push_back(point->config);
      }
      sweep_.kind->prepare(configs);
      if (sweep_.kind->prepare_run != nullptr) {
        for (const RunPoint* point : pending_) {
          sweep_.kind->prepare_run(point->config, point->seed);
        }
      }
      loop();
    }
    summary_.seconds = seconds_since(start);
    return std::move(summary_);
  }

 private:
  struct Job {
    const RunPoint* point;
    std::unique_ptr<Worker> worker;
    Clock::time_point start;
    Message last = {};    ///< the latest progress
    Message result = {};  ///< MessageType::progress until there is one
  };

  /// What is finished, failed or with another process already, and what is left to do.
  void sort_out(const std::vector<std::size_t>& selected) {
    for (const std::size_t index : selected) {
      const RunPoint& point = plan_.points[index];
      const RunInfo info = folder_.inspect(point.id);
      if (info.unreadable) {
        display_->event(fmt::format("{}; it is computed again", info.reason), true);
      }
      switch (info.state) {
        case RunState::done:
          ++summary_.done;
          ++summary_.found;
          break;
        case RunState::diverged:
          ++summary_.diverged;
          ++summary_.found;
          break;
        case RunState::running:
          ++summary_.taken;
          break;
        case RunState::failed:
          if (!options_.retry_failed) {
            summary_.failed.push_back({point.id, info.reason});
            break;
          }
          pending_.push_back(&point);
          break;
        case RunState::pending:
          pending_.push_back(&point);
          break;
      }
    }
    // A long run started last would keep one worker busy while the others have nothing to do.
    std::stable_sort(pending_.begin(), pending_.end(), [](const RunPoint* a, const RunPoint* b) {
      return a->estimate_seconds > b->estimate_seconds;
    });
  }

  void loop() {
    const SignalFile signals;
    while (!jobs_.empty() || (may_start() && !pending_.empty())) {
      start_jobs();
      wait_for_events(signals);
      handle_signals(signals);
      read_jobs();
      if (display_->is_due()) {
        display_->update(state());
      }
    }
    display_->finish();
  }

  bool may_start() const { return summary_.signal == 0 && summary_.io_error.empty(); }

  void start_jobs() {
    while (may_start() && !pending_.empty() &&
           jobs_.size() < static_cast<std::size_t>(options_.jobs)) {
      const RunPoint* point = pending_.front();
      try {
        auto worker = std::make_unique<Worker>(
            WorkerTask{sweep_.kind, point, sweep_.stop, &folder_, options_.provenance});
        jobs_.push_back({point, std::move(worker), Clock::now()});
      } catch (const IoError& error) {
        if (jobs_.empty()) {
          stop_starting(error.what());
        }
        return;  // there may be room when a worker has ended
      }
      pending_.pop_front();
    }
  }

  void stop_starting(const std::string& reason) {
    display_->event(reason, true);
    if (summary_.io_error.empty()) {
      summary_.io_error = reason;
    }
  }

  void wait_for_events(const SignalFile& signals) {
    std::vector<pollfd> files = {{signals.file(), POLLIN, 0}};
    for (const Job& job : jobs_) {
      files.push_back({job.worker->message_file(), POLLIN, 0});
      files.push_back({job.worker->output_file(), POLLIN, 0});
    }
    ::poll(files.data(), files.size(), kPollMilliseconds);
  }

  void handle_signals(const SignalFile& signals) {
    for (int signal = signals.next(); signal != 0; signal = signals.next()) {
      const bool second = summary_.signal != 0;
      summary_.signal = second ? summary_.signal : signal;
      summary_.killed = summary_.killed || second;
      for (const Job& job : jobs_) {
        job.worker->send_signal(second ? SIGKILL : SIGTERM);
      }
    }
  }

  void read_jobs() {
    for (Job& job : jobs_) {
      for (Message& message : job.worker->read_messages()) {
        if (message.type == MessageType::remark) {
          display_->event(message.text, true);
        } else {
          (message.type == MessageType::progress ? job.last : job.result) = std::move(message);
        }
      }
      job.worker->read_output();
      if (job.worker->is_finished()) {
        finish(job);
      }
    }
    std::erase_if(jobs_, [](const Job& job) { return job.worker->is_finished(); });
  }

  void finish(Job& job) {
    std::string death = job.worker->wait();
    job.worker->read_output();
    const double seconds = seconds_since(job.start);
    if (job.result.type == MessageType::progress) {
      if (summary_.signal != 0) {
        std::remove(folder_.journal_file(job.point->id).c_str());
        return;  // we ended it: it is pending again
      }
      job.result.type = MessageType::failed;
      job.result.text = death.empty() ? "the worker ended without a result" : death;
    }
    switch (job.result.type) {
      case MessageType::progress:
      case MessageType::remark:
      case MessageType::taken:
        ++summary_.taken;
        break;
      case MessageType::done:
        ++summary_.done;
        eta_.finished(job.point->estimate_seconds, seconds);
        report(job, fmt::format("done, {} {:.4g}", sweep_.kind->progress_name, job.last.value),
               seconds, false);
        break;
      case MessageType::diverged:
        ++summary_.diverged;  // ended early: it tells nothing about speed
        report(job, fmt::format("diverged: {}", job.result.text), seconds, false);
        break;
      case MessageType::failed:
        fail(job, seconds);
        break;
      case MessageType::io_failed:
        stop_starting(fmt::format("run {}: {}", job.point->id, job.result.text));
        break;
    }
  }

  void fail(const Job& job, double seconds) {
    const std::string reason = first_line(job.result.text);
    summary_.failed.push_back({job.point->id, reason});
    std::string text = job.result.text;
    if (!job.worker->output().empty()) {
      text += "\n\nlast output:\n" + job.worker->output();
    }
    report(job, fmt::format("failed: {}", reason), seconds, true);
    try {
      folder_.write_failed(job.point->id, text);
    } catch (const IoError& error) {
      stop_starting(error.what());
    }
  }

  void report(const Job& job, const std::string& what, double seconds, bool important) {
    const std::string label = labels_.describe(*job.point);
    const std::size_t ended = summary_.done + summary_.diverged + summary_.failed.size();
    display_->event(
        fmt::format("[{}/{}] {} {}{}{} ({})", ended, summary_.total, job.point->id.substr(0, 8),
                    label, label.empty() ? "" : ": ", what, describe_duration(seconds)),
        important);
  }

  ProgressState state() {
    ProgressState state;
    state.name = sweep_.name;
    state.total = summary_.total;
    state.done = summary_.done + summary_.diverged;
    state.diverged = summary_.diverged;
    state.failed = summary_.failed.size();
    state.stopping = summary_.signal != 0;
    std::vector<EtaModel::Active> active;
    for (const Job& job : jobs_) {
      const Message& last = job.last;
      state.active.push_back({job.point->id, labels_.describe(*job.point),
                              fmt::format("{}", fmt::join(labels_.values(*job.point), " ")),
                              last.done, last.total, last.value, sweep_.kind->progress_name});
      const double fraction =
          last.total > 0 ? static_cast<double>(last.done) / static_cast<double>(last.total) : 0.0;
      active.push_back({job.point->estimate_seconds, seconds_since(job.start), fraction});
    }
    std::vector<double> pending;
    for (const RunPoint* point : pending_) {
      pending.push_back(point->estimate_seconds);
    }
    state.eta_seconds = eta_.remaining(active, pending, options_.jobs);
    return state;
  }

  const Sweep& sweep_;
  const Plan& plan_;
  const RunFolder& folder_;
  const RunnerOptions& options_;
  Labels labels_;
  std::unique_ptr<ProgressDisplay> display_;
  std::deque<const RunPoint*> pending_;
  std::vector<Job> jobs_;
  EtaModel eta_;
  RunSummary summary_;
};

}  // namespace

int usable_cpus() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(CPU_COUNT(&set), 1) : 1;
}

RunSummary run_points(const Sweep& sweep, const Plan& plan,
                      const std::vector<std::size_t>& selected, const RunFolder& folder,
                      const RunnerOptions& options) {
  return Runner(sweep, plan, folder, options).run(selected);
}

}  // namespace halfulp::harness
