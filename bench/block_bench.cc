// Quantizing to block formats and back, in place on binary32 arrays, as a ratio to memcpy of the
// same array in the same run.
#include <fmt/format.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/array_table.h"
#include "bench/usage.h"
#include "formats/block.h"
#include "formats/block_spec.h"
#include "sim/aligned_vector.h"
#include "sim/block_quantizer.h"
#include "sim/quantizer.h"

namespace halfulp {
namespace {

using bench::Case;
using bench::fill;

constexpr bench::Size kSizes[] = {{"L2 512 KiB", 131072}, {"DRAM 256 MiB", 67108864}};
constexpr std::size_t kColumns = 1024;

/// In place, rows of kColumns.
template <class AnyQuantizer>
Case case_of(const std::string& text, std::shared_ptr<const AnyQuantizer> quantizer) {
  return {text, true, [quantizer](const float*, float* out, std::size_t n) {
            const Matrix x{out, n / kColumns, kColumns, kColumns};
            quantizer->quantize(x, x);
          }};
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
  return case_of(text, std::make_shared<const BlockQuantizer>(format));
}

Case group_case(const std::string& text) {
  return case_of(text, std::make_shared<const Quantizer>(parse_quantizer(text)));
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
  bench::print_table(kSizes, cases);
  return 0;
}

}  // namespace
}  // namespace halfulp

int main(int argc, char** argv) {
  constexpr halfulp::bench::Usage kUsage = {
      "block_bench", "",
      "Quantizing binary32 arrays to block formats and back, as a ratio to memcpy of the same "
      "array."};
  if (const auto code = halfulp::bench::answer(argc, argv, kUsage, 0)) return *code;
  return halfulp::run();
}
