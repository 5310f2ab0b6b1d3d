#include "experiments/harness/progress.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "experiments/harness/estimate.h"

namespace halfulp::harness {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kRedrawEvery{100};
constexpr std::chrono::seconds kStatusEvery{60};

std::string cut(std::string line, int columns) {
  if (static_cast<int>(line.size()) > columns) {
    line.resize(static_cast<std::size_t>(std::max(columns - 1, 0)));
    line += columns > 0 ? "~" : "";
  }
  return line;
}

std::string counts(const ProgressState& state) {
  std::string text;
  if (state.diverged > 0) {
    text += fmt::format("  {} diverged", state.diverged);
  }
  if (state.failed > 0) {
    text += fmt::format("  {} failed", state.failed);
  }
  return text;
}

std::string bar_line(const ProgressState& state, int columns) {
  const std::size_t ended = state.done + state.failed;
  const std::size_t percent = state.total == 0 ? 100 : 100 * ended / state.total;
  const std::string right =
      fmt::format("  {}/{}  {}%{}", ended, state.total, percent, counts(state));
  const std::string name = cut(state.name, std::max(columns / 3, 8));
  const int width = std::clamp(columns - static_cast<int>(name.size() + right.size()) - 4, 0, 40);
  if (width < 5) {
    return cut(name + right, columns);
  }
  const auto filled = state.total == 0 ? static_cast<std::size_t>(width)
                                       : static_cast<std::size_t>(width) * ended / state.total;
  return fmt::format("{}  [{}{}]{}", name, std::string(filled, '#'),
                     std::string(static_cast<std::size_t>(width) - filled, '-'), right);
}

std::string remaining_text(const ProgressState& state, const std::string& finish_clock) {
  if (state.stopping) {
    return "stopping; Ctrl-C once more to kill what runs";
  }
  if (!state.eta_seconds) {
    return "time left: not known yet";
  }
  return fmt::format("about {} left, finished at {}", describe_duration(*state.eta_seconds),
                     finish_clock);
}

std::string active_line(const ProgressState::Active& active, int columns) {
  const std::string right = active.total > 0
                                ? fmt::format("  step {}/{}  {} {:.4g}", active.done, active.total,
                                              active.value_name, active.value)
                                : std::string("  starting");
  const int room = columns - static_cast<int>(right.size());
  std::string left = fmt::format("  {}  {}", active.id.substr(0, 8), active.label);
  if (static_cast<int>(left.size()) > room) {
    left = fmt::format("  {}  {}", active.id.substr(0, 8), active.values);
  }
  return room < 14 ? cut(left + right, columns)
                   : fmt::format("{:<{}}{}", cut(left, room), room, right);
}

class BarDisplay final : public ProgressDisplay {
 public:
  void event(const std::string& line, bool important) override {
    if (important) {
      erase();
      std::fputs((line + "\n").c_str(), stderr);
      draw();
    }
  }

  bool is_due() const override { return Clock::now() - last_ >= kRedrawEvery; }

  void update(const ProgressState& state) override {
    last_ = Clock::now();
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    // One column less than the terminal has: a full line would wrap on some.
    const int columns = (known ? size.ws_col : 80) - 1;
    const int rows = known && size.ws_row > 0 ? size.ws_row - 1 : 23;
    erase();
    lines_ = render_block(state, columns, rows,
                          state.eta_seconds ? clock_after(*state.eta_seconds) : "");
    draw();
  }

  void finish() override {
    erase();
    lines_.clear();
    flush();
  }

 private:
  /// Moves to the first line of the block and clears from there to the end of the screen.
  void erase() {
    if (!lines_.empty()) {
      buffer_ += "\r";
      buffer_ += lines_.size() > 1 ? fmt::format("\x1b[{}A", lines_.size() - 1) : "";
      buffer_ += "\x1b[J";
    }
    flush();
  }

  /// Leaves the cursor at the start of the last line, where the "^C" of a terminal cannot wrap.
  void draw() {
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      buffer_ += lines_[i];
      buffer_ += i + 1 < lines_.size() ? "\n" : "\r";
    }
    flush();
  }

  void flush() {
    std::fputs(buffer_.c_str(), stderr);
    std::fflush(stderr);
    buffer_.clear();
  }

  Clock::time_point last_{};
  std::vector<std::string> lines_;
  std::string buffer_;
};

class PlainDisplay final : public ProgressDisplay {
 public:
  void event(const std::string& line, bool) override {
    fmt::print(stderr, "{}\n", line);
    std::fflush(stderr);
  }

  bool is_due() const override { return Clock::now() - last_ >= kStatusEvery; }

  void update(const ProgressState& state) override {
    last_ = Clock::now();
    event(render_line(state, state.eta_seconds ? clock_after(*state.eta_seconds) : ""), false);
  }

  void finish() override {}

 private:
  Clock::time_point last_ = Clock::now();
};

class NoDisplay final : public ProgressDisplay {
 public:
  void event(const std::string& line, bool important) override {
    if (important) {
      fmt::print(stderr, "{}\n", line);
    }
  }

  bool is_due() const override { return false; }

  void update(const ProgressState&) override {}

  void finish() override {}
};

}  // namespace

std::vector<std::string> render_block(const ProgressState& state, int columns, int rows,
                                      const std::string& finish_clock) {
  std::vector<std::string> lines = {bar_line(state, columns),
                                    cut(remaining_text(state, finish_clock), columns)};
  const auto room = static_cast<std::size_t>(std::max(rows - 2, 0));
  const std::size_t shown = state.active.size() <= room ? state.active.size() : room - (room > 0);
  for (std::size_t i = 0; i < shown; ++i) {
    lines.push_back(active_line(state.active[i], columns));
  }
  if (shown < state.active.size() && room > 0) {
    lines.push_back(cut(fmt::format("  and {} more", state.active.size() - shown), columns));
  }
  return lines;
}

std::string render_line(const ProgressState& state, const std::string& finish_clock) {
  std::string text = fmt::format("{} of {} runs done", state.done, state.total);
  text += state.diverged > 0 ? fmt::format(", {} of them diverged", state.diverged) : "";
  text += state.failed > 0 ? fmt::format(", {} failed", state.failed) : "";
  text += fmt::format(", {} running; {}", state.active.size(), remaining_text(state, finish_clock));
  return text;
}

std::string clock_after(double seconds) {
  const std::time_t now = std::time(nullptr);
  const std::tm today = fmt::localtime(now);
  const std::tm then = fmt::localtime(now + static_cast<std::time_t>(seconds));
  const bool same_day = today.tm_yday == then.tm_yday && today.tm_year == then.tm_year;
  return same_day ? fmt::format("{:%H:%M}", then) : fmt::format("{:%a %H:%M}", then);
}

std::unique_ptr<ProgressDisplay> make_progress(ProgressMode mode) {
  if (mode == ProgressMode::automatic) {
    mode = ::isatty(STDERR_FILENO) != 0 ? ProgressMode::bar : ProgressMode::plain;
  }
  if (mode == ProgressMode::bar) {
    return std::make_unique<BarDisplay>();
  }
  if (mode == ProgressMode::plain) {
    return std::make_unique<PlainDisplay>();
  }
  return std::make_unique<NoDisplay>();
}

}  // namespace halfulp::harness
