#include "sim/packed.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numeric>

#include "formats/codec.h"
#include "formats/named_formats.h"
#include "formats/properties.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

std::vector<Format> packable_formats() {
  std::vector<Format> formats;
  for (const NamedFormat& row : named_formats()) {
    if (fits_binary32(row.format) && width(row.format) <= 16) formats.push_back(row.format);
  }
  for (const char* spec : {"float(2,0,finite)", "float(3,1)", "float(4,4)", "int1", "int3", "int12",
                           "posit(13,1)", "fixed(10,5)", "e4m3fnuz", "float(0,9,finite)"}) {
    formats.push_back(parse_format(spec));
  }
  return formats;
}

std::uint32_t canonical(const Format& format, std::uint32_t code) {
  return static_cast<std::uint32_t>(encode(format, decode(format, code)));
}

bool is_pattern_equal(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

// Codes that are no numbers cannot be encoded in a format without NaN (the rest of a codebook).
std::vector<std::uint16_t> encodable_codes(const Format& format) {
  std::vector<std::uint16_t> codes;
  for (std::uint32_t code = 0; code < 1U << width(format); ++code) {
    const auto* integer = std::get_if<IntegerFormat>(&format);
    const bool is_left_out =
        integer != nullptr && integer->symmetric && code == 1U << (integer->bits - 1);
    const bool is_nan = decode(format, code).kind == Number::Kind::nan;
    if (!is_left_out && (!is_nan || has_nan(format))) {
      codes.push_back(static_cast<std::uint16_t>(code));
    }
  }
  return codes;
}

TEST(CodePacker, EveryCodeOfEveryFormatUpTo16BitsSurvives) {
  for (const Format& format : packable_formats()) {
    const CodePacker packer(format);
    const std::vector<std::uint16_t> codes = encodable_codes(format);
    std::vector<float> values(codes.size());
    packer.decode(codes.data(), codes.size(), values.data());
    std::vector<std::uint16_t> again(codes.size());
    packer.encode(values.data(), values.size(), again.data());
    std::vector<std::uint8_t> packed(packed_bytes(format, codes.size()) + 1, 0xA5);
    packer.pack(values.data(), values.size(), packed.data());
    EXPECT_EQ(packed.back(), 0xA5) << to_spec(format);
    std::vector<float> unpacked(codes.size());
    packer.unpack(packed.data(), unpacked.size(), unpacked.data());
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const Number exact = decode(format, codes[i]);
      const float value =
          exact.kind == Number::Kind::nan ? std::nanf("") : static_cast<float>(to_double(exact));
      ASSERT_TRUE(is_pattern_equal(values[i], value)) << to_spec(format) << " " << codes[i];
      ASSERT_EQ(again[i], canonical(format, codes[i])) << to_spec(format) << " " << codes[i];
      ASSERT_TRUE(is_pattern_equal(unpacked[i], value)) << to_spec(format) << " " << codes[i];
    }
  }
}

TEST(CodePacker, BitsStandInTheDocumentedOrder) {
  for (const char* name : {"int3", "int4", "int5", "e4m3fn", "int12", "binary16", "tf32",
                           "binary32", "float(8,11)", "int24", "posit(20,2)", "e2m1fn"}) {
    const Format format = parse_format(name);
    const CodePacker packer(format);
    const auto bits = static_cast<std::size_t>(width(format));
    std::vector<float> values;
    for (int i = 0; i < 21; ++i) values.push_back(static_cast<float>(i % 4 - 2));
    std::vector<std::uint8_t> packed(packed_bytes(format, values.size()));
    packer.pack(values.data(), values.size(), packed.data());
    EXPECT_EQ(packed.size(), (bits * values.size() + 7) / 8);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Code code = encode(format, from_double(static_cast<double>(values[i])));
      for (std::size_t b = 0; b < bits; ++b) {
        const std::size_t at = i * bits + b;
        ASSERT_EQ(packed[at / 8] >> at % 8 & 1, static_cast<int>(code >> b & 1))
            << name << " " << i;
      }
    }
    std::vector<float> unpacked(values.size());
    packer.unpack(packed.data(), values.size(), unpacked.data());
    EXPECT_EQ(unpacked, values) << name;
  }
}

TEST(CodePacker, RefusesWhatIsNoValueAndNamesIt) {
  for (const char* name : {"e4m3fn", "int8", "nf4", "tf32", "posit(16,2)", "binary16"}) {
    const CodePacker packer(parse_format(name));
    std::vector<float> values(5, 1.0F);
    values[3] = 1.0F + 0x1p-20F;
    std::vector<std::uint8_t> packed(100);
    try {
      packer.pack(values.data(), values.size(), packed.data());
      ADD_FAILURE() << name;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find("element 3"), std::string::npos) << error.what();
    }
  }
  const CodePacker packer(parse_format("int8"));
  const float nan = std::nanf("");
  std::uint8_t code = 0;
  EXPECT_THROW(packer.pack(&nan, 1, &code), std::invalid_argument);
}

TEST(CodePacker, RefusesFormatsBeyondBinary32) {
  EXPECT_THROW(CodePacker(parse_format("binary64")), SpecError);
  EXPECT_THROW(CodePacker(parse_format("int32")), SpecError);
}

}  // namespace
}  // namespace halfulp
