#include "experiments/harness/worker_process.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <new>
#include <utility>

#include "experiments/harness/journal.h"
#include "experiments/store/atomic_file.h"
#include "experiments/store/checkpoint_file.h"
#include "experiments/store/io_error.h"
#include "experiments/store/safetensors.h"

namespace halfulp::harness {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kReportEvery{50};

std::string utc_now() {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void send(int file, const Message& message) {
  const MessageHeader header{message.type, static_cast<std::uint32_t>(message.text.size()),
                             message.done, message.total, message.value};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += message.text;
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::write(file, bytes.data() + sent, bytes.size() - sent);
    if (count < 0 && errno != EINTR) {
      return;  // the parent is gone, and this process with it
    }
    sent += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
}

/// Every report goes to the journal, the parent gets twenty a second at most.
class PipeObserver final : public RunObserver {
 public:
  PipeObserver(int file, JournalWriter& journal, const RunFolder& folder, std::string run_id)
      : file_(file),
        journal_(journal),
        folder_(folder),
        run_id_(std::move(run_id)),
        checkpoint_file_(folder.checkpoint_file(run_id_)) {}

  void progress(std::int64_t done, std::int64_t total, double value) override {
    journal_.append(done, total, value);
    const auto now = Clock::now();
    if (now - last_ >= kReportEvery || done == total) {
      last_ = now;
      send(file_, {MessageType::progress, done, total, value, ""});
    }
  }

  bool load_checkpoint(const std::string& inputs, nn::Checkpoint& checkpoint) override {
    if (!std::filesystem::exists(checkpoint_file_)) return false;
    try {
      CheckpointFile file = read_checkpoint(checkpoint_file_);
      const std::string why = difference(file.identity, identity(inputs));
      if (why.empty()) {
        checkpoint = std::move(file.checkpoint);
        return true;
      }
      remark(fmt::format("{}: not used, {}; the run starts anew", checkpoint_file_, why));
    } catch (const IoError& error) {
      remark(fmt::format("{}; the run starts anew", error.what()));
    }
    return false;
  }

  void save_checkpoint(const std::string& inputs, const nn::Checkpoint& checkpoint) override {
    try {
      write_checkpoint(checkpoint_file_, identity(inputs), checkpoint);
    } catch (const IoError& error) {
      if (!has_complained_) remark(fmt::format("{}; the run goes on without", error.what()));
      has_complained_ = true;
    }
  }

  bool has_kept_weights(std::int64_t updates) override {
    return std::filesystem::exists(folder_.kept_file(run_id_, updates));
  }

  void keep_weights(std::int64_t updates, const Safetensors& weights) override {
    Safetensors content = weights;
    content.metadata["run_id"] = run_id_;
    const std::filesystem::path path = folder_.kept_file(run_id_, updates);
    std::error_code ignored;  // the writer says what is wrong with the folder
    std::filesystem::create_directories(path.parent_path(), ignored);
    write_safetensors(path.string(), content);
  }

  void remark(const std::string& text) override {
    send(file_, {MessageType::remark, 0, 0, 0.0, text});
  }

 private:
  CheckpointIdentity identity(const std::string& inputs) {
    if (program_.empty()) program_ = program_checksum();
    return {run_id_, program_, inputs};
  }

  int file_;
  JournalWriter& journal_;
  const RunFolder& folder_;
  std::string run_id_, checkpoint_file_;
  std::string program_;  ///< its checksum, when it was needed
  bool has_complained_ = false;
  Clock::time_point last_{};
};

RunRecord compute(const WorkerTask& task, RunObserver& observer) {
  RunRecord record;
  record.provenance = task.provenance;
  record.provenance.started_utc = utc_now();
  const auto start = Clock::now();
  const double cpu_start = cpu_seconds();
  const RunPoint& point = *task.point;
  record.run_id = point.id;
  record.experiment = std::string(task.kind->name);
  record.numerics = task.kind->numerics(point.config);
  record.seed = point.seed;
  record.config = point.config;
  record.result = task.kind->run(point.config, point.seed, task.stop, observer);
  record.wall_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  record.cpu_seconds = cpu_seconds() - cpu_start;
  record.provenance.finished_utc = utc_now();
  return record;
}

bool keeps_checkpoint(const Config& config) {
  return config.has("train.keep_checkpoints") && config.boolean("train.keep_checkpoints");
}

/// Writes the result where it belongs; when that fails, where temporary files go, so that hours of
/// work are not lost to a full disk.
Message store(const WorkerTask& task, const RunRecord& record) {
  const std::string file = task.folder->run_file(record.run_id);
  const std::string& reason = record.result.reason;
  try {
    write_run(file, record);
    ::unlink(task.folder->failed_file(record.run_id).c_str());
    ::unlink(task.folder->journal_file(record.run_id).c_str());
    if (!keeps_checkpoint(record.config)) {
      remove_file(task.folder->checkpoint_file(record.run_id));
    }
    const bool diverged = record.result.status == RunStatus::diverged;
    return {diverged ? MessageType::diverged : MessageType::done, 0, 0, 0.0, reason};
  } catch (const IoError& error) {
    std::error_code ignored;
    const auto folder = std::filesystem::temp_directory_path(ignored);
    const std::string kept = (folder / (record.run_id + ".h5")).string();
    try {
      write_run(kept, record);
      return {MessageType::io_failed, 0, 0, 0.0,
              fmt::format("{}; the result is kept as {}: move it to {}", error.what(), kept, file)};
    } catch (const IoError&) {
      return {MessageType::io_failed, 0, 0, 0.0, error.what()};
    }
  }
}

Message run_and_store(const WorkerTask& task, int message_file) {
  const std::string& id = task.point->id;
  JournalWriter journal(task.folder->journal_file(id));
  if (journal.is_taken()) {
    return {MessageType::taken, 0, 0, 0.0, ""};
  }
  // Another process may have finished it since the parent looked.
  const RunInfo info = task.folder->inspect(id);
  if (info.state == RunState::done || info.state == RunState::diverged) {
    ::unlink(task.folder->journal_file(id).c_str());
    const bool diverged = info.state == RunState::diverged;
    return {diverged ? MessageType::diverged : MessageType::done, 0, 0, 0.0, info.reason};
  }
  PipeObserver observer(message_file, journal, *task.folder, id);
  try {
    return store(task, compute(task, observer));
  } catch (const std::bad_alloc&) {
    return {MessageType::failed, 0, 0, 0.0, "out of memory"};
  } catch (const std::exception& error) {
    return {MessageType::failed, 0, 0, 0.0, error.what()};
  } catch (...) {
    return {MessageType::failed, 0, 0, 0.0, "an exception that is no std::exception"};
  }
}

/// A terminal's Ctrl-C reaches the whole group: the parent decides, and its SIGTERM ends us at
/// once.
void set_signals() {
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_DFL);
  ::signal(SIGHUP, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

void run_worker_process(const WorkerTask& task, pid_t parent, int message_file, int output_file) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) {
    ::_exit(1);  // it died before the call above
  }
  set_signals();
  ::dup2(output_file, STDOUT_FILENO);
  ::dup2(output_file, STDERR_FILENO);
  if (const int null = ::open("/dev/null", O_RDONLY); null >= 0) {
    ::dup2(null, STDIN_FILENO);
  }
  const Message message = run_and_store(task, message_file);
  std::fflush(nullptr);
  send(message_file, message);
  ::_exit(0);
}

}  // namespace halfulp::harness
