#include "tests/oracle/block_oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace halfulp::oracle {

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Exponent field E and trailing field T of every code; `tops` codes at the end are no numbers.
MagnitudeTable float_table(int exponent_bits, int trailing_bits, int bias, int tops) {
  MagnitudeTable table;
  const int codes = 1 << (exponent_bits + trailing_bits);
  for (int code = 0; code < codes - tops; ++code) {
    const int e = code >> trailing_bits;
    const long double t =
        std::ldexp(static_cast<long double>(code & ((1 << trailing_bits) - 1)), -trailing_bits);
    table.magnitudes.push_back(e == 0 ? std::ldexp(t, 1 - bias) : std::ldexp(1 + t, e - bias));
  }
  table.precision = trailing_bits + 1;
  table.sign_code = static_cast<std::uint32_t>(codes);
  return table;
}

/// Index of the entry times `unit` that is nearest to `magnitude`; ties to the even index.
std::size_t nearest(const std::vector<long double>& entries, long double magnitude,
                    long double unit) {
  std::size_t best = 0;
  for (std::size_t i = 0; i + 1 < entries.size(); ++i) {
    const long double middle = (entries[i] + entries[i + 1]) / 2 * unit;
    if (magnitude > middle || (magnitude == middle && i % 2 == 1)) best = i + 1;
  }
  return best;
}

struct Element {
  std::uint32_t code;
  long double value;
};

/// x / unit, where unit is a number whose products with midpoints are long doubles.
Element quantized(const MagnitudeTable& table, float x, long double unit) {
  std::vector<long double> entries = table.magnitudes;
  const bool negative = std::signbit(x);
  if (!table.has_sign_bit && negative) {
    entries.push_back(2 * entries[entries.size() - 1] - entries[entries.size() - 2]);
  }
  const std::size_t i = nearest(entries, std::abs(static_cast<long double>(x)), unit);
  const auto index = static_cast<std::uint32_t>(i);
  const long double value = negative ? -entries[i] : entries[i];
  if (table.has_sign_bit) return {index | (negative ? table.sign_code : 0), value};
  return {negative ? (2 * table.sign_code - index) & (2 * table.sign_code - 1) : index,
          i == 0 ? 0 : value};
}

int mx_exponent(const MagnitudeTable& element, const std::string& rule, float a) {
  const long double amax = static_cast<long double>(a);
  const int floor_log2 = std::ilogb(amax);
  const int emax = std::ilogb(element.magnitudes.back());
  if (rule == "floor") return floor_log2 - emax;
  if (rule == "ceil") return floor_log2 - emax + (std::ldexp(1.0L, floor_log2) < amax ? 1 : 0);
  if (rule == "even") {
    const long double steps = std::ldexp(amax, element.precision - 1 - floor_log2);
    const bool carries = std::nearbyint(steps) == std::ldexp(1.0L, element.precision);
    return floor_log2 - emax + (carries ? 1 : 0);
  }
  if (rule != "rceil") throw std::invalid_argument(rule);
  const float reciprocal = 1.0F / static_cast<float>(element.magnitudes.back());
  const float descale = a * reciprocal;
  int exponent = -127;
  while (std::ldexp(1.0L, exponent) < static_cast<long double>(descale)) ++exponent;
  return exponent;
}

float amax_of(const std::vector<float>& x) {
  float amax = 0;
  for (const float value : x) amax = std::max(amax, std::abs(value));
  return amax;
}

const MagnitudeTable& e4m3_scale() {
  static const MagnitudeTable table = magnitude_table("ue4m3");
  return table;
}

/// The code of a scale, clamped to 448.
std::uint32_t e4m3_code(float scale) {
  return static_cast<std::uint32_t>(
      nearest(e4m3_scale().magnitudes, static_cast<long double>(scale), 1));
}

OracleBlock e2m1_block(std::uint32_t scale_code, float multiplier, float decode,
                       const std::vector<float>& x) {
  static const MagnitudeTable table = magnitude_table("e2m1fn");
  OracleBlock block{scale_code, {}, {}};
  for (const float value : x) {
    const float product = value * multiplier;
    const Element element = quantized(table, product, 1);
    const float result = static_cast<float>(element.value) * decode;
    block.codes.push_back(element.code);
    block.values.push_back(result);
  }
  return block;
}

}  // namespace

