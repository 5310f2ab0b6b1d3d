// The content hash: what two results files must share to be the same finding. The byte stream that
// is hashed is written down in docs/RESULTS.md.
#include "experiments/store/content.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <set>
#include <vector>

#include "experiments/store/atomic_file.h"
#include "experiments/store/checksum.h"
#include "experiments/store/config_text.h"
#include "experiments/store/counters.h"
#include "experiments/store/io_error.h"
#include "experiments/store/layout.h"
#include "experiments/store/resolved_text.h"
#include "experiments/store/run_record.h"

namespace halfulp {
namespace {

using hdf5::Handle;

// Every item starts with a letter for its kind. Integers are 8 bytes little-endian, reals their
// binary64 bits (one NaN), text its length and bytes.
void append(std::string& stream, std::uint64_t value) {
  for (int byte = 0; byte < 8; ++byte) stream += static_cast<char>(value >> (8 * byte) & 0xff);
}

void append(std::string& stream, const std::string& text) {
  append(stream, text.size());
  stream += text;
}

void append(std::string& stream, double value) {
  constexpr std::uint64_t kQuietNan = 0x7ff8000000000000;
  append(stream, std::isnan(value) ? kQuietNan : std::bit_cast<std::uint64_t>(value));
}

Handle open_dataset(hid_t group, const std::string& name) {
  return Handle(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose,
                "open dataset '" + name + "'");
}

bool is_reproducible(hid_t group, const std::string& name) {
  return hdf5::integer_attribute(open_dataset(group, name), "reproducible") != 0;
}

// A key that cannot change a number, such as a path. Files of version 1 do not say; there every key
// counts.
bool is_idle_key(hid_t group, const std::string& name) {
  const Handle dataset = open_dataset(group, name);
  return hdf5::has_attribute(dataset, kChangesNumbers) &&
         hdf5::integer_attribute(dataset, kChangesNumbers) == 0;
}

std::vector<std::string> sorted_names(hid_t group) {
  auto names = hdf5::member_names(group);
  std::sort(names.begin(), names.end());
  return names;
}

void check_length(std::size_t length, std::size_t expected, const std::string& name) {
  if (length != expected) throw hdf5::Error("dataset '" + name + "' has a wrong shape");
}

// A missing value (NaN, empty text) adds nothing: a run's bytes do not depend on the other runs.
// Numbers are hashed as binary64, because a column of integers becomes real when a run lacks it.
void append_cell(std::string& stream, const std::string& name, const std::string& text) {
  if (text.empty()) return;
  stream += 't';
  append(stream, name);
  append(stream, text);
}

void append_cell(std::string& stream, const std::string& name, double number) {
  if (std::isnan(number)) return;
  stream += 'n';
  append(stream, name);
  append(stream, number);
}

void append_columns(hid_t file, std::vector<std::string>& streams) {
  const Handle group = hdf5::open_group(file, "runs");
  for (const auto& name : sorted_names(group)) {
    if (!is_reproducible(group, name) || is_idle_key(group, name)) continue;
    const hdf5::Array column = hdf5::read_array(group, name);
    std::visit(
        [&](const auto& elements) {
          check_length(elements.size(), streams.size(), name);
          for (std::size_t run = 0; run < streams.size(); ++run) {
            if constexpr (std::is_same_v<std::decay_t<decltype(elements)>,
                                         std::vector<std::string>>) {
              append_cell(streams[run], name, elements[run]);
            } else {
              append_cell(streams[run], name, static_cast<double>(elements[run]));
            }
          }
        },
        column.elements);
  }
}

// The lines of a canonical configuration without those of idle keys.
std::string without_keys(const std::string& toml, const std::set<std::string>& lines_of) {
  std::string kept;
  for (std::size_t start = 0; start < toml.size();) {
    const std::size_t end = std::min(toml.find('\n', start), toml.size() - 1) + 1;
    const std::string line = toml.substr(start, end - start);
    if (!lines_of.contains(line.substr(0, line.find(" = ")))) kept += line;
    start = end;
  }
  return kept;
}

void append_configurations(hid_t file, std::vector<std::string>& streams) {
  const Handle group = hdf5::open_group(file, "config");
  const auto resolved = read_resolved(group);
  check_length(resolved.size(), streams.size(), "resolved_toml");
  const Handle runs = hdf5::open_group(file, "runs");
  std::set<std::string> idle;
  for (const auto& name : hdf5::member_names(runs)) {
    if (is_idle_key(runs, name)) idle.insert(toml_key(name));
  }
  for (std::size_t run = 0; run < streams.size(); ++run) {
    streams[run] += 'r';
    append(streams[run], without_keys(resolved[run], idle));
  }
}

void append_curve(hid_t group, const std::string& name, std::vector<std::string>& streams) {
  const auto n_points = hdf5::read_vector<std::int64_t>(group, name + "_n_points");
  const auto axis = hdf5::read_vector<std::int64_t>(group, name + "_step");
  const auto values = std::get<std::vector<double>>(hdf5::read_array(group, name).elements);
  const std::size_t width = axis.size();
  const std::size_t runs = streams.size();
  std::vector<std::int64_t> steps;
  if (hdf5::has_member(group, name + "_steps")) {
    steps = std::get<std::vector<std::int64_t>>(hdf5::read_array(group, name + "_steps").elements);
    check_length(steps.size(), runs * width, name + "_steps");
  }
  check_length(n_points.size(), runs, name + "_n_points");
  check_length(values.size(), runs * width, name);
  for (std::size_t run = 0; run < runs; ++run) {
    const auto points = static_cast<std::size_t>(n_points[run]);
    if (points > width) throw hdf5::Error("curve '" + name + "' has more points than columns");
    if (points == 0) continue;
    streams[run] += 'c';
    append(streams[run], name);
    append(streams[run], points);
    for (std::size_t i = 0; i < points; ++i) {
      const std::int64_t step = steps.empty() ? axis[i] : steps[run * width + i];
      append(streams[run], static_cast<std::uint64_t>(step));
      append(streams[run], values[run * width + i]);
    }
  }
}

void append_curves(hid_t file, std::vector<std::string>& streams) {
  const Handle group = hdf5::open_group(file, "curves");
  for (const auto& name : sorted_names(group)) {
    if (hdf5::has_member(group, name + "_n_points")) append_curve(group, name, streams);
  }
}

/// The values of one counter that are there, tensor by tensor.
void append_counter(const std::string& name, const MergedCounters& counters,
                    std::vector<std::string>& streams) {
  const auto& values = counters.values.at(name);
  const std::size_t steps = counters.steps.size(), tensors = counters.tensors.size();
  std::vector<std::size_t> order(tensors);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return counters.tensors[a] < counters.tensors[b];
  });
  for (std::size_t run = 0; run < streams.size(); ++run) {
    for (const std::size_t tensor : order) {
      for (std::size_t step = 0; step < steps; ++step) {
        const double value = values[(run * steps + step) * tensors + tensor];
        if (std::isnan(value)) continue;
        streams[run] += 'k';
        append(streams[run], name);
        append(streams[run], counters.tensors[tensor].first);
        append(streams[run], counters.tensors[tensor].second);
        append(streams[run], static_cast<std::uint64_t>(counters.steps[step]));
        append(streams[run], value);
      }
    }
  }
}

