#include "formats/named_formats.h"

#include "formats/named_codebooks.h"

namespace halfulp {

namespace {

constexpr FloatFormat ieee(int exponent_bits, int trailing_bits, int bias) {
  return {exponent_bits, trailing_bits, bias};
}

constexpr FloatFormat layout(int exponent_bits, int trailing_bits, int bias, NonFinite non_finite) {
  return {exponent_bits, trailing_bits, bias, non_finite};
}

constexpr FloatFormat unsigned_layout(int exponent_bits, int trailing_bits, int bias,
                                      NonFinite non_finite) {
  return {exponent_bits, trailing_bits, bias, non_finite, false};
}

constexpr FloatFormat kE8M0{8, 0, 127, NonFinite::fn, false, Subnormals::on, false};

constexpr std::string_view kIeee754 = "IEEE 754-2019, table 3.5";
constexpr std::string_view kOfp8 = "OCP 8-bit Floating Point Specification (OFP8) 1.0";
constexpr std::string_view kMx = "OCP Microscaling Formats (MX) 1.0, 5.3";
constexpr std::string_view kMxScale = "OCP Microscaling Formats (MX) 1.0, 5.4";
constexpr std::string_view kFnuz = "Noune et al., arXiv 2206.02915; StableHLO RFC 20230321";
constexpr std::string_view kMlDtypes = "ml_dtypes README";
constexpr std::string_view kPtx = "NVIDIA PTX ISA, alternate floating-point data formats";
constexpr std::string_view kPositStandard = "Standard for Posit Arithmetic (2022)";
constexpr std::string_view kOlderPosit =
    "Gustafson and Yonemoto, Beating Floating Point at its Own Game, 2017";
constexpr std::string_view kTakum = "Hunhold, arXiv 2404.18603";
constexpr std::string_view kLns = "Stillwater Universal, lns";
constexpr std::string_view kDynamic = "Dettmers, arXiv 1511.04561; bitsandbytes create_dynamic_map";
constexpr std::string_view kTwosComplement = "two's complement (ISO C++20, basic.fundamental)";

// Spellings in users' code: PyTorch, JAX, NumPy, MLIR, LLVM, ONNX, safetensors, PTX, and papers.
// Where two projects give one spelling different meanings, spec.cc announces the reading (or
// refuses).
// clang-format off
const std::vector<NamedFormat>& table() {
  static const std::vector<NamedFormat> rows = {
    {"binary16", ieee(5, 10, 15), {"fp16", "float16", "f16", "half", "e5m10", "h"}, kIeee754},
    {"binary32", ieee(8, 23, 127), {"fp32", "float32", "f32", "single", "e8m23", "s"}, kIeee754},
    {"binary64", ieee(11, 52, 1023), {"fp64", "float64", "f64", "double", "e11m52", "d"}, kIeee754},
    {"bfloat16", ieee(8, 7, 127), {"bf16", "bfloat", "e8m7", "brain16", "b"},
     "Intel, BFLOAT16 Hardware Numerics Definition, 2018"},
    {"tf32", ieee(8, 10, 127), {"tensorfloat32", "e8m10"}, "NVIDIA A100 whitepaper, 2020"},
    {"e5m2", ieee(5, 2, 15),
     {"float8_e5m2", "fp8_e5m2", "f8e5m2", "f8_e5m2", "ocp_e5m2", "bf8", "q52", "mxfp8r"}, kOfp8},
    {"e4m3fn", layout(4, 3, 7, NonFinite::fn),
     {"e4m3", "float8_e4m3fn", "fp8_e4m3fn", "fp8_e4m3", "f8e4m3fn", "f8_e4m3", "ocp_e4m3",
      "hf8", "mxfp8p"}, kOfp8},
    {"e4m3ieee", ieee(4, 3, 7), {"float8_e4m3", "f8e4m3"}, kMlDtypes},
    {"e4m3fnuz", layout(4, 3, 8, NonFinite::fnuz),
     {"float8_e4m3fnuz", "fp8_e4m3fnuz", "f8e4m3fnuz", "fp8_fnuz"}, kFnuz},
    {"e5m2fnuz", layout(5, 2, 16, NonFinite::fnuz),
     {"float8_e5m2fnuz", "fp8_e5m2fnuz", "f8e5m2fnuz"}, kFnuz},
    {"e4m3b11fnuz", layout(4, 3, 11, NonFinite::fnuz),
     {"float8_e4m3b11fnuz", "f8e4m3b11fnuz", "e4m3b11"}, "StableHLO RFC 20230309"},
    {"e3m4", ieee(3, 4, 3), {"float8_e3m4", "fp8_e3m4", "f8e3m4"}, kMlDtypes},
    {"e3m2fn", layout(3, 2, 3, NonFinite::finite),
     {"e3m2", "float6_e3m2fn", "fp6_e3m2", "f6e3m2fn", "mxfp6r"}, kMx},
    {"e2m3fn", layout(2, 3, 1, NonFinite::finite),
     {"e2m3", "float6_e2m3fn", "fp6_e2m3", "f6e2m3fn", "mxfp6p"}, kMx},
    {"e2m1fn", layout(2, 1, 1, NonFinite::finite),
     {"e2m1", "float4_e2m1fn", "float4_e2m1fn_x2", "fp4_e2m1", "f4e2m1fn", "float4e2m1"}, kMx},
    {"e8m0fnu", kE8M0, {"e8m0", "float8_e8m0fnu", "f8e8m0fnu", "float8e8m0", "ue8m0"}, kMxScale},
    {"ue4m3", unsigned_layout(4, 3, 7, NonFinite::fn),
     {"nvfp4_scale", "ue4m3fn", "e4m3fnu", "float8_e4m3fnu"}, kPtx},
    {"ue5m3", unsigned_layout(5, 3, 15, NonFinite::fn),
     {"float8_e5m3fnu", "e5m3fnu", "ue5m3fn", "f8e5m3fnu"}, kPtx},
    {"ue5m3ieee", unsigned_layout(5, 3, 15, NonFinite::ieee), {}, "IEEE 754 conventions"},
    {"ue5m3finite", unsigned_layout(5, 3, 15, NonFinite::finite), {}, "every code a number"},
    {"int4", IntegerFormat{4}, {"i4", "s4"}, kTwosComplement},
    {"int8", IntegerFormat{8}, {"i8", "s8"}, kTwosComplement},
    {"int16", IntegerFormat{16}, {"i16", "s16"}, kTwosComplement},
    {"int32", IntegerFormat{32}, {"i32", "s32"}, kTwosComplement},
    {"uint4", IntegerFormat{4, false}, {"u4"}, kTwosComplement},
    {"uint8", IntegerFormat{8, false}, {"u8"}, kTwosComplement},
    {"posit(8,0)", PositFormat{8, 0}, {"posit8_0", "posit8es0", "p8e0"}, kOlderPosit},
    {"posit(8,2)", PositFormat{8, 2}, {"posit8_2", "posit8es2", "p8e2"}, kPositStandard},
    {"posit(16,1)", PositFormat{16, 1}, {"posit16_1", "posit16es1", "p16e1"}, kOlderPosit},
    {"posit(16,2)", PositFormat{16, 2}, {"posit16_2", "posit16es2", "p16e2"}, kPositStandard},
    {"posit(32,2)", PositFormat{32, 2}, {"posit32_2", "posit32es2", "p32e2"}, kPositStandard},
    {"takum_linear8", TakumFormat{8, false}, {"linear_takum8"}, kTakum},
    {"takum_linear16", TakumFormat{16, false}, {"linear_takum16"}, kTakum},
    {"takum_log8", TakumFormat{8, true}, {"logarithmic_takum8"}, kTakum},
    {"takum_log16", TakumFormat{16, true}, {"logarithmic_takum16"}, kTakum},
    {"lns(8,3)", LogarithmicFormat{8, 3}, {"lns8_3"}, kLns},
    {"nf4", nf4_codebook(), {"normal_float4", "bnb_nf4"}, "Dettmers et al., arXiv 2305.14314"},
    {"bnb_fp4", bnb_fp4_codebook(), {"bitsandbytes_fp4"}, "bitsandbytes get_4bit_type"},
    {"bnb_dynamic8", bnb_dynamic_codebook(true), {"dynamic8"}, kDynamic},
    {"bnb_udynamic8", bnb_dynamic_codebook(false), {"udynamic8"}, kDynamic},
    {"ternary", ternary_codebook(), {"t2"}, "{-1, 0, 1}"},
    {"binary", binary_codebook(), {"b1"}, "{-1, 1}"},
  };
  return rows;
}

// clang-format on

}  // namespace

std::span<const NamedFormat> named_formats() { return table(); }

const NamedFormat* find_named_format(const Format& format) {
  for (const NamedFormat& row : table()) {
    if (row.format == format) return &row;
  }
  return nullptr;
}

}  // namespace halfulp
