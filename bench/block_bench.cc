// Quantizing to block formats and back, in place on binary32 arrays, as a ratio to memcpy of the
// same array in the same run.
#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/interleaved.h"
#include "formats/block.h"
#include "formats/block_spec.h"
#include "sim/aligned_vector.h"
#include "sim/block_quantizer.h"
#include "sim/quantizer.h"
#include "sim/simd_target.h"

namespace halfulp {
namespace {

struct Size {
  const char* name;
  std::size_t elements;
};

constexpr Size kSizes[] = {{"L2 512 KiB", 131072}, {"DRAM 256 MiB", 67108864}};
constexpr std::size_t kColumns = 1024;
constexpr std::size_t kRepetitions = 11;
constexpr double kElementsPerRepetition = 2e7;

struct Case {
  std::string name;
  std::function<void(Matrix)> run;
};

void fill(AlignedVector<float>& x) {
  std::uint32_t state = 1;
  for (float& value : x) {
    state = state * 1664525 + 1013904223;
    value = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-27F;
  }
}

/// A wrong answer is not worth timing.
void check_against_reference(const BlockFormat& format) {
  constexpr std::size_t kRows = 40;
  AlignedVector<float> x(kRows * kColumns);
  fill(x);
  const auto random = [&](std::size_t index) {
    return random_bits({}, index, format.rounding.random_bits);
  };
  const std::vector<float> expected =
      quantize_blocks(format, x.data(), kRows, kColumns, random).values;
  BlockQuantizer(format).quantize({x.data(), kRows, kColumns, kColumns},
                                  {x.data(), kRows, kColumns, kColumns});
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] != expected[i]) {
      throw std::runtime_error(fmt::format("{}: element {}: {}", to_spec(format), i, x[i]));
    }
  }
}

Case block_case(const std::string& text) {
  const BlockFormat format = parse_block_format(text);
  check_against_reference(format);
  const auto quantizer = std::make_shared<const BlockQuantizer>(format);
  return {text, [quantizer](Matrix x) { quantizer->quantize(x, x); }};
}

Case group_case(const std::string& text) {
  const auto quantizer = std::make_shared<const Quantizer>(parse_quantizer(text));
  return {text, [quantizer](Matrix x) { quantizer->quantize(x, x); }};
}

/// G elements/s of memcpy and of every case, for one size on the target in use.
std::vector<double> rates(const Size& size, const std::vector<Case>& cases) {
  AlignedVector<float> in(size.elements);
  AlignedVector<float> out(size.elements);
  fill(in);
  out = in;
  const auto loops = static_cast<std::size_t>(
      std::max(1.0, kElementsPerRepetition / static_cast<double>(size.elements)));
  std::vector<bench::Contender> contenders;
  contenders.push_back({"memcpy", [&] {
                          for (std::size_t i = 0; i < loops; ++i) {
                            std::memcpy(out.data(), in.data(), size.elements * sizeof(float));
                            asm volatile("" : : "r"(out.data()) : "memory");
                          }
                        }});
  for (const Case& c : cases) {
    contenders.push_back(
        {c.name, [&] {
           const Matrix x{out.data(), size.elements / kColumns, kColumns, kColumns};
           for (std::size_t i = 0; i < loops; ++i) c.run(x);
         }});
  }
  bench::measure(contenders, kRepetitions);
  std::vector<double> result;
  for (const bench::Contender& contender : contenders) {
    result.push_back(static_cast<double>(loops * size.elements) / contender.median() * 1e-9);
  }
  return result;
}

void print_table(const std::vector<Case>& cases, const std::vector<std::string>& targets) {
  fmt::print("\nG elements/s (ratio to memcpy of the same array), {} columns\n\n| case |",
             kColumns);
  std::vector<std::vector<double>> columns;
  for (const std::string& target : targets) {
    force_simd_target(target);
    for (const Size& size : kSizes) {
      fmt::print(" {} {} |", target, size.name);
      columns.push_back(rates(size, cases));
    }
  }
  fmt::print("\n|---|");
  for (std::size_t i = 0; i < columns.size(); ++i) fmt::print("--:|");
  for (std::size_t row = 0; row <= cases.size(); ++row) {
    fmt::print("\n| {} |", row == 0 ? "memcpy" : cases[row - 1].name);
    for (const std::vector<double>& column : columns) {
      fmt::print(" {:.2f} ({:.2f}) |", column[row], column[row] / column[0]);
    }
  }
  fmt::print("\n");
}

int run() {
  initialize_numerics();
  std::vector<Case> cases;
  for (const char* text :
       {"mxfp8_e4m3", "mxfp8_e4m3(columns)", "mxfp6_e3m2", "mxfp4", "mxfp4(columns)",
        "mxfp4(rceil)", "mxfp4(32x32)", "mxint8", "mxint8(columns)", "nvfp4", "nvfp4(columns)",
        "nvfp4(16x16)", "nvfp4(torchao)", "nvfp4(torchao,columns)",
        "mxfp4(rounding=stochastic(16))", "mxfp4(rounding=stochastic(16),columns)",
        "grouped(int4,block=32,scale=binary16)"}) {
    cases.push_back(block_case(text));
  }
  for (const char* text : {"e4m3fn+group(32)", "e4m3fn+group(32,columns)", "int4+group(128)"}) {
    cases.push_back(group_case(text));
  }
  std::vector<std::string> targets = {simd_target()};
  if (targets[0] == "avx3") targets.emplace_back("avx2");
  print_table(cases, targets);
  return 0;
}

}  // namespace
}  // namespace halfulp

int main() { return halfulp::run(); }