void append_counters(hid_t file, std::vector<std::string>& streams) {
  if (!hdf5::has_member(file, "counters")) return;
  const MergedCounters counters = read_merged_counters(file, streams.size());
  for (const auto& [name, values] : counters.values) append_counter(name, counters, streams);
}

}  // namespace

std::string content_hash_of(hid_t file) {
  std::vector<std::pair<std::string, std::string>> digests;
  {
    const Handle runs = hdf5::open_group(file, "runs");
    const auto ids = hdf5::read_vector<std::string>(runs, "run_id");
    std::vector<std::string> streams(ids.size());
    append_columns(file, streams);
    append_curves(file, streams);
    append_counters(file, streams);
    append_configurations(file, streams);
    for (std::size_t run = 0; run < ids.size(); ++run) {
      digests.emplace_back(ids[run], xxh3_128_hex(streams[run]));
    }
  }
  std::sort(digests.begin(), digests.end());
  std::string lines = "halfulp-results 1\n";
  for (const auto& [id, digest] : digests) lines += fmt::format("{} {}\n", id, digest);
  return xxh3_128_hex(lines);
}

std::string content_hash(const std::string& path) {
  const std::string bytes = read_file(path);
  const Unsealed file = unseal(bytes);
  if (file.seal == Seal::broken) throw IoError(path + ": damaged (its checksum does not match)");
  try {
    const Handle handle = hdf5::open_image(file.content);
    if (hdf5::text_attribute(handle, "schema") != kResultsSchema) {
      throw hdf5::Error("not a merged results file");
    }
    return content_hash_of(handle);
  } catch (const hdf5::Error& error) {
    throw IoError(path + ": " + error.what());
  }
}

}  // namespace halfulp
