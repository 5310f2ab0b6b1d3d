#include "experiments/store/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "experiments/store/atomic_file.h"
#include "experiments/store/io_error.h"
#include "experiments/store/json.h"
#include "formats/codec.h"
#include "formats/named_formats.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

struct TypeRow {
  TensorType type;
  std::string_view name;
  std::string_view format;
  std::size_t bytes;
};

constexpr TypeRow kTypes[] = {{TensorType::F32, "F32", "binary32", 4},
                              {TensorType::F16, "F16", "binary16", 2},
                              {TensorType::BF16, "BF16", "bfloat16", 2},
                              {TensorType::F8_E4M3, "F8_E4M3", "e4m3fn", 1},
                              {TensorType::F8_E5M2, "F8_E5M2", "e5m2", 1}};
constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kLongestHeader = 100'000'000;  // as the format's own library
constexpr char kMetadata[] = "__metadata__";

const TypeRow& row_of(TensorType type) { return kTypes[static_cast<std::size_t>(type)]; }

std::string type_names() {
  std::string names;
  for (const TypeRow& row : kTypes) names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

std::size_t elements_of(const std::vector<std::size_t>& shape, const std::string& name) {
  std::size_t count = 1;
  for (const std::size_t size : shape) {
    if (size != 0 && count > std::numeric_limits<std::size_t>::max() / 16 / size) {
      throw IoError(fmt::format("tensor '{}' has more elements than memory", name));
    }
    count *= size;
  }
  return count;
}

void append_little_endian(std::string& bytes, std::uint64_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

std::uint64_t code_of(const NamedTensor& tensor, const Format& format, std::size_t i) {
  const float value = tensor.values[i];
  if (tensor.type == TensorType::F32) return std::bit_cast<std::uint32_t>(value);
  try {
    return static_cast<std::uint64_t>(encode(format, from_double(static_cast<double>(value))));
  } catch (const std::invalid_argument&) {
    throw IoError(fmt::format("tensor '{}': element {}, {}, is not a number of {}", tensor.name, i,
                              value, row_of(tensor.type).name));
  }
}

void append_data(std::string& bytes, const NamedTensor& tensor) {
  const TypeRow& row = row_of(tensor.type);
  const Format format = format_of(tensor.type);
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    append_little_endian(bytes, code_of(tensor, format, i), row.bytes);
  }
}

std::vector<float> read_data(std::string_view bytes, TensorType type) {
  const TypeRow& row = row_of(type);
  const Format format = format_of(type);
  std::vector<float> values(bytes.size() / row.bytes);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t code = little_endian(bytes.substr(i * row.bytes, row.bytes));
    values[i] = type == TensorType::F32 ? std::bit_cast<float>(static_cast<std::uint32_t>(code))
                                        : static_cast<float>(to_double(decode(format, code)));
  }
  return values;
}

/// A tensor of the header, with where its data is.
struct Entry {
  NamedTensor tensor;
  std::size_t begin = 0, end = 0;
};

std::size_t size_of(const Json& json, const std::string& what) {
  const std::int64_t value = json_integer(json, what);
  if (value < 0) throw IoError(fmt::format("{} is negative", what));
  return static_cast<std::size_t>(value);
}

Entry read_entry(const std::string& name, const Json& json) {
  Entry entry;
  entry.tensor.name = name;
  bool has_type = false, has_shape = false, has_offsets = false;
  for (const auto& [key, value] : json_object(json, fmt::format("tensor '{}'", name)).items()) {
    const std::string what = fmt::format("{} of tensor '{}'", key, name);
    if (key == "dtype") {
      has_type = true;
      entry.tensor.type = parse_tensor_type(json_string(value, what));
    } else if (key == "shape") {
      has_shape = true;
      for (const Json& size : json_array(value, what)) {
        entry.tensor.shape.push_back(size_of(size, what));
      }
    } else if (key == "data_offsets") {
      has_offsets = true;
      const Json& offsets = json_array(value, what);
      if (offsets.size() != 2) throw IoError(what + " are not two");
      entry.begin = size_of(offsets[0], what);
      entry.end = size_of(offsets[1], what);
    } else {
      throw IoError("unknown key " + what);
    }
  }
  if (!has_type || !has_shape || !has_offsets) {
    throw IoError(fmt::format("tensor '{}' lacks dtype, shape or data_offsets", name));
  }
  return entry;
}

