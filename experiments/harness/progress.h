// What a person sees on standard error while a sweep runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace halfulp::harness {

enum class ProgressMode : std::uint8_t { automatic, bar, plain, none };

/// A moment of a sweep, as text needs it.
struct ProgressState {
  struct Active {
    std::string id;
    std::string label;   ///< "width=64 weight=int4 seed=1"
    std::string values;  ///< "64 int4 1", for when the label has no room
    std::int64_t done = 0;
    std::int64_t total = 0;
    double value = 0.0;
    std::string_view value_name = "loss";
  };

  std::string name;
  std::size_t total = 0;  ///< runs asked for, those that were there before included
  std::size_t done = 0;   ///< finished without failing: done and diverged
  std::size_t diverged = 0;
  std::size_t failed = 0;
  std::optional<double> eta_seconds;
  bool stopping = false;
  std::vector<Active> active;
};

/// The block of the bar display: at most `rows` lines of at most `columns` characters.
/// `finish_clock` is the time of day when all is done ("14:32"), empty when unknown.
std::vector<std::string> render_block(const ProgressState& state, int columns, int rows,
                                      const std::string& finish_clock);

/// The one-line form: "3 of 36 runs done, 1 diverged, 2 running, about 3 min 20 s left (14:32)".
std::string render_line(const ProgressState& state, const std::string& finish_clock);

/// The clock time `seconds` from now: "14:32", with the weekday when that is another day.
std::string clock_after(double seconds);

class ProgressDisplay {
 public:
  virtual ~ProgressDisplay() = default;
  /// Something a person should read once, important or not: lines of plain mode are all events; the
  /// bar shows the important ones above the block.
  virtual void event(const std::string& line, bool important) = 0;
  /// True when it is time to call update(); asking is cheap, making a ProgressState is not.
  virtual bool is_due() const = 0;
  virtual void update(const ProgressState& state) = 0;
  /// Removes the block and leaves the cursor on an empty line.
  virtual void finish() = 0;
};

/// `automatic` is a bar when standard error is a terminal, else plain.
std::unique_ptr<ProgressDisplay> make_progress(ProgressMode mode);

}  // namespace halfulp::harness
