#include "experiments/harness/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace halfulp::harness {

std::string to_text(const Location& location) {
  if (location.line == 0) {
    return location.file;
  }
  return fmt::format("{}:{}:{}", location.file, location.line, location.column);
}

void Diagnostics::error(const Location& where, const std::string& message) {
  errors_.push_back({where, message});
}

std::vector<std::string> Diagnostics::lines() const {
  std::vector<std::string> files;
  const auto rank = [&](const std::string& file) {
    return std::find(files.begin(), files.end(), file) - files.begin();
  };
  for (const Entry& entry : errors_) {
    if (rank(entry.where.file) == static_cast<std::ptrdiff_t>(files.size())) {
      files.push_back(entry.where.file);
    }
  }
  std::vector<Entry> sorted = errors_;
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Entry& a, const Entry& b) {
    return std::tuple(rank(a.where.file), a.where.line, a.where.column) <
           std::tuple(rank(b.where.file), b.where.line, b.where.column);
  });
  std::vector<std::string> lines;
  for (const Entry& entry : sorted) {
    std::string line = to_text(entry.where) + ": " + entry.message;
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) {
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

ConfigError::ConfigError(std::vector<std::string> lines)
    : std::runtime_error(fmt::format("{}", fmt::join(lines, "\n"))), lines_(std::move(lines)) {}

void throw_if_any(const Diagnostics& diagnostics) {
  if (!diagnostics.empty()) {
    throw ConfigError(diagnostics.lines());
  }
}

}  // namespace halfulp::harness
