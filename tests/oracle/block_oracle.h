// Oracle for block formats, from the documents' definitions: its own value tables, neighbours by
// search, decisions by comparing long doubles. Shares no code with formats/block*.cc.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace halfulp::oracle {

/// The magnitudes of a small format in the order of their codes.
struct MagnitudeTable {
  std::vector<long double> magnitudes;
  int precision = 0;
  bool has_sign_bit = true;     ///< else two's complement with one more negative number
  std::uint32_t sign_code = 0;  ///< of the sign bit
};

/// "e4m3fn", "e5m2", "e3m2fn", "e2m3fn", "e2m1fn", "fixed(8,6)", "ue4m3".
MagnitudeTable magnitude_table(const std::string& format);

struct OracleBlock {
  std::uint32_t scale_code = 0;
  std::vector<std::uint32_t> codes;
  std::vector<float> values;
};

/// One block of an MX format with an E8M0 scale by "floor", "ceil", "even" or "rceil", elements
/// nearest_even, saturating. A non-finite element poisons the block: code 0xFF, no codes.
OracleBlock mx_block(const MagnitudeTable& element, const std::string& rule,
                     const std::vector<float>& x);

/// One block of NVFP4 in a tensor with the given largest magnitude, as TransformerEngine's and
/// torchao's reference code compute it, every operation in binary32.
OracleBlock transformer_engine_block(float tensor_amax, const std::vector<float>& x);
OracleBlock torchao_block(float tensor_amax, const std::vector<float>& x);

/// A block of int4 (-8 to 7) with an exact scale a / 7 rounded to binary16.
OracleBlock int4_binary16_block(const std::vector<float>& x);

}  // namespace halfulp::oracle
