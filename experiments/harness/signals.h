// Signals as something to poll, so that no handler ever runs in the middle of our code.
#pragma once

#include <signal.h>

namespace halfulp::harness {

/// Blocks SIGINT, SIGTERM and SIGHUP for its lifetime and offers them as a file.
class SignalFile {
 public:
  /// Throws IoError.
  SignalFile();
  ~SignalFile();
  SignalFile(const SignalFile&) = delete;
  SignalFile& operator=(const SignalFile&) = delete;

  int file() const { return file_; }

  /// The next signal that has arrived, or 0.
  int next() const;

 private:
  sigset_t before_;
  int file_;
};

}  // namespace halfulp::harness
