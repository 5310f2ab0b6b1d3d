// Approximate arithmetic against the binary32 forms of this project in the same run, one thread:
// products without a multiplier against the ordered GEMM, two-pass softmax and functions in
// bfloat16 against the training kernels.
#include <fmt/format.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/interleaved.h"
#include "bench/usage.h"
#include "formats/spec.h"
#include "sim/aligned_vector.h"
#include "sim/approximate_gemm.h"
#include "sim/format_functions.h"
#include "sim/gemm.h"
#include "sim/nn/kernels.h"
#include "sim/random.h"
#include "sim/random_purpose.h"
#include "sim/simd_target.h"
#include "sim/two_pass_softmax.h"

namespace halfulp::bench {
namespace {

constexpr std::size_t kRepetitions = 7;
constexpr std::size_t kSize = 256;
/// Rows and columns of the functions: attention rows of 256 positions.
constexpr std::size_t kRows = 256, kCols = 256;

AlignedVector<float> numbers(std::size_t n, std::uint32_t tensor) {
  AlignedVector<float> x(n);
  const RandomStream stream = {1, static_cast<std::uint32_t>(RandomPurpose::samples), tensor, 0};
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<float>(random_normal(stream, i));
  return x;
}

void print(const std::vector<Contender>& contenders, const char* reference) {
  fmt::print("\n| case | time over {} |\n|---|--:|\n", reference);
  for (const Contender& contender : contenders) {
    fmt::print("| {} | {:.2f} |\n", contender.name, contender.median() / contenders[0].median());
  }
}

void products() {
  const AlignedVector<float> a = numbers(kSize * kSize, 0), b = numbers(kSize * kSize, 1);
  AlignedVector<float> c(kSize * kSize);
  const ConstMatrix left = {a.data(), kSize, kSize, kSize};
  const ConstMatrix right = {b.data(), kSize, kSize, kSize};
  const Matrix out = {c.data(), kSize, kSize, kSize};
  std::vector<Contender> contenders = {{"ordered GEMM", [&] { gemm_nn(left, right, out); }}};
  for (const char* rule : {"exact", "mitchell", "l_mul(7)", "l_mul_integer(7)"}) {
    const ApproximateProduct product = parse_product(rule);
    approximate_gemm_nn(product, left, right, out);
    float sum = 0.0F;
    for (std::size_t k = 0; k < kSize; ++k) {
      sum += static_cast<float>(approximate_multiply(product, static_cast<double>(a[k]),
                                                     static_cast<double>(b[k * kSize])));
    }
    if (sum != c[0]) throw std::runtime_error(fmt::format("{} is wrong", rule));
    contenders.push_back({rule, [=] { approximate_gemm_nn(product, left, right, out); }});
  }
  measure(contenders, kRepetitions);
  print(contenders, "the ordered GEMM, 256^3");
}

void functions() {
  const AlignedVector<float> x = numbers(kRows * kCols, 2);
  AlignedVector<float> y(x.size());
  const Destination bfloat16 = {parse_format("bfloat16"),
                                {Rounding::nearest_even, Overflow::infinity}};
  const FormatFunctions in_format(uniform_arithmetic(bfloat16));
  const auto& kernels = nn::kernels<float>();
  std::vector<Contender> contenders = {
      {"softmax of the training kernels",
       [&] { kernels.causal_softmax_forward(y.data(), kCols, kRows, kCols, 0, 1.0F); },
       [&] { y = x; }},
      {"two-pass softmax, twice the elements",
       [&] { two_pass_softmax(x.data(), y.data(), kRows, kCols); }},
      {"softmax in bfloat16, twice the elements",
       [&] { in_format.softmax(x.data(), y.data(), kRows, kCols); }}};
  measure(contenders, kRepetitions);
  print(contenders, "the causal softmax of binary32, 256 x 256");
  contenders = {
      {"GELU of the training kernels", [&] { kernels.gelu_forward(x.data(), y.data(), x.size()); }},
      {"GELU in bfloat16", [&] { in_format.gelu(x.data(), y.data(), x.size()); }}};
  measure(contenders, kRepetitions);
  print(contenders, "GELU of binary32");
}

}  // namespace
}  // namespace halfulp::bench

int main(int argc, char** argv) {
  constexpr halfulp::bench::Usage kUsage = {
      "approximate_bench", "",
      "Products without a multiplier as ratios to the ordered binary32 product, and two-pass "
      "softmax and functions\nin bfloat16 as ratios to the training kernels, on one thread."};
  if (const auto code = halfulp::bench::answer(argc, argv, kUsage, 0)) return *code;
  halfulp::initialize_numerics();
  halfulp::bench::products();
  halfulp::bench::functions();
  return 0;
}