MagnitudeTable magnitude_table(const std::string& format) {
  if (format == "e4m3fn" || format == "ue4m3") return float_table(4, 3, 7, 1);
  if (format == "e5m2") return float_table(5, 2, 15, 4);
  if (format == "e3m2fn") return float_table(3, 2, 3, 0);
  if (format == "e2m3fn") return float_table(2, 3, 1, 0);
  if (format == "e2m1fn") return float_table(2, 1, 1, 0);
  if (format != "fixed(8,6)") throw std::invalid_argument(format);
  MagnitudeTable table;
  for (int i = 0; i < 128; ++i) table.magnitudes.push_back(std::ldexp(1.0L * i, -6));
  table.precision = 7;
  table.has_sign_bit = false;
  table.sign_code = 128;
  return table;
}

OracleBlock mx_block(const MagnitudeTable& element, const std::string& rule,
                     const std::vector<float>& x) {
  OracleBlock block;
  const bool is_finite = std::all_of(x.begin(), x.end(), [](float v) { return std::isfinite(v); });
  if (!is_finite) {
    block.scale_code = 0xFF;
    block.values.assign(x.size(), kNan);
    return block;
  }
  const float amax = amax_of(x);
  const int exponent = amax == 0 ? -127 : std::clamp(mx_exponent(element, rule, amax), -127, 127);
  block.scale_code = static_cast<std::uint32_t>(exponent + 127);
  const long double scale = std::ldexp(1.0L, exponent);
  for (const float value : x) {
    const Element result = quantized(element, value, scale);
    block.codes.push_back(result.code);
    block.values.push_back(static_cast<float>(result.value * scale));
  }
  return block;
}

OracleBlock transformer_engine_block(float tensor_amax, const std::vector<float>& x) {
  const float most = std::numeric_limits<float>::max();
  float encode = 2688.0F / tensor_amax;
  if (encode > most) encode = most;
  if (encode == 0) encode = 1;
  const float global_decode = 1.0F / encode;
  const float sixth = 1.0F / 6.0F;
  const float multiplier = encode * sixth;
  const float raw = amax_of(x) * multiplier;
  const std::uint32_t code = e4m3_code(raw);
  const auto scale = static_cast<float>(e4m3_scale().magnitudes[code]);
  const float block_decode = scale * global_decode;
  float enc = 1.0F / block_decode;
  if (enc > most) enc = most;
  const float factor = 1.0F / 2688.0F;
  const float with_amax = scale * tensor_amax;
  const float decode = with_amax * factor;
  return e2m1_block(code, enc, decode, x);
}

OracleBlock torchao_block(float tensor_amax, const std::vector<float>& x) {
  const float global = tensor_amax / 2688.0F;
  const float block_scale = amax_of(x) / 6.0F;
  const float scaled = block_scale / global;
  const std::uint32_t code = e4m3_code(std::clamp<float>(scaled, 0.015625F, 448.0F));
  const auto scale = static_cast<float>(e4m3_scale().magnitudes[code]);
  const float reciprocal = 1.0F / global;
  const float multiplier = reciprocal / scale;
  const float decode = global * scale;
  return e2m1_block(code, multiplier, decode, x);
}

OracleBlock int4_binary16_block(const std::vector<float>& x) {
  static const MagnitudeTable binary16 = float_table(5, 10, 15, 1024);
  MagnitudeTable int4;
  for (int i = 0; i < 8; ++i) int4.magnitudes.push_back(i);
  int4.has_sign_bit = false;
  int4.sign_code = 8;
  OracleBlock block;
  // a / 7 against midpoints m: a against 7 m.
  block.scale_code = static_cast<std::uint32_t>(
      nearest(binary16.magnitudes, static_cast<long double>(amax_of(x)), 7));
  const long double scale = binary16.magnitudes[block.scale_code];
  for (const float value : x) {
    const Element element = scale == 0 ? Element{0, 0} : quantized(int4, value, scale);
    block.codes.push_back(element.code);
    block.values.push_back(static_cast<float>(element.value * scale));
  }
  return block;
}

}  // namespace halfulp::oracle
