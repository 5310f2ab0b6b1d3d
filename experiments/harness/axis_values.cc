#include "experiments/harness/axis_values.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "experiments/harness/schema.h"
#include "sim/elementary.h"
#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp::harness {

namespace {

constexpr std::int64_t kLongestAxis = 1'000'000;
constexpr int kRangeDigits = 12;
constexpr int kRandomDigits = 6;

double round_decimal(double value, int digits) {
  const std::string text = fmt::format("{:.{}g}", value, digits);
  double rounded = value;
  std::from_chars(text.data(), text.data() + text.size(), rounded);
  return rounded;
}

std::optional<double> number(const TomlNode& node) {
  if (node.type == TomlType::integer) {
    return static_cast<double>(node.integer);
  }
  return node.type == TomlType::real && std::isfinite(node.real) ? std::optional(node.real)
                                                                 : std::nullopt;
}

TomlNode number_node(double value, const Location& at) {
  TomlNode node;
  node.at = at;
  if (value == std::trunc(value) && std::fabs(value) < 1e15) {
    node.type = TomlType::integer;
    node.integer = static_cast<std::int64_t>(value);
  } else {
    node.type = TomlType::real;
    node.real = value;
  }
  return node;
}

const TomlEntry* find(const TomlNode& table, std::string_view key) {
  const auto found = std::find_if(table.entries.begin(), table.entries.end(),
                                  [&](const TomlEntry& entry) { return entry.key == key; });
  return found == table.entries.end() ? nullptr : &*found;
}

/// Refuses keys other than `known`; true when there were none.
bool only_keys(const std::string& key, const TomlNode& table, const std::vector<std::string>& known,
               Diagnostics& diagnostics) {
  bool good = true;
  for (const TomlEntry& entry : table.entries) {
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      diagnostics.error(entry.at,
                        fmt::format("{}: {} (known: {})", key, unknown_key(entry.key, known),
                                    fmt::join(known, ", ")));
      good = false;
    }
  }
  return good;
}

/// The numbers of a list of `size`, or nothing after a complaint that shows `form`.
std::optional<std::vector<double>> numbers(const std::string& key, const TomlEntry& entry,
                                           std::size_t size, const char* form,
                                           Diagnostics& diagnostics) {
  std::vector<double> out;
  for (const TomlNode& item : entry.value.items) {
    if (const auto value = number(item)) {
      out.push_back(*value);
    }
  }
  if (out.size() != size || entry.value.items.size() != size) {
    diagnostics.error(entry.value.at, fmt::format("{}: expected {{ {} }}", key, form));
    return std::nullopt;
  }
  return out;
}

std::vector<TomlNode> linear_range(const std::string& key, const TomlNode& range,
                                   Diagnostics& diagnostics) {
  const char* form =
      "expected { start = a, stop = b, num = n } or { start = a, stop = b, step = s }";
  const TomlEntry *start = find(range, "start"), *stop = find(range, "stop");
  const TomlEntry *num = find(range, "num"), *step = find(range, "step");
  const TomlEntry* spacing = num != nullptr ? num : step;
  if (start == nullptr || stop == nullptr || spacing == nullptr ||
      (num != nullptr && step != nullptr) || !number(start->value) || !number(stop->value) ||
      !number(spacing->value)) {
    diagnostics.error(range.at, fmt::format("{}: {}", key, form));
    return {};
  }
  const double first = *number(start->value), last = *number(stop->value);
  const double given = *number(spacing->value);
  double count = given;
  if (step != nullptr) {
    // A step of 0.1 from 0 to 0.3 takes four values, although 3 x 0.1 is above 0.3 in binary64.
    count = given == 0.0 ? 0.0 : std::floor((last - first) / given * (1 + 1e-12) + 1e-12) + 1;
  }
  if (!(count >= 1) || count > static_cast<double>(kLongestAxis) || count != std::trunc(count)) {
    diagnostics.error(spacing->value.at, fmt::format("{}: {} = {} gives no axis from {} to {}", key,
                                                     spacing->key, given, first, last));
    return {};
  }
  std::vector<TomlNode> values;
  for (int i = 0; i < static_cast<int>(count); ++i) {
    double value = first;
    if (step != nullptr) {
      value = first + i * given;
    } else if (i > 0) {
      value = first + (last - first) * i / (count - 1);
    }
    values.push_back(number_node(round_decimal(value, kRangeDigits), range.at));
  }
  return values;
}

std::vector<TomlNode> log_range(const std::string& key, const TomlEntry& entry,
                                Diagnostics& diagnostics) {
  const auto list = numbers(key, entry, 3, "logspace = [first, last, count]", diagnostics);
  if (!list) {
    return {};
  }
  const double first = (*list)[0], last = (*list)[1], count = (*list)[2];
  if (first <= 0 || last <= 0 || !(count >= 2) || count > static_cast<double>(kLongestAxis) ||
      count != std::trunc(count)) {
    diagnostics.error(entry.value.at,
                      fmt::format("{}: logspace needs ends above 0 and a whole count "
                                  "of at least 2",
                                  key));
    return {};
  }
  const double low = pinned_log(first), high = pinned_log(last);
  std::vector<TomlNode> values;
  for (int i = 0; i < static_cast<int>(count); ++i) {
    const double exact = pinned_exp(low + (high - low) * i / (count - 1));
    const bool is_last = i + 1 == static_cast<int>(count);
    const double inner = is_last ? last : round_decimal(exact, kRangeDigits);
    values.push_back(number_node(i == 0 ? first : inner, entry.value.at));
  }
  return values;
}

