#include "experiments/harness/signals.h"

#include <fmt/format.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "experiments/store/io_error.h"

namespace halfulp::harness {

SignalFile::SignalFile() {
  sigset_t watched;
  ::sigemptyset(&watched);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    ::sigaddset(&watched, signal);
  }
  file_ = ::signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
  if (file_ < 0) {
    throw IoError(fmt::format("cannot watch signals: {}", std::strerror(errno)));
  }
  ::sigprocmask(SIG_BLOCK, &watched, &before_);
}

SignalFile::~SignalFile() {
  while (next() != 0) {  // one that arrived too late to matter must not kill us now
  }
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  ::close(file_);
}

int SignalFile::next() const {
  signalfd_siginfo info{};
  return ::read(file_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)
             ? static_cast<int>(info.ssi_signo)
             : 0;
}

}  // namespace halfulp::harness
