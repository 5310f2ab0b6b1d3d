#include "formats/named_block_formats.h"

#include "formats/spec.h"

namespace halfulp {

namespace {

constexpr std::string_view kMx = "OCP Microscaling Formats (MX) 1.0, table 1";
constexpr std::string_view kNvfp4 =
    "NVIDIA TransformerEngine, quantization_ref_nvfp4.py; Abecassis et al., arXiv 2509.25149";
constexpr std::string_view kMsfp =
    "Darvish Rouhani et al., Pushing the Limits of Narrow Precision Inferencing, NeurIPS 2020";

/// OCP's: 32 elements, an E8M0 scale by the rule floor.
BlockFormat mx(std::string_view element) { return {.element = parse_format(element)}; }

BlockFormat nvfp4() {
  BlockFormat format{.element = parse_format("e2m1fn")};
  format.length = 16;
  format.scale = parse_format("ue4m3");
  format.rule = BlockScaleRule::exact;
  format.arithmetic = BlockArithmetic::transformer_engine;
  format.tensor_bound = 448;
  format.zero_block = ZeroBlock::zero;
  return format;
}

BlockFormat msfp(int magnitude_bits) {
  BlockFormat format{.element = FloatFormat{0, magnitude_bits, 0, NonFinite::finite}};
  format.length = 16;
  return format;
}

const std::vector<NamedBlockFormat>& table() {
  static const std::vector<NamedBlockFormat> rows = {
      {"mxfp8_e4m3", mx("e4m3fn"), {"mxfp8", "mx_fp8_e4m3", "mxfp8_e4m3fn"}, kMx},
      {"mxfp8_e5m2", mx("e5m2"), {"mx_fp8_e5m2"}, kMx},
      {"mxfp6_e3m2", mx("e3m2fn"), {"mx_fp6_e3m2", "mxfp6_e3m2fn"}, kMx},
      {"mxfp6_e2m3", mx("e2m3fn"), {"mx_fp6_e2m3", "mxfp6_e2m3fn"}, kMx},
      {"mxfp4", mx("e2m1fn"), {"mx_fp4", "mxfp4_e2m1", "mxfp4_e2m1fn"}, kMx},
      {"mxint8", mx("fixed(8,6)"), {"mx_int8"}, kMx},
      {"nvfp4", nvfp4(), {"nv_fp4", "nvfp4_e2m1"}, kNvfp4},
      {"msfp12", msfp(3), {}, kMsfp},
      {"msfp16", msfp(7), {}, kMsfp},
  };
  return rows;
}

}  // namespace

std::span<const NamedBlockFormat> named_block_formats() { return table(); }

const NamedBlockFormat* find_named_block_format(const BlockFormat& format) {
  for (const NamedBlockFormat& row : table()) {
    if (row.format == format) return &row;
  }
  return nullptr;
}

}  // namespace halfulp
