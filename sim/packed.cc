#include "sim/packed.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include "formats/codec.h"
#include "formats/properties.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

constexpr int kMaxWidth = 32;
constexpr int kMaxTableWidth = 16;
constexpr int kMaxPrefixBits = 21;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float value_of(const Format& format, std::uint32_t code) {
  const Number x = decode(format, code);
  return x.kind == Number::Kind::nan ? kNan : static_cast<float>(to_double(x));
}

/// Dropped low bits of binary32 patterns where the others are the code; -1 for other formats.
int truncated_bits(const Format& format) {
  const auto* f = std::get_if<FloatFormat>(&format);
  const bool is_truncated = f != nullptr && f->exponent_bits == 8 && f->bias == 127 &&
                            f->non_finite == NonFinite::ieee && f->is_signed && f->has_zero &&
                            f->subnormals == Subnormals::on && f->trailing_bits <= 23;
  return is_truncated ? 23 - f->trailing_bits : -1;
}

/// Bits of the string from `at` on, up to 57 of them.
std::uint64_t load_bits(const std::uint8_t* packed, std::size_t bytes, std::size_t at) {
  std::uint64_t word = 0;
  const std::size_t byte = at / 8;
  std::memcpy(&word, packed + byte, std::min<std::size_t>(8, bytes - byte));
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word >> (at % 8);
}

/// Appends codes to a bit string.
class BitWriter {
 public:
  explicit BitWriter(std::uint8_t* out) : out_(out) {}

  void write(std::uint32_t code, int bits) {
    pending_ |= std::uint64_t{code} << count_;
    for (count_ += bits; count_ >= 8; count_ -= 8) {
      *out_++ = static_cast<std::uint8_t>(pending_);
      pending_ >>= 8;
    }
  }

  void finish() {
    if (count_ > 0) *out_ = static_cast<std::uint8_t>(pending_);
  }

 private:
  std::uint8_t* out_;
  std::uint64_t pending_ = 0;
  int count_ = 0;
};

}  // namespace

struct CodePacker::Tables {
  Format format;
  int bits;
  int truncated;  ///< see truncated_bits
  std::uint32_t nan_code = 0;
  std::vector<float> values;             ///< by code, up to 16 bits
  std::vector<float> of_byte;            ///< values of all codes in a byte, for 1, 2 and 4 bits
  std::vector<std::uint16_t> of_prefix;  ///< code by the leading bits of a pattern
  int prefix_shift = 32;

  explicit Tables(const Format& a_format);
  bool find_prefix(int prefix_bits);
  std::uint32_t code_of(float x, std::size_t index) const;

  float value(std::uint32_t code) const {
    return values.empty() ? value_of(format, code) : values[code];
  }
};

CodePacker::Tables::Tables(const Format& a_format)
    : format(a_format), bits(width(a_format)), truncated(truncated_bits(a_format)) {
  if (bits > kMaxWidth || !fits_binary32(format)) {
    throw SpecError(to_spec(format) + " has no packed arrays; use formats of up to 32 bits that " +
                        "fit binary32",
                    1);
  }
  if (has_nan(format)) {
    nan_code = static_cast<std::uint32_t>(halfulp::encode(format, {Number::Kind::nan}));
  }
  if (bits > kMaxTableWidth) return;
  for (std::uint32_t code = 0; code < 1U << bits; ++code) values.push_back(value_of(format, code));
  for (std::uint32_t byte = 0; 8 % bits == 0 && bits < 8 && byte < 256; ++byte) {
    for (int at = 0; at < 8; at += bits) {
      of_byte.push_back(values[byte >> at & ((1U << bits) - 1)]);
    }
  }
  for (int prefix_bits = 9; prefix_bits <= kMaxPrefixBits; ++prefix_bits) {
    if (find_prefix(prefix_bits)) return;
  }
}

