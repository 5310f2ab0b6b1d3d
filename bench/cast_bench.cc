// Rounding and quantizing of binary32 arrays, as a ratio to memcpy of the same array in the same
// run.
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/array_table.h"
#include "bench/usage.h"
#include "formats/named_formats.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "sim/aligned_vector.h"
#include "sim/code_arithmetic.h"
#include "sim/packed.h"
#include "sim/quantizer.h"
#include "sim/rounder.h"

namespace halfulp {
namespace {

using bench::Case;
using bench::fill;

// Rounding is in place, quantizing to another array, as training uses them.
constexpr bench::Size kSizes[] = {
    {"L1 16 KiB", 4096}, {"L2 512 KiB", 131072}, {"DRAM 256 MiB", 67108864}};
constexpr std::size_t kColumns = 256;

Case rounding_case(const std::string& format, const RoundSpec& spec, bool is_in_place = true) {
  const Rounder rounder(parse_format(format), spec);
  return {format + " " + rounding_to_string(spec) + (is_in_place ? "" : ", to another array"),
          is_in_place,
          [rounder](const float* in, float* out, std::size_t n) { rounder.round(in, out, n); }};
}

Case quantizer_case(const std::string& text) {
  const auto quantizer = std::make_shared<const Quantizer>(parse_quantizer(text));
  return {"quantize " + text, false, [quantizer](const float* in, float* out, std::size_t n) {
            quantizer->quantize({in, n / kColumns, kColumns, kColumns},
                                {out, n / kColumns, kColumns, kColumns});
          }};
}

/// Packing to codes and back.
void add_packing_cases(std::vector<Case>& cases, const std::string& format) {
  const CodePacker packer(parse_format(format));
  const Rounder rounder(parse_format(format), {});
  const auto codes = std::make_shared<std::vector<std::uint8_t>>();
  const auto values = std::make_shared<AlignedVector<float>>();
  const auto prepare = [=](const float* in, std::size_t n) {
    if (values->size() == n) return;
    values->resize(n);
    codes->resize(packed_bytes(parse_format(format), n));
    rounder.round(in, values->data(), n);
  };
  cases.push_back({"pack " + format, false, [=](const float* in, float*, std::size_t n) {
                     prepare(in, n);
                     packer.pack(values->data(), n, codes->data());
                   }});
  cases.push_back({"unpack " + format, false, [=](const float* in, float* out, std::size_t n) {
                     prepare(in, n);
                     packer.unpack(codes->data(), n, out);
                   }});
}

/// Arithmetic on pseudo-random codes, two in the place of an element.
Case arithmetic_case(const std::string& format, Operation operation) {
  const CodeArithmetic arithmetic(operation, parse_format(format), {});
  const std::uint32_t mask = (1U << width(parse_format(format))) - 1;
  const auto codes = std::make_shared<std::vector<std::uint16_t>>();
  return {"codes " + std::string(describe(operation).name) + " " + format, false,
          [=](const float*, float* out, std::size_t n) {
            if (codes->size() != n) {
              codes->resize(n);
              std::uint32_t state = 1;
              for (std::uint16_t& code : *codes) {
                state = state * 1664525 + 1013904223;
                code = static_cast<std::uint16_t>(state >> 13 & mask);
              }
            }
            const std::uint16_t* c = codes->data();
            auto* results = reinterpret_cast<std::uint16_t*>(out);
            arithmetic.apply(c, c + n / 3, c + n / 2, results, n / 2);
            arithmetic.apply(c + n / 4, c, c + n / 3, results + n / 2, n / 2);
          }};
}

/// A wrong answer is not worth timing.
void check_against_scalar(const std::string& format, const RoundSpec& spec) {
  AlignedVector<float> x(5000);
  fill(x);
  AlignedVector<float> y(x.size());
  Rounder(parse_format(format), spec).round(x.data(), y.data(), x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::uint64_t random = spec.random_bits == 0 ? 0 : random_bits({}, i, spec.random_bits);
    const double expected = round(parse_format(format), spec, static_cast<double>(x[i]), random);
    if (static_cast<double>(y[i]) != expected) {
      throw std::runtime_error(fmt::format("{}: {} gave {}", format, x[i], y[i]));
    }
  }
}

/// Named formats, then others that reach each method and its limits.
std::vector<std::string> formats_to_measure() {
  std::vector<std::string> specs;
  for (const NamedFormat& row : named_formats()) {
    if (fits_binary32(row.format)) specs.push_back(to_spec(row.format));
  }
  for (const char* spec :
       {"e3m0", "e4m5", "e6m9", "e8m2", "e8m15", "e5m22", "float(4,3,fn,subnormals=off)",
        "float(4,3,fn,subnormals=flush_input)", "float(8,7,subnormals=off)", "e5m23", "e8m3fnuz",
        "float(3,2,unsigned)", "float(0,7,finite)", "fixed(8,4)", "p3109(8,3,signed,extended)"}) {
    specs.emplace_back(spec);
  }
  return specs;
}

/// `only`: part of the names of the cases to run.
int run(const std::string& only) {
  initialize_numerics();
  const RoundSpec nearest;
  const RoundSpec stochastic{Rounding::stochastic, Overflow::saturate, 16};
  std::vector<Case> cases;
  for (const std::string& format : formats_to_measure()) {
    check_against_scalar(format, nearest);
    cases.push_back(rounding_case(format, nearest));
  }
  cases.push_back(rounding_case("e4m3fn", nearest, false));
  for (const char* format : {"e4m3fn", "e5m2", "e2m1fn", "bfloat16", "binary16", "int8", "int4"}) {
    check_against_scalar(format, stochastic);
    cases.push_back(rounding_case(format, stochastic));
  }
  cases.push_back(rounding_case("e4m3fn", {Rounding::toward_zero}));
  for (const char* format : {"posit(16,2)", "nf4", "bnb_dynamic8", "posit(8,2)"}) {
    cases.push_back(rounding_case(format, {Rounding::toward_zero}));
  }
  cases.push_back(rounding_case("e4m3fn", {Rounding::stochastic, Overflow::saturate, 24}));
  for (const char* text : {"e4m3fn", "e4m3fn+row", "e4m3fn+column", "e4m3fn+group(32)", "int4+row",
                           "e4m3fn+stochastic(16)"}) {
    cases.push_back(quantizer_case(text));
  }
  for (const char* format :
       {"e2m1fn", "e3m2fn", "e4m3fn", "bfloat16", "binary16", "posit(16,2)", "tf32"}) {
    add_packing_cases(cases, format);
  }
  for (const char* format : {"e4m3fn", "binary16", "posit(16,2)"}) {
    for (const Operation operation :
         {Operation::add, Operation::mul, Operation::div, Operation::fma}) {
      cases.push_back(arithmetic_case(format, operation));
    }
  }
  std::erase_if(cases, [&](const Case& c) { return c.name.find(only) == std::string::npos; });
  bench::print_table(kSizes, cases);
  return 0;
}

}  // namespace
}  // namespace halfulp

int main(int argc, char** argv) {
  constexpr halfulp::bench::Usage kUsage = {
      "cast_bench", "[CASE]",
      "Rounding, quantizing, packing and arithmetic of binary32 arrays, as a ratio to memcpy of "
      "the "
      "same array.\n"
      "  CASE  only cases whose name contains it, such as e4m3fn"};
  if (const auto code = halfulp::bench::answer(argc, argv, kUsage, 1)) return *code;
  return halfulp::run(argc > 1 ? argv[1] : "");
}