std::vector<TomlNode> power_range(const std::string& key, const TomlEntry& entry,
                                  Diagnostics& diagnostics) {
  const auto list = numbers(key, entry, 2, "pow2 = [a, b]", diagnostics);
  if (!list) {
    return {};
  }
  const double first = (*list)[0], last = (*list)[1];
  if (first != std::trunc(first) || last != std::trunc(last) || first > last || first < -60 ||
      last > 60) {
    diagnostics.error(
        entry.value.at,
        fmt::format("{}: pow2 = [a, b] needs whole exponents with -60 <= a <= b <= 60", key));
    return {};
  }
  std::vector<TomlNode> values;
  for (int e = static_cast<int>(first); e <= static_cast<int>(last); ++e) {
    TomlNode node = number_node(std::ldexp(1.0, e), entry.value.at);
    if (e >= 0) {
      node.type = TomlType::integer;
      node.integer = std::int64_t{1} << e;
    }
    values.push_back(node);
  }
  return values;
}

RandomStream stream_of(const std::string& key, std::uint64_t seed) {
  RandomStream stream;
  stream.seed = seed;
  stream.stream = static_cast<std::uint32_t>(RandomPurpose::sweep);
  stream.tensor = XXH32(key.data(), key.size(), 0);
  return stream;
}

std::vector<TomlNode> random_reals(const TomlEntry& entry, double low, double high, std::int64_t n,
                                   const RandomStream& stream) {
  const bool logarithmic = entry.key == "log_uniform";
  std::vector<TomlNode> values;
  for (std::int64_t i = 0; i < n; ++i) {
    const double unit = random_unit(stream, static_cast<std::uint64_t>(i));
    double value = low + (high - low) * unit;
    if (logarithmic) {
      const double log_low = pinned_log(low), log_high = pinned_log(high);
      value = pinned_exp(log_low + (log_high - log_low) * unit);
    }
    value = std::clamp(round_decimal(value, kRandomDigits), low, high);
    values.push_back(number_node(value, entry.value.at));
  }
  return values;
}

}  // namespace

std::vector<TomlNode> range_values(const std::string& key, const TomlNode& range,
                                   Diagnostics& diagnostics) {
  const std::vector<std::string> known = {"start", "stop", "num", "step", "logspace", "pow2"};
  if (!only_keys(key, range, known, diagnostics)) {
    return {};
  }
  const TomlEntry *logspace = find(range, "logspace"), *pow2 = find(range, "pow2");
  if (range.entries.size() == 1 && logspace != nullptr) {
    return log_range(key, *logspace, diagnostics);
  }
  if (range.entries.size() == 1 && pow2 != nullptr) {
    return power_range(key, *pow2, diagnostics);
  }
  return linear_range(key, range, diagnostics);
}

std::vector<TomlNode> random_values(const std::string& key, const TomlNode& distribution,
                                    std::int64_t n, std::uint64_t seed, Diagnostics& diagnostics) {
  const std::vector<std::string> known = {"uniform", "log_uniform", "integer", "choice"};
  if (distribution.type != TomlType::table || distribution.entries.size() != 1) {
    diagnostics.error(distribution.at,
                      fmt::format("{}: expected one distribution: {{ uniform = [a, b] }}, "
                                  "{{ log_uniform = [a, b] }}, {{ integer = [a, b] }} or "
                                  "{{ choice = [...] }}",
                                  key));
    return {};
  }
  if (!only_keys(key, distribution, known, diagnostics)) {
    return {};
  }
  const TomlEntry& entry = distribution.entries.front();
  const RandomStream stream = stream_of(key, seed);
  std::vector<TomlNode> values;
  if (entry.key == "choice") {
    const auto& items = entry.value.items;
    if (items.empty()) {
      diagnostics.error(entry.value.at, fmt::format("{}: choice needs a list of values", key));
      return {};
    }
    for (std::int64_t i = 0; i < n; ++i) {
      values.push_back(items[random_below(stream, static_cast<std::uint64_t>(i), items.size())]);
    }
    return values;
  }
  const auto ends = numbers(key, entry, 2, (entry.key + " = [low, high]").c_str(), diagnostics);
  if (!ends) {
    return {};
  }
  const double low = (*ends)[0], high = (*ends)[1];
  const bool whole = low == std::trunc(low) && high == std::trunc(high);
  if (low > high || (entry.key == "log_uniform" && low <= 0) ||
      (entry.key == "integer" && !whole)) {
    diagnostics.error(entry.value.at, fmt::format("{}: {} needs low <= high{}", key, entry.key,
                                                  entry.key == "integer" ? ", both whole numbers"
                                                  : entry.key == "log_uniform" ? ", both above 0"
                                                                               : ""));
    return {};
  }
  if (entry.key != "integer") {
    return random_reals(entry, low, high, n, stream);
  }
  const auto bound = static_cast<std::uint64_t>(high - low) + 1;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint64_t draw = random_below(stream, static_cast<std::uint64_t>(i), bound);
    values.push_back(number_node(low + static_cast<double>(draw), entry.value.at));
  }
  return values;
}

}  // namespace halfulp::harness
