#include "formats/named_accumulators.h"

#include <algorithm>
#include <string>

#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp {

namespace {

constexpr std::string_view kMmaSim = "Xie et al., MMA-Sim, arXiv 2511.10909";
constexpr std::string_view kBothModels =
    "Khattak and Mikaitis, arXiv 2512.07004; Xie et al., MMA-Sim, arXiv 2511.10909";

const FloatFormat kBinary32 = {8, 23, 127};
const FloatFormat kBinary16 = {5, 10, 15};
const FloatFormat kE8m13 = {8, 13, 127};
const RoundSpec kNearest = {Rounding::nearest_even, Overflow::infinity};
const RoundSpec kTruncate = {Rounding::toward_zero, Overflow::infinity};

int least_normal_exponent(const Format& format) { return 1 - std::get<FloatFormat>(format).bias; }

bool is_fp8(const Format& format) { return width(format) <= 8; }

bool is_tf32(const Format& format) { return width(format) == 19; }

/// One addition of an NVIDIA tensor core. The least exponents of the alignment are those of
/// MATLAB-tensor-core.
struct TensorCore {
  int fraction_bits = 24;
  int terms = 8;
  int least_exponent_binary32 = -132;
  int least_exponent_binary16 = -20;
};

AccumulatorSpec tensor_core(const TensorCore& core, const Format& a, const Format& b,
                            bool is_binary16) {
  AlignedSum sum;
  sum.terms = core.terms;
  sum.fraction_bits = core.fraction_bits;
  sum.operand_exponents[0] = least_normal_exponent(a);
  sum.operand_exponents[1] = least_normal_exponent(b);
  sum.least_exponent = is_binary16 ? core.least_exponent_binary16 : core.least_exponent_binary32;
  sum.sum = is_binary16 ? Destination{kBinary16, kNearest} : Destination{kBinary32, kTruncate};
  AccumulatorSpec spec;
  spec.method = sum;
  return spec;
}

/// The FP8 path of Ada and Hopper keeps 13 fraction bits, and as many in a binary32 result.
AccumulatorSpec short_fp8(int terms, const Format& a, const Format& b, bool is_binary16) {
  AccumulatorSpec spec = tensor_core({13, terms}, a, b, is_binary16);
  auto& sum = std::get<AlignedSum>(spec.method);
  sum.least_exponent = -132;
  if (!is_binary16) sum.sum.format = kE8m13;
  return spec;
}

AccumulatorSpec v100(const Format& a, const Format& b, bool is_binary16) {
  return tensor_core({23, 4, -1024, -19}, a, b, is_binary16);
}

AccumulatorSpec turing(const Format& a, const Format& b, bool is_binary16) {
  return tensor_core({24, 8}, a, b, is_binary16);
}

AccumulatorSpec a100(const Format& a, const Format& b, bool is_binary16) {
  return tensor_core({24, is_tf32(a) ? 4 : 8}, a, b, is_binary16);
}

AccumulatorSpec ada(const Format& a, const Format& b, bool is_binary16) {
  return is_fp8(a) ? short_fp8(16, a, b, is_binary16) : a100(a, b, is_binary16);
}

AccumulatorSpec b200(const Format& a, const Format& b, bool is_binary16) {
  const int terms = is_fp8(a) ? 32 : is_tf32(a) ? 8 : 16;
  return tensor_core({25, terms, -133, -21}, a, b, is_binary16);
}

AccumulatorSpec h100(const Format& a, const Format& b, bool is_binary16) {
  return is_fp8(a) ? short_fp8(32, a, b, is_binary16) : b200(a, b, is_binary16);
}

/// Operands become binary16; two additions of 16 products, which are dealt out in pairs, start from
/// zero; then the addend is added.
AccumulatorSpec mma_sync_fp8(const Format&, const Format&, bool is_binary16) {
  AccumulatorSpec spec = tensor_core({25, 16, -133, -21}, kBinary16, kBinary16, is_binary16);
  std::get<AlignedSum>(spec.method).interleave = 2;
  spec.promotion = Promotion{32, {is_binary16 ? kBinary16 : kBinary32, kNearest}};
  return spec;
}

/// Sums of 16 products are exact; their alignment sees only the exponents of the block scales.
AccumulatorSpec blackwell_mxf4(const Format& a, const Format& b, bool is_binary16) {
  AccumulatorSpec spec = tensor_core({35, 64, -126, -126}, a, b, is_binary16);
  std::get<AlignedSum>(spec.method).exact_products = 16;
  return spec;
}

AccumulatorSpec binary32_pairs(int terms) {
  AccumulatorSpec spec;
  spec.method = RoundedSum{{kBinary32, kNearest}, 1, {Order::pairwise, terms}, {}};
  return spec;
}

AccumulatorSpec cdna1(const Format& a, const Format&, bool) {
  if (a == Format(kBinary32)) return binary32_accumulator();
  return binary32_pairs(a == Format(kBinary16) ? 4 : 2);
}

AccumulatorSpec cdna2(const Format& a, const Format& b, bool) {
  if (a == Format(kBinary32)) return binary32_accumulator();
  AccumulatorSpec spec = binary32_pairs(4);
  std::get<RoundedSum>(spec.method).flush =
      Flush{{least_normal_exponent(a), least_normal_exponent(b)}};
  return spec;
}

AccumulatorSpec cdna3(const Format& a, const Format& b, bool) {
  if (a == Format(kBinary32)) return binary32_accumulator();
  AlignedSum sum;
  sum.terms = is_fp8(a) ? 16 : is_tf32(a) ? 4 : 8;
  sum.fraction_bits = 24;
  sum.lanes = is_fp8(a) ? 2 : 1;
  sum.least_exponent = -1024;
  sum.operand_exponents[0] = least_normal_exponent(a);
  sum.operand_exponents[1] = least_normal_exponent(b);
  sum.products_overflow = true;
  sum.addend = AlignedSum::Addend::realigned;
  sum.drops_far_addend = is_fp8(a);
  sum.sum = {kBinary32, kNearest};
  AccumulatorSpec spec;
  spec.method = sum;
  return spec;
}

AccumulatorSpec deepseek_promotion_128(const Format& a, const Format& b, bool) {
  AccumulatorSpec spec = h100(a, b, false);
  spec.promotion = Promotion{128, {kBinary32, kNearest}};
  return spec;
}

AccumulatorSpec int8_int32(const Format&, const Format&, bool) {
  AccumulatorSpec spec;
  spec.method =
      RoundedSum{{IntegerFormat{32}, {Rounding::nearest_even, Overflow::wrap}}, 1, {}, {}};
  return spec;
}

/// Products of DFP16 tensors are added in int32 in short chains; binary32 sums the chains.
AccumulatorSpec dfp16_int32(const Format&, const Format&, bool) {
  AccumulatorSpec spec = int8_int32({}, {}, false);
  spec.promotion = Promotion{8, {kBinary32, kNearest}};
  return spec;
}

AccumulatorSpec posit16_quire(const Format&, const Format&, bool) {
  AccumulatorSpec spec;
  spec.method =
      ExactAccumulation{{PositFormat{16, 2}, {Rounding::nearest_even, Overflow::saturate}}, 0};
  return spec;
}

using Names = std::vector<std::string_view>;

const Names kHalves = {"binary16", "bfloat16", "tf32"};
const Names kHalvesAndFp8 = {"binary16", "bfloat16", "tf32", "e4m3fn", "e5m2"};
const Names kFp8 = {"e4m3fn", "e5m2"};

std::vector<NamedAccumulator> nvidia_rows() {
  return {
      {"v100",
       {"volta"},
       {"binary16"},
       "4 products and the addend, 23 fraction bits, truncated",
       kBothModels,
       v100,
       true},
      {"turing",
       {"t4", "rtx2080"},
       {"binary16"},
       "8 products and the addend, 24 fraction bits",
       kMmaSim,
       turing,
       true},
      {"a100",
       {"ampere", "a2", "a30"},
       kHalves,
       "8 (tf32: 4) products and the addend, 24 fraction bits",
       kBothModels,
       a100,
       true},
      {"ada",
       {"l40s", "ada_lovelace"},
       kHalvesAndFp8,
       "as a100; FP8: 16 products, 13 fraction bits, result e8m13",
       kBothModels,
       ada,
       true},
      {"h100",
       {"hopper", "h200"},
       kHalvesAndFp8,
       "16 (tf32: 8, FP8: 32) products, 25 fraction bits; FP8: 13, result e8m13",
       kBothModels,
       h100,
       true},
      {"b200",
       {"blackwell", "rtx_blackwell", "rtx_pro_6000"},
       {"binary16", "bfloat16", "tf32", "e4m3fn", "e5m2", "e2m1fn"},
       "16 (tf32: 8, 8 bits and fewer: 32) products, 25 fraction bits",
       kBothModels,
       b200,
       true},
      {"blackwell_mxf4",
       {"mxf4nvf4", "nvfp4_mma"},
       {"e2m1fn"},
       "exact sums of 16 products under block scales, 64 products, 35 fraction bits",
       kMmaSim,
       blackwell_mxf4,
       false},
      {"mma_sync_fp8",
       {"h100_mma_sync", "h200_mma_sync", "b200_mma_sync"},
       kFp8,
       "FP8 mma.sync run in binary16: two sums of 16 products dealt out in pairs, then the addend",
       "derived from the recordings of MATLAB-tensor-core (H100, H200, B200)",
       mma_sync_fp8,
       true},
  };
}

std::vector<NamedAccumulator> amd_rows() {
  return {
      {"cdna1",
       {"mi100"},
       {"binary16", "bfloat16", "binary32"},
       "binary32 tree of 4 (bfloat16: 2) products, then the addend",
       kMmaSim,
       cdna1,
       false},
      {"cdna2",
       {"mi210", "mi250", "mi250x"},
       {"binary16", "bfloat16", "binary32"},
       "as cdna1, 4 products, subnormals flushed; bfloat16 of the _1k instructions",
       kMmaSim,
       cdna2,
       false},
      {"cdna3",
       {"mi300", "mi300a", "mi300x"},
       {"binary16", "bfloat16", "tf32", "e4m3fnuz", "e5m2fnuz", "binary32"},
       "8 (tf32: 4, FP8: 16 in two lanes) products, 24 fraction bits, addend rounded down",
       kMmaSim,
       cdna3,
       false},
  };
}

std::vector<NamedAccumulator> software_rows() {
  return {
      {"deepseek_promotion_128",
       {"deepseek"},
       kFp8,
       "h100 FP8, added to a binary32 sum after each 128 products",
       "DeepSeek-V3 Technical Report, arXiv 2412.19437, 3.3.2",
       deepseek_promotion_128,
       false},
      {"int8_int32",
       {},
       {},
       "int32 sums that wrap",
       "Intel SDM, VPDPBUSD; NVIDIA PTX ISA, mma without .satfinite",
       int8_int32,
       false},
      {"dfp16_int32",
       {},
       {},
       "int32 sums of 8 products of 15-bit operands, added in binary32",
       "Das et al., Mixed Precision Training of CNNs using Integer Operations, arXiv 1802.00930",
       dfp16_int32,
       false},
      {"posit16_quire",
       {"quire16"},
       {},
       "exact sum, rounded once to posit(16,2)",
       "Standard for Posit Arithmetic (2022)",
       posit16_quire,
       false},
  };
}

const std::vector<NamedAccumulator>& rows() {
  static const std::vector<NamedAccumulator> table = [] {
    std::vector<NamedAccumulator> all = nvidia_rows();
    for (const auto& part : {amd_rows(), software_rows()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return table;
}

std::string listed(const Names& names) {
  return joined(std::vector<std::string>(names.begin(), names.end()));
}

/// The argument, when the row covers it.
void check_operand(const NamedAccumulator& row, const Format& format) {
  const bool is_covered =
      std::any_of(row.operands.begin(), row.operands.end(),
                  [&](std::string_view name) { return parse_format(name) == format; });
  if (is_covered) return;
  const std::string name(row.name);
  throw SpecError(row.operands.empty() ? "'" + name + "' takes no operand formats"
                                       : "'" + name + "' is not published for operands in " +
                                             to_spec(format) + "; known: " + listed(row.operands),
                  1);
}

bool is_binary16_result(const NamedAccumulator& row, const PresetArguments& arguments,
                        const Format& a) {
  if (!arguments.result || *arguments.result == Format(kBinary32)) return false;
  if (*arguments.result != Format(kBinary16) || !row.takes_result) {
    throw SpecError("'" + std::string(row.name) + "' has results in binary32" +
                        (row.takes_result ? " or binary16" : " only; write +result(FORMAT)"),
                    1);
  }
  if (!is_fp8(a) && a != Format(kBinary16)) {
    throw SpecError(
        "results in binary16 are published for operands in binary16 and FP8, not " + to_spec(a), 1);
  }
  return true;
}

}  // namespace

std::span<const NamedAccumulator> named_accumulators() { return rows(); }

const NamedAccumulator* find_named_accumulator(std::string_view name) {
  for (const NamedAccumulator& row : rows()) {
    const bool is_alias =
        std::find(row.aliases.begin(), row.aliases.end(), name) != row.aliases.end();
    if (row.name == name || is_alias) return &row;
  }
  return nullptr;
}

AccumulatorSpec named_accumulator(const NamedAccumulator& row, const PresetArguments& arguments) {
  std::vector<Format> operands = arguments.operands;
  for (const Format& format : operands) check_operand(row, format);
  if (operands.empty()) {
    operands.push_back(row.operands.empty() ? Format(kBinary16) : parse_format(row.operands[0]));
  }
  if (operands.size() == 1) operands.push_back(operands[0]);
  if (operands[0] != operands[1] && !(is_fp8(operands[0]) && is_fp8(operands[1]))) {
    throw SpecError(
        "'" + std::string(row.name) + "' mixes operands of 8 bits and fewer only; give one format",
        1);
  }
  return row.make(operands[0], operands[1], is_binary16_result(row, arguments, operands[0]));
}

}  // namespace halfulp
