// The child's side of worker.h.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "experiments/harness/worker.h"

namespace halfulp::harness {

/// What goes through the pipe: this header and then text_size bytes.
struct MessageHeader {
  MessageType type = MessageType::progress;
  std::uint32_t text_size = 0;
  std::int64_t done = 0;
  std::int64_t total = 0;
  double value = 0.0;
};

/// Computes and stores one run, reports through `message_file`, ends the process. It dies with
/// `parent`.
[[noreturn]] void run_worker_process(const WorkerTask& task, pid_t parent, int message_file,
                                     int output_file);

}  // namespace halfulp::harness
