// Weights in the safetensors format (huggingface.co/docs/safetensors): 8 bytes of header length,
// little-endian; a JSON header of names, types, shapes and offsets; the raw tensors one after the
// other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "formats/format.h"

namespace halfulp {

/// Types of elements that are read and written; the enumerator is the name in files.
enum class TensorType : std::uint8_t { F32, F16, BF16, F8_E4M3, F8_E5M2 };

std::string_view to_string(TensorType type);
/// Throws IoError, naming the types there are.
TensorType parse_tensor_type(std::string_view text);
/// binary32, binary16, bfloat16, e4m3fn, e5m2.
Format format_of(TensorType type);

struct NamedTensor {
  std::string name;
  std::vector<std::size_t> shape;  ///< row-major; empty: a scalar
  std::vector<float> values;
  TensorType type = TensorType::F32;  ///< in the file
};

struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::vector<NamedTensor> tensors;  ///< in the order of their data
};

/// Replaces `path` as write_run() does. Every NaN of a narrow type is its canonical one. Throws
/// IoError, naming the tensor, for a value that is not a number of the tensor's type, for a name
/// that is there twice and for a shape that does not fit.
void write_safetensors(const std::string& path, const Safetensors& content);

/// Values are exact. Throws IoError for everything that is not such a file: a header that is no
/// JSON or not of this form, offsets with gaps or beyond the end, types that are not listed above.
Safetensors read_safetensors(const std::string& path);

// The two halves without the file. Both throw IoError without a path.
std::string encode_safetensors(const Safetensors& content);
Safetensors decode_safetensors(std::string_view bytes);

}  // namespace halfulp
