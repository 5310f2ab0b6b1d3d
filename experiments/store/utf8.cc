#include "experiments/store/utf8.h"

#include <cstddef>

namespace halfulp {
namespace {

unsigned byte_at(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
}

bool in_range(unsigned value, unsigned low, unsigned high) { return value >= low && value <= high; }

// Length of the well-formed sequence at `i`, 0 when there is none (RFC 3629, section 4).
std::size_t sequence_length(std::string_view text, std::size_t i) {
  const unsigned first = byte_at(text, i);
  if (in_range(first, 0x01, 0x7f)) return 1;
  std::size_t length = 0;
  unsigned low = 0x80;  // bounds of the second byte
  unsigned high = 0xbf;
  if (in_range(first, 0xc2, 0xdf)) {
    length = 2;
  } else if (in_range(first, 0xe0, 0xef)) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (in_range(first, 0xf0, 0xf4)) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (!in_range(byte_at(text, i + 1), low, high)) return 0;
  for (std::size_t k = 2; k < length; ++k) {
    if (!in_range(byte_at(text, i + k), 0x80, 0xbf)) return 0;
  }
  return length;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(text, i);
    valid += length > 0 ? text.substr(i, length) : std::string_view("\xef\xbf\xbd");
    i += length > 0 ? length : 1;
  }
  return valid;
}

}  // namespace halfulp
