#include "experiments/harness/worker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "experiments/harness/worker_process.h"
#include "experiments/store/io_error.h"

namespace halfulp::harness {

namespace {

constexpr std::size_t kKeptOutput = 4000;

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw IoError(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  return ends;
}

/// Reads what is there; false at the end of the pipe.
bool read_available(int file, std::string& into) {
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t count = ::read(file, buffer.data(), buffer.size());
    if (count > 0) {
      into.append(buffer.data(), static_cast<std::size_t>(count));
    } else if (count == 0) {
      return false;
    } else if (errno != EINTR) {
      return errno == EAGAIN;
    }
  }
}

}  // namespace

Worker::Worker(const WorkerTask& task) {
  const auto [message_read, message_write] = make_pipe();
  const auto [output_read, output_write] = make_pipe();
  // What is buffered now would otherwise be printed by both processes.
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) {
    ::close(message_read);
    ::close(output_read);
    run_worker_process(task, parent, message_write, output_write);
  }
  const int error = errno;
  ::close(message_write);
  ::close(output_write);
  message_file_ = message_read;
  output_file_ = output_read;
  if (process_ < 0) {
    ::close(message_file_);
    ::close(output_file_);
    throw IoError(fmt::format("cannot start a worker process: {}", std::strerror(error)));
  }
  ::fcntl(message_file_, F_SETFL, O_NONBLOCK);
  ::fcntl(output_file_, F_SETFL, O_NONBLOCK);
}

Worker::~Worker() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  ::close(message_file_);
  ::close(output_file_);
}

std::vector<Message> Worker::read_messages() {
  is_finished_ = !read_available(message_file_, unread_);
  std::vector<Message> messages;
  MessageHeader header;
  while (unread_.size() >= sizeof header) {
    std::memcpy(&header, unread_.data(), sizeof header);
    if (unread_.size() < sizeof header + header.text_size) {
      break;
    }
    messages.push_back({header.type, header.done, header.total, header.value,
                        unread_.substr(sizeof header, header.text_size)});
    unread_.erase(0, sizeof header + header.text_size);
  }
  return messages;
}

void Worker::read_output() {
  read_available(output_file_, output_);
  if (output_.size() > kKeptOutput) {
    output_.erase(0, output_.size() - kKeptOutput);
  }
}

void Worker::send_signal(int signal) const {
  if (process_ > 0) {
    ::kill(process_, signal);
  }
}

std::string Worker::wait() {
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return fmt::format("killed by SIG{} ({}{})", ::sigabbrev_np(signal), ::strsignal(signal),
                       signal == SIGKILL ? ", perhaps for want of memory" : "");
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return code == 0 ? "" : fmt::format("the worker ended with code {} and no result", code);
}

}  // namespace halfulp::harness