std::string header_of(const Safetensors& content) {
  std::string header = "{";
  const auto separate = [&] { header += header.size() > 1 ? "," : ""; };
  if (!content.metadata.empty()) {
    std::string items;
    for (const auto& [key, value] : content.metadata) {
      items += (items.empty() ? "" : ",") + json_text(key) + ":" + json_text(value);
    }
    header += fmt::format("\"{}\":{{{}}}", kMetadata, items);
  }
  std::set<std::string> names = {kMetadata};
  std::size_t offset = 0;
  for (const NamedTensor& tensor : content.tensors) {
    if (!names.insert(tensor.name).second) {
      throw IoError(fmt::format("tensor '{}' is there twice", tensor.name));
    }
    if (elements_of(tensor.shape, tensor.name) != tensor.values.size()) {
      throw IoError(fmt::format("tensor '{}': the shape is not that of the values", tensor.name));
    }
    const TypeRow& row = row_of(tensor.type);
    const std::size_t end = offset + tensor.values.size() * row.bytes;
    separate();
    header +=
        fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                    json_text(tensor.name), row.name, fmt::join(tensor.shape, ","), offset, end);
    offset = end;
  }
  header += "}";
  // Data that starts at a multiple of 8 can be mapped into memory.
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return header;
}

}  // namespace

std::string_view to_string(TensorType type) { return row_of(type).name; }

TensorType parse_tensor_type(std::string_view text) {
  for (const TypeRow& row : kTypes) {
    if (row.name == text) return row.type;
  }
  throw IoError(fmt::format("tensors of type '{}' are not read (known: {})", text, type_names()));
}

Format format_of(TensorType type) { return parse_format(row_of(type).format); }

std::string encode_safetensors(const Safetensors& content) {
  const std::string header = header_of(content);
  std::string bytes;
  append_little_endian(bytes, header.size(), kLengthBytes);
  bytes += header;
  for (const NamedTensor& tensor : content.tensors) append_data(bytes, tensor);
  return bytes;
}

Safetensors decode_safetensors(std::string_view bytes) {
  if (bytes.size() < kLengthBytes) throw IoError("shorter than a header's length");
  const std::uint64_t length = little_endian(bytes.substr(0, kLengthBytes));
  if (length > kLongestHeader || length > bytes.size() - kLengthBytes) {
    throw IoError("the header is longer than the file, or than 100 MB");
  }
  const std::string_view header = bytes.substr(kLengthBytes, length);
  const std::string_view data = bytes.substr(kLengthBytes + length);
  Safetensors content;
  std::vector<Entry> entries;
  const Json json = parse_json(header);
  for (const auto& [name, value] : json_object(json, "the header").items()) {
    if (name != kMetadata) {
      entries.push_back(read_entry(name, value));
      continue;
    }
    for (const auto& [key, text] : json_object(value, kMetadata).items()) {
      content.metadata[key] = json_string(text, "metadata " + key);
    }
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
  std::size_t offset = 0;
  for (Entry& entry : entries) {
    NamedTensor& tensor = entry.tensor;
    const std::size_t size = elements_of(tensor.shape, tensor.name) * row_of(tensor.type).bytes;
    if (entry.begin != offset || entry.end < entry.begin || entry.end - entry.begin != size ||
        entry.end > data.size()) {
      throw IoError(
          fmt::format("tensor '{}': its data is not where or what the header says", tensor.name));
    }
    tensor.values = read_data(data.substr(entry.begin, size), tensor.type);
    offset = entry.end;
    content.tensors.push_back(std::move(tensor));
  }
  if (offset != data.size()) throw IoError("there is data after the last tensor");
  return content;
}

void write_safetensors(const std::string& path, const Safetensors& content) {
  try {
    replace_file(path, encode_safetensors(content));
  } catch (const IoError& error) {
    if (std::string_view(error.what()).starts_with(path)) throw;
    throw IoError(fmt::format("{}: {}", path, error.what()));
  }
}

Safetensors read_safetensors(const std::string& path) {
  const std::string bytes = read_file(path);
  try {
    return decode_safetensors(bytes);
  } catch (const IoError& error) {
    throw IoError(fmt::format("{}: no weights in safetensors format: {}", path, error.what()));
  }
}

}  // namespace halfulp
