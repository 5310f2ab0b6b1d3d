#include "experiments/harness/labels.h"

#include <fmt/format.h>

#include <algorithm>

namespace halfulp::harness {

namespace {

/// The last `parts` parts of a dotted key.
std::string tail(const std::string& key, int parts) {
  std::size_t start = key.size();
  for (int i = 0; i < parts && start != std::string::npos; ++i) {
    start = start == 0 ? std::string::npos : key.rfind('.', start - 1);
  }
  return start == std::string::npos ? key : key.substr(start + 1);
}

}  // namespace

std::vector<std::string> short_keys(const std::vector<std::string>& keys) {
  std::vector<std::string> out;
  for (const std::string& key : keys) {
    int parts = 1;
    const auto is_shared = [&](const std::string& other) {
      return other != key && tail(other, parts) == tail(key, parts);
    };
    while (tail(key, parts) != key && std::any_of(keys.begin(), keys.end(), is_shared)) {
      ++parts;
    }
    out.push_back(tail(key, parts));
  }
  return out;
}

bool is_telling(const Sweep& sweep, const Setting& setting) {
  const auto is_name = [&](const Field& field) {
    return field.key == setting.key && !field.changes_numbers;
  };
  const std::span<const Field> fields = sweep.kind->fields;
  return !setting.from_base || std::any_of(fields.begin(), fields.end(), is_name);
}

namespace {

bool is_telling_key(const Sweep& sweep, const std::string& key) {
  for (const Axis& axis : sweep.axes) {
    for (const AxisChoice& choice : axis.choices) {
      for (const Setting& setting : choice.settings) {
        if (setting.key == key && is_telling(sweep, setting)) return true;
      }
    }
  }
  return false;
}

}  // namespace

Labels::Labels(const Sweep& sweep, const Plan& plan) : several_seeds_(sweep.seeds.size() > 1) {
  std::vector<std::string> shown;
  for (const std::string& key : plan.swept_keys) {
    is_shown_.push_back(is_telling_key(sweep, key));
    if (is_shown_.back()) shown.push_back(key);
  }
  if (shown.empty()) {
    shown = plan.swept_keys;
    is_shown_.assign(shown.size(), true);
  }
  keys_ = short_keys(shown);
  if (several_seeds_) {
    keys_.emplace_back("seed");
  }
}

namespace {

/// A text value may hold anything; a terminal line may not.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

}  // namespace

std::vector<std::string> Labels::values(const RunPoint& point) const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < point.labels.size(); ++i) {
    if (is_shown_[i]) out.push_back(printable(point.labels[i].second));
  }
  if (several_seeds_) {
    out.push_back(std::to_string(point.seed));
  }
  return out;
}

std::string Labels::describe(const RunPoint& point) const {
  const auto list = values(point);
  std::string text;
  for (std::size_t i = 0; i < list.size(); ++i) {
    text += fmt::format("{}{}={}", i == 0 ? "" : " ", keys_[i], list[i]);
  }
  return text;
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line;
    text += '\n';
  }
  return text;
}

}  // namespace halfulp::harness
