// Complaints about a configuration, collected so that one pass reports them all.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace halfulp::harness {

/// A place in a text. `file` alone (line 0) stands for the whole file, or for a command-line
/// argument.
struct Location {
  std::string file;
  int line = 0;    ///< 1-based; 0: no line
  int column = 0;  ///< 1-based
};

/// "FILE:LINE:COLUMN", or "FILE" when there is no line.
std::string to_text(const Location& location);

class Diagnostics {
 public:
  void error(const Location& where, const std::string& message);

  bool empty() const { return errors_.empty(); }

  /// One line for each complaint, in the order of files first named, then of lines and columns;
  /// equal lines once.
  std::vector<std::string> lines() const;

 private:
  struct Entry {
    Location where;
    std::string message;
  };

  std::vector<Entry> errors_;
};

/// A user's mistake that ends the program with exit code 2; one line each.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(std::vector<std::string> lines);

  explicit ConfigError(const std::string& line) : ConfigError(std::vector<std::string>{line}) {}

  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

/// Throws ConfigError when there are complaints.
void throw_if_any(const Diagnostics& diagnostics);

}  // namespace halfulp::harness
