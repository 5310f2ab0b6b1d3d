// Safetensors: every type there and back, and everything that is no such file by what is wrong.
#include "experiments/store/safetensors.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "experiments/store/io_error.h"

namespace halfulp {
namespace {

/// A file of this header and these data.
std::string file(const std::string& header, const std::string& data = "") {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return bytes + header + data;
}

std::string complaint(const std::string& bytes) {
  try {
    decode_safetensors(bytes);
  } catch (const IoError& error) {
    return error.what();
  }
  return "";
}

TEST(Safetensors, EveryTypeRoundTripsAllItsKindsOfNumbers) {
  const float infinity = std::numeric_limits<float>::infinity();
  Safetensors content;
  content.metadata = {{"run_id", "0123"}, {"text", "a \"quote\", a \\ and\na line, ü"}};
  content.tensors = {
      {"a.f32", {2, 3}, {1.1F, -0.0F, 0x1p-149F, 3.4e38F, infinity, -7.0F}, TensorType::F32},
      {"b.f16", {5}, {65504.0F, -0x1p-24F, 0.0F, -infinity, 0.333251953125F}, TensorType::F16},
      {"c.bf16", {1, 1, 3}, {0x1.FEp127F, -0.0F, 3.140625F}, TensorType::BF16},
      {"d.e4m3", {4}, {448.0F, -0x1p-9F, 0.0F, -1.125F}, TensorType::F8_E4M3},
      {"e.e5m2", {2, 2}, {57344.0F, 0x1p-16F, infinity, -1.25F}, TensorType::F8_E5M2},
      {"f.none", {0, 7}, {}, TensorType::F16},
      {"g.scalar", {}, {2.5F}, TensorType::F32}};
  const Safetensors read = decode_safetensors(encode_safetensors(content));
  EXPECT_EQ(read.metadata, content.metadata);
  ASSERT_EQ(read.tensors.size(), content.tensors.size());
  for (std::size_t i = 0; i < content.tensors.size(); ++i) {
    const NamedTensor &a = read.tensors[i], &b = content.tensors[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.shape, b.shape);
    EXPECT_EQ(a.type, b.type);
    ASSERT_EQ(a.values.size(), b.values.size());
    for (std::size_t k = 0; k < b.values.size(); ++k) {
      EXPECT_EQ(std::bit_cast<std::uint32_t>(a.values[k]),
                std::bit_cast<std::uint32_t>(b.values[k]))
          << b.name << " " << k;
    }
  }
}

TEST(Safetensors, BytesAreThoseOfTheFormatsDescription) {
  const std::string bytes = encode_safetensors({{}, {{"w", {2}, {1.0F, -2.0F}, TensorType::BF16}}});
  const std::string header = R"({"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(bytes, file(header + padding, std::string("\x80\x3f\x00\xc0", 4)));
  const auto nan = encode_safetensors({{}, {{"w", {1}, {std::nanf("")}, TensorType::F8_E4M3}}});
  EXPECT_EQ(nan.back(), '\x7f');
}

TEST(Safetensors, ValuesThatATypeDoesNotHoldAreRefusedByTensorAndElement) {
  const auto refusal = [](float value, TensorType type) -> std::string {
    try {
      encode_safetensors({{}, {{"blocks.0.w", {2}, {0.0F, value}, type}}});
    } catch (const IoError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal(1.1F, TensorType::F16),
            "tensor 'blocks.0.w': element 1, 1.1, is not a number of F16");
  EXPECT_NE(refusal(464.0F, TensorType::F8_E4M3), "");
  EXPECT_NE(refusal(0x1p-17F, TensorType::F8_E5M2), "");
  EXPECT_NE(refusal(1.00390625F, TensorType::BF16), "");
  EXPECT_EQ(refusal(1.1F, TensorType::F32), "");
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::string bytes = encode_safetensors(
      {{{"k", "v"}}, {{"a", {3}, {1, 2, 3}, TensorType::F32}, {"b", {1}, {4}, TensorType::F16}}});
  EXPECT_EQ(complaint(bytes), "");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(complaint(bytes.substr(0, size)), "") << size;
  }
  EXPECT_EQ(complaint(bytes + "x"), "there is data after the last tensor");
}

TEST(Safetensors, HeadersThatDoNotFitAreSaid) {
  const std::string four = "1234";
  const auto with = [&](const std::string& entry) {
    return complaint(file("{\"w\":" + entry + "}", four));
  };
  EXPECT_EQ(with(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})"), "");
  EXPECT_EQ(with(R"({"dtype":"I64","shape":[1],"data_offsets":[0,4]})"),
            "tensors of type 'I64' are not read (known: F32, F16, BF16, F8_E4M3, F8_E5M2)");
  const std::string misplaced = "tensor 'w': its data is not where or what the header says";
  EXPECT_EQ(with(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})"), misplaced);
  EXPECT_EQ(with(R"({"dtype":"F16","shape":[1],"data_offsets":[2,4]})"), misplaced);
  EXPECT_EQ(with(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})"), misplaced);
  EXPECT_EQ(with(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), misplaced);
  EXPECT_NE(with(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})"), "");
  EXPECT_NE(with(R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]})"), "");
  EXPECT_EQ(with(R"({"dtype":"F32","shape":[1]})"),
            "tensor 'w' lacks dtype, shape or data_offsets");
  EXPECT_NE(with(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1})"), "");
  EXPECT_EQ(complaint(file(R"({"w":1,"w":2})")), "JSON: \"w\" stands twice");
  EXPECT_NE(complaint(file("[1]")), "");
  EXPECT_NE(complaint(file("{\"w\":1.5}")), "");
  EXPECT_NE(complaint(file(std::string(100000, '['))), "");
}

}  // namespace
}  // namespace halfulp
