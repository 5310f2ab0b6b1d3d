// The ordered binary32 products of sim/gemm.h against OpenBLAS SGEMM, one thread, interleaved.
// Shapes are those of a GPT's training step (2048 tokens): forward (nt), input gradient (nn),
// weight gradient (tn). Run with OPENBLAS_CORETYPE=HASWELL HALFULP_SIMD=avx2 to compare at AVX2.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/interleaved.h"
#include "bench/products.h"
#include "bench/usage.h"
#include "sim/aligned_vector.h"
#include "sim/simd_target.h"

namespace {

using halfulp::AlignedVector;
using halfulp::ConstMatrix;
using halfulp::Matrix;
using halfulp::bench::Form;

struct Shape {
  std::string name;
  Form form;
  std::size_t m, n, k;
  std::size_t a_stride = 0;  ///< 0: the rows follow one another
  std::size_t b_stride = 0;
};

struct Problem {
  explicit Problem(const Shape& s)
      : shape(s),
        a_rows(s.form == Form::tn ? s.k : s.m),
        a_cols(s.form == Form::tn ? s.m : s.k),
        b_rows(s.form == Form::nt ? s.n : s.k),
        b_cols(s.form == Form::nt ? s.k : s.n),
        a_stride(s.a_stride != 0 ? s.a_stride : a_cols),
        b_stride(s.b_stride != 0 ? s.b_stride : b_cols),
        a(a_rows * a_stride),
        b(b_rows * b_stride),
        c(s.m * s.n),
        c_blas(s.m * s.n) {
    std::mt19937 rng(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (float& x : a) x = uniform(rng);
    for (float& x : b) x = uniform(rng);
  }

  ConstMatrix left() const { return {a.data(), a_rows, a_cols, a_stride}; }

  ConstMatrix right() const { return {b.data(), b_rows, b_cols, b_stride}; }

  void run_ours() {
    halfulp::bench::multiply(shape.form, left(), right(), {c.data(), shape.m, shape.n, shape.n});
  }

  void run_blas() {
    const Matrix out{c_blas.data(), shape.m, shape.n, shape.n};
    halfulp::bench::multiply_by_openblas(shape.form, left(), right(), out);
  }

  /// Bits are the tests' business; here only that both compute the same product.
  void check() {
    run_ours();
    run_blas();
    const float limit = 1e-5F * static_cast<float>(shape.k);
    for (std::size_t i = 0; i < c.size(); ++i) {
      if (!(std::abs(c[i] - c_blas[i]) <= limit))
        throw std::runtime_error("wrong product: " + shape.name);
    }
  }

  double flop() const {
    return 2.0 * static_cast<double>(shape.m) * static_cast<double>(shape.n) *
           static_cast<double>(shape.k);
  }

  Shape shape;
  std::size_t a_rows, a_cols, b_rows, b_cols, a_stride, b_stride;
  AlignedVector<float> a, b, c, c_blas;
};

struct Times {
  double ours = 0;
  double blas = 0;
  double flop = 0;
};

/// Seconds for one product of each; a timed repetition takes about 10 ms so that CPU time resolves
/// it.
Times measure(const Shape& shape, std::size_t repetitions) {
  Problem problem(shape);
  problem.check();
  const int calls = std::max(1, static_cast<int>(1.2e9 / problem.flop()));
  std::vector<halfulp::bench::Contender> contenders = {
      {"ours",
       [&] {
         for (int i = 0; i < calls; ++i) problem.run_ours();
       }},
      {"OpenBLAS",
       [&] {
         for (int i = 0; i < calls; ++i) problem.run_blas();
       }},
  };
  halfulp::bench::measure(contenders, repetitions);
  return {contenders[0].median() / calls, contenders[1].median() / calls, problem.flop()};
}

void print_row(const std::string& name, const std::string& form, const std::string& shape,
               const Times& t) {
  fmt::print("| {} | {} | {} | {:.1f} | {:.1f} | {:.2f} |\n", name, form, shape,
             t.flop / t.ours * 1e-9, t.flop / t.blas * 1e-9, t.blas / t.ours);
}

Times measure_and_print(const Shape& s, std::size_t repetitions) {
  const Times t = measure(s, repetitions);
  print_row(s.name, to_string(s.form), fmt::format("{} x {} x {}", s.m, s.n, s.k), t);
  std::fflush(stdout);
  return t;
}

struct Layer {
  const char* name;
  std::size_t outputs, inputs;
};

/// All products of one training step of a GPT with the given width, blocks and tied head.
void measure_model(const char* model, std::size_t width, int blocks, std::size_t repetitions) {
  constexpr std::size_t kTokens = 2048;
  const Layer layers[] = {{"qkv", 3 * width, width},
                          {"proj", width, width},
                          {"fc", 4 * width, width},
                          {"fc2", width, 4 * width},
                          {"head", 256, width}};
  Times total;
  for (const Layer& layer : layers) {
    const std::string name = fmt::format("{} {}", model, layer.name);
    const int count = std::string(layer.name) == "head" ? 1 : blocks;
    const Shape shapes[] = {{name, Form::nt, kTokens, layer.outputs, layer.inputs},
                            {name, Form::nn, kTokens, layer.inputs, layer.outputs},
                            {name, Form::tn, layer.outputs, layer.inputs, kTokens}};
    for (const Shape& shape : shapes) {
      const Times t = measure_and_print(shape, repetitions);
      total.ours += count * t.ours;
      total.blas += count * t.blas;
      total.flop += count * t.flop;
    }
  }
  print_row(fmt::format("**{} all, weighted**", model), "", "", total);
}

/// Per-head products on 64 rows: heads are 32 columns of a (tokens x 3 width) matrix.
void measure_attention(std::size_t repetitions) {
  constexpr std::size_t kHead = 32;
  constexpr std::size_t kRows = 64;
  for (const std::size_t width : {64U, 256U}) {
    for (const std::size_t keys : {64U, 256U}) {
      const std::size_t qkv = 3 * width;
      const std::string name = fmt::format("attention C={}", width);
      measure_and_print({name, Form::nt, kRows, keys, kHead, qkv, qkv}, repetitions);
      measure_and_print({name, Form::nn, kRows, kHead, keys, keys, qkv}, repetitions);
      measure_and_print({name, Form::tn, keys, kHead, kRows, keys, qkv}, repetitions);
    }
  }
}

void print_tables(std::size_t repetitions) {
  fmt::print("SIMD target {}; GFLOP/s of one thread, medians of {} interleaved repetitions\n\n",
             halfulp::simd_target(), repetitions);
  fmt::print(
      "| product | form | M x N x K | halfulp | OpenBLAS | ratio |\n|---|---|---|---|---|---|\n");
  for (const Form form : {Form::nn, Form::nt, Form::tn}) {
    measure_and_print({"square", form, 256, 256, 256}, repetitions);
  }
  measure_attention(repetitions);
  measure_model("a", 64, 2, repetitions);
  measure_model("b", 128, 4, repetitions);
  measure_model("c", 256, 6, repetitions);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr halfulp::bench::Usage kUsage = {
      "gemm_bench", "[REPETITIONS]",
      "The ordered binary32 products against OpenBLAS SGEMM, in the shapes of a GPT's training "
      "step, on one thread.\n"
      "  REPETITIONS  of each case at least, default 9"};
  if (const auto code = halfulp::bench::answer(argc, argv, kUsage, 1)) return *code;
  const std::size_t repetitions = halfulp::bench::repetitions(argc, argv, kUsage, 9);
  if (repetitions == 0) return 2;
  try {
    halfulp::initialize_numerics();
    openblas_set_num_threads(1);
    print_tables(repetitions);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "gemm_bench: {}\n", error.what());
    return 1;
  }
}