/// Fills of_prefix if that many leading bits tell all values apart.
bool CodePacker::Tables::find_prefix(int prefix_bits) {
  prefix_shift = 32 - prefix_bits;
  of_prefix.assign(std::size_t{1} << prefix_bits, 0);
  std::vector<bool> taken(of_prefix.size());
  for (const float value : values) {
    if (std::isnan(value)) continue;
    const std::uint32_t prefix = std::bit_cast<std::uint32_t>(value) >> prefix_shift;
    const auto code = static_cast<std::uint16_t>(
        halfulp::encode(format, from_double(static_cast<double>(value))));
    if (taken[prefix] && of_prefix[prefix] != code) {
      of_prefix.clear();
      return false;
    }
    taken[prefix] = true;
    of_prefix[prefix] = code;
  }
  return true;
}

std::uint32_t CodePacker::Tables::code_of(float x, std::size_t index) const {
  const auto pattern = std::bit_cast<std::uint32_t>(x);
  if (!of_prefix.empty()) {
    const std::uint32_t code = of_prefix[pattern >> prefix_shift];
    if (std::bit_cast<std::uint32_t>(values[code]) == pattern && x == x) return code;
  }
  if (x != x && has_nan(format)) return nan_code;
  if (truncated >= 0 && (pattern & ((1U << truncated) - 1)) == 0) return pattern >> truncated;
  try {
    return static_cast<std::uint32_t>(halfulp::encode(format, from_double(static_cast<double>(x))));
  } catch (const std::invalid_argument&) {
    throw std::invalid_argument(
        fmt::format("element {} ({}) is no value of {}", index, x, to_spec(format)));
  }
}

std::size_t packed_bytes(const Format& format, std::size_t n) {
  return (n * static_cast<std::size_t>(width(format)) + 7) / 8;
}

CodePacker::CodePacker(const Format& format) : tables_(std::make_shared<const Tables>(format)) {}

void CodePacker::pack(const float* values, std::size_t n, std::uint8_t* packed) const {
  const Tables& t = *tables_;
  if (t.bits == 8) {
    for (std::size_t i = 0; i < n; ++i)
      packed[i] = static_cast<std::uint8_t>(t.code_of(values[i], i));
    return;
  }
  BitWriter writer(packed);
  for (std::size_t i = 0; i < n; ++i) writer.write(t.code_of(values[i], i), t.bits);
  writer.finish();
}

void CodePacker::unpack(const std::uint8_t* packed, std::size_t n, float* values) const {
  const Tables& t = *tables_;
  const auto bits = static_cast<std::size_t>(t.bits);
  std::size_t i = 0;
  if (t.bits == 8) {
    for (; i < n; ++i) values[i] = t.values[packed[i]];
    return;
  }
  if (!t.of_byte.empty()) {
    const std::size_t each = 8 / bits;
    for (; i + each <= n; i += each) {
      std::memcpy(values + i, &t.of_byte[packed[i / each] * each], each * sizeof(float));
    }
  }
  const std::size_t bytes = packed_bytes(t.format, n);
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  for (; i < n; ++i) {
    const auto code = static_cast<std::uint32_t>(load_bits(packed, bytes, i * bits) & mask);
    values[i] = t.truncated >= 0 && t.values.empty() ? std::bit_cast<float>(code << t.truncated)
                                                     : t.value(code);
  }
}

void CodePacker::encode(const float* values, std::size_t n, std::uint16_t* codes) const {
  if (tables_->bits > kMaxTableWidth) {
    throw std::invalid_argument("codes of more than 16 bits are packed only");
  }
  for (std::size_t i = 0; i < n; ++i) {
    codes[i] = static_cast<std::uint16_t>(tables_->code_of(values[i], i));
  }
}

void CodePacker::decode(const std::uint16_t* codes, std::size_t n, float* values) const {
  if (tables_->bits > kMaxTableWidth) {
    throw std::invalid_argument("codes of more than 16 bits are packed only");
  }
  for (std::size_t i = 0; i < n; ++i) values[i] = tables_->values[codes[i]];
}

}  // namespace halfulp
