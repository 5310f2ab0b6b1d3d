// Presets of named_accumulators.h against what GPUs returned. Recordings: MATLAB-tensor-core
// (vectors/tensor_core/README.md).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "formats/accumulate.h"
#include "formats/accumulator_spec.h"
#include "formats/codec.h"
#include "formats/spec.h"

namespace halfulp {
namespace {

struct Row {
  std::vector<Number> a, b;
  Number c;
  std::uint32_t binary32 = 0, binary16 = 0;  ///< results, both as binary32 codes
};

struct Set {
  std::string gpu, format;
  std::size_t length;    ///< products of one dot product
  const char* binary32;  ///< the accumulator of the instruction that was recorded
  const char* binary16;  ///< the same with a binary16 result, or nullptr
  /// The binary32 results of FP8 on H100 and H200 are of wgmma with c = 0, whatever stands in the
  /// file (Validate_TC_models.m of the source).
  bool zero_c = false;
};

/// FP8 of Ada are QMMA instructions. H100, H200 and B200 have no FP8 mma.sync of their own: it runs
/// through binary16.
const std::vector<Set>& sets() {
  static const std::vector<Set> list = {
      {"V100", "fp16", 4, "v100(binary16)", "v100(binary16,result=binary16)"},
      {"A100", "fp16", 8, "a100(binary16)", "a100(binary16,result=binary16)"},
      {"A100", "bf16", 8, "a100(bfloat16)", nullptr},
      {"A100", "tf32", 4, "a100(tf32)", nullptr},
      {"A2", "fp16", 8, "a2(binary16)", "a2(binary16,result=binary16)"},
      {"A2", "bf16", 8, "a2(bfloat16)", nullptr},
      {"A2", "tf32", 4, "a2(tf32)", nullptr},
      {"Ada", "fp16", 8, "ada(binary16)", "ada(binary16,result=binary16)"},
      {"Ada", "bf16", 8, "ada(bfloat16)", nullptr},
      {"Ada", "tf32", 4, "ada(tf32)", nullptr},
      {"Ada", "E4M3", 32, "ada(e4m3fn)", "ada(e4m3fn,result=binary16)"},
      {"Ada", "E5M2", 32, "ada(e5m2)", "ada(e5m2,result=binary16)"},
      {"L40S", "fp16", 8, "l40s(binary16)", "l40s(binary16,result=binary16)"},
      {"L40S", "bf16", 8, "l40s(bfloat16)", nullptr},
      {"L40S", "tf32", 4, "l40s(tf32)", nullptr},
      {"L40S", "E4M3", 32, "l40s(e4m3fn)", nullptr},
      {"L40S", "E5M2", 32, "l40s(e5m2)", nullptr},
      {"H100", "fp16", 16, "h100(binary16)", "h100(binary16,result=binary16)"},
      {"H100", "bf16", 16, "h100(bfloat16)", nullptr},
      {"H100", "tf32", 4, "h100(tf32)", nullptr},
      {"H100", "E4M3", 32, "h100(e4m3fn)", nullptr, true},
      {"H100", "E5M2", 32, "h100(e5m2)", nullptr, true},
      {"H100", "E4M3", 32, nullptr, "mma_sync_fp8(e4m3fn,result=binary16)"},
      {"H100", "E5M2", 32, nullptr, "mma_sync_fp8(e5m2,result=binary16)"},
      {"H200", "fp16", 16, "h200(binary16)", "h200(binary16,result=binary16)"},
      {"H200", "bf16", 16, "h200(bfloat16)", nullptr},
      {"H200", "tf32", 4, "h200(tf32)", nullptr},
      {"H200", "E4M3", 32, "h200(e4m3fn)", nullptr, true},
      {"H200", "E5M2", 32, "h200(e5m2)", nullptr, true},
      {"H200", "E4M3", 32, nullptr, "mma_sync_fp8(e4m3fn,result=binary16)"},
      {"H200", "E5M2", 32, nullptr, "mma_sync_fp8(e5m2,result=binary16)"},
      {"B200", "fp16", 16, "b200(binary16)", "b200(binary16,result=binary16)"},
      {"B200", "bf16", 16, "b200(bfloat16)", nullptr},
      {"B200", "tf32", 4, "b200(tf32)", nullptr},
      {"B200", "E4M3", 32, "mma_sync_fp8(e4m3fn)", "mma_sync_fp8(e4m3fn,result=binary16)"},
      {"B200", "E5M2", 32, "mma_sync_fp8(e5m2)", "mma_sync_fp8(e5m2,result=binary16)"},
  };
  return list;
}

Format format_of(const Set& set) {
  if (set.format == "E4M3") return parse_format("e4m3fn");
  return parse_format(set.format);
}

Number binary32_number(std::uint32_t code) { return decode(parse_format("binary32"), code); }

std::vector<Number> codes(const Format& format, const std::string& text) {
  const std::size_t digits = (static_cast<std::size_t>(width(format)) + 3) / 4;
  std::vector<Number> numbers;
  for (std::size_t at = 0; at < text.size(); at += digits) {
    numbers.push_back(decode(format, std::stoul(text.substr(at, digits), nullptr, 16)));
  }
  return numbers;
}

std::uint32_t hex(const std::string& text) {
  return static_cast<std::uint32_t>(std::stoul(text, nullptr, 16));
}

/// The rows that stand in this repository; none for other GPUs.
std::vector<Row> committed_rows(const Set& set) {
  std::ifstream file(std::string(HALFULP_SOURCE_DIR) + "/tests/formats/vectors/tensor_core/" +
                     set.gpu + "_" + set.format + ".txt");
  std::vector<Row> rows;
  std::string a, b, c, d;
  const bool has_binary16 = set.format != "bf16" && set.format != "tf32";
  while (file >> a >> b >> c >> d) {
    Row row{codes(format_of(set), a), codes(format_of(set), b), binary32_number(hex(c)), hex(d), 0};
    if (has_binary16 && file >> d) row.binary16 = hex(d);
    rows.push_back(row);
  }
  return rows;
}

std::vector<std::uint32_t> words(const std::filesystem::path& path, int base) {
  std::ifstream file(path);
  std::vector<std::uint32_t> result;
  for (std::string word; file >> word;) {
    result.push_back(static_cast<std::uint32_t>(std::stoul(word, nullptr, base)));
  }
  return result;
}

/// All rows of a folder laid out as the source's model_validation; none where it has no such set.
std::vector<Row> folder_rows(const std::filesystem::path& folder, const Set& set) {
  const std::filesystem::path base = folder / set.gpu / set.format;
  const auto name = [&](const char* operand, const std::string& format) {
    return base / (operand + ("_" + set.gpu) + "_" + format + ".txt");
  };
  const auto a = words(name("a", set.format), 16);
  const auto b = words(name("b", set.format), 16);
  const auto c = words(name("c", "fp32"), 2);
  const auto binary32 = words(name("d", "fp32"), 2);
  const auto binary16 = words(name("d", "fp16"), 2);
  std::vector<Row> rows(c.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].c = binary32_number(c[i]);
    for (std::size_t k = i * set.length; k < (i + 1) * set.length; ++k) {
      rows[i].a.push_back(binary32_number(a.at(k)));
      rows[i].b.push_back(binary32_number(b.at(k)));
    }
    if (!binary32.empty()) rows[i].binary32 = binary32.at(i);
    if (!binary16.empty()) rows[i].binary16 = binary16.at(i);
  }
  return rows;
}

std::size_t mismatches(const std::vector<Row>& rows, const char* preset, bool zero_c,
                       std::uint32_t Row::*expected) {
  const AccumulatorSpec spec = parse_accumulator(preset);
  std::size_t count = 0;
  for (const Row& row : rows) {
    Flags flags;
    const Number d = accumulate(spec, row.a, row.b, zero_c ? Number{} : row.c, {}, flags);
    if (encode(parse_format("binary32"), d) != row.*expected) ++count;
  }
  return count;
}

void expect_reproduced(const Set& set, const std::vector<Row>& rows) {
  if (set.binary32 != nullptr) {
    EXPECT_EQ(mismatches(rows, set.binary32, set.zero_c, &Row::binary32), 0u)
        << set.gpu << " " << set.format << " " << set.binary32;
  }
  if (set.binary16 != nullptr) {
    EXPECT_EQ(mismatches(rows, set.binary16, false, &Row::binary16), 0u)
        << set.gpu << " " << set.format << " " << set.binary16;
  }
}

TEST(TensorCoreRecordings, PresetsGiveWhatTheHardwareGave) {
  std::size_t total = 0;
  for (const Set& set : sets()) {
    const std::vector<Row> rows = committed_rows(set);
    total += rows.size();
    expect_reproduced(set, rows);
  }
  EXPECT_EQ(total, 3200u);  // 16 sets of V100, A100, Ada and H100
}

TEST(TensorCoreRecordings, EveryRowOfAFolder) {
  const char* const folder = std::getenv("HALFULP_TENSOR_CORE_RECORDINGS");
  if (folder == nullptr) GTEST_SKIP() << "HALFULP_TENSOR_CORE_RECORDINGS names no folder";
  std::size_t results = 0;
  for (const Set& set : sets()) {
    const std::vector<Row> rows = folder_rows(folder, set);
    results += rows.size() * ((set.binary32 != nullptr) + (set.binary16 != nullptr));
    expect_reproduced(set, rows);
  }
  EXPECT_GT(results, 0u);
  RecordProperty("results", static_cast<int>(results));
  std::printf("%zu recorded results\n", results);
}

/// What distinguishes the rules: each change of one knob is refuted by the recordings.
TEST(TensorCoreRecordings, RefuteNeighbouringRules) {
  struct Wrong {
    const char* gpu;
    const char* format;
    const char* accumulator;
    bool zero_c = false;
  };

  for (const Wrong& wrong :
       {Wrong{"V100", "fp16", "a100(binary16)"}, Wrong{"A100", "fp16", "v100(binary16)"},
        Wrong{"A100", "bf16", "h100(bfloat16)"}, Wrong{"H100", "fp16", "a100(binary16)"},
        Wrong{"H100", "E4M3", "b200(e4m3fn)", true}, Wrong{"H100", "E4M3", "ada(e4m3fn)", true},
        Wrong{"Ada", "E4M3", "h100(e4m3fn)"},
        Wrong{"A100", "bf16", "a100(bfloat16)+nearest_even"}}) {
    const Set set{wrong.gpu, wrong.format, 0, nullptr, nullptr};
    const std::vector<Row> rows = committed_rows(set);
    ASSERT_FALSE(rows.empty());
    EXPECT_GT(mismatches(rows, wrong.accumulator, wrong.zero_c, &Row::binary32), 0u)
        << wrong.gpu << " " << wrong.accumulator;
  }
}

}  // namespace
}  // namespace halfulp
