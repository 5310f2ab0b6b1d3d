// Packed codes: arrays of format values as bit strings, for storage. Code i of w bits takes bits
// i w to (i + 1) w - 1 of the string; bit b of the string is bit b mod 8 of byte b / 8. So codes of
// 8, 16 and 32 bits are little-endian integers, and two codes of 4 bits share a byte, the first one
// in its low half.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "formats/format.h"

namespace halfulp {

/// Bytes of `n` codes: the last byte's unused bits are 0.
std::size_t packed_bytes(const Format& format, std::size_t n);

/// Between binary32 arrays that hold values of a format and codes.
class CodePacker {
 public:
  /// Throws SpecError for formats of more than 32 bits or that do not fit binary32.
  explicit CodePacker(const Format& format);

  /// The codes that encode() of codec.h gives. Throws std::invalid_argument naming the first
  /// element that is no value of the format. Writes packed_bytes() bytes.
  void pack(const float* values, std::size_t n, std::uint8_t* packed) const;

  /// The values of decode() of codec.h, NaN for codes that are no numbers.
  void unpack(const std::uint8_t* packed, std::size_t n, float* values) const;

  /// The same for codes that stand in a word each (up to 16 bits).
  void encode(const float* values, std::size_t n, std::uint16_t* codes) const;
  void decode(const std::uint16_t* codes, std::size_t n, float* values) const;

 private:
  struct Tables;
  std::shared_ptr<const Tables> tables_;  ///< never change, so copies share them
};

}  // namespace halfulp
