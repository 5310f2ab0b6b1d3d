// One run in one process of its own: a crash costs that run and nothing else.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/harness/run_folder.h"
#include "experiments/harness/sweep.h"
#include "experiments/kind.h"
#include "experiments/store/run_record.h"

namespace halfulp::harness {

struct WorkerTask {
  const ExperimentKind* kind = nullptr;
  const RunPoint* point = nullptr;
  StopRules stop;
  const RunFolder* folder = nullptr;
  Provenance provenance;
};

enum class MessageType : std::uint32_t {
  progress,
  remark,     ///< text is for the user, now
  done,       ///< the result file is written
  diverged,   ///< so it is; text is the reason
  failed,     ///< the run threw; text is its message
  io_failed,  ///< the run succeeded but its file could not be written; text says where it is kept
  taken,      ///< another process is computing this run
};

struct Message {
  MessageType type = MessageType::progress;
  std::int64_t done = 0;
  std::int64_t total = 0;
  double value = 0.0;
  std::string text;
};

/// The parent's end of a worker process.
class Worker {
 public:
  /// Forks. Throws IoError when no process can be made.
  explicit Worker(const WorkerTask& task);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int message_file() const { return message_file_; }

  int output_file() const { return output_file_; }

  /// Reads what is there without waiting. Returns the whole messages; after the end of the pipe
  /// is_finished() is true.
  std::vector<Message> read_messages();

  /// Keeps the end of what the run printed (warnings, a failed check).
  void read_output();

  bool is_finished() const { return is_finished_; }

  const std::string& output() const { return output_; }

  void send_signal(int signal) const;

  /// Waits for the end of the process; how it died ("killed by SIGSEGV (...)"), or nothing when it
  /// ended by itself with code 0.
  std::string wait();

 private:
  pid_t process_ = -1;
  int message_file_ = -1;
  int output_file_ = -1;
  bool is_finished_ = false;
  std::string unread_;
  std::string output_;
};

}  // namespace halfulp::harness
