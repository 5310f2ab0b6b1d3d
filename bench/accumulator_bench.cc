// Matrix products under an accumulator against the binary32 products of sim/gemm.h, one thread,
// interleaved. Shapes are those of gemm_bench: a square and a GPT's training step (2048 tokens).
// The first rows are OpenBLAS and multiply-adds in registers, the most that the machine can do.
// Operands are normal random numbers rounded to the format that the table names; integers fill a
// quarter of their range.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "bench/fma_peak.h"
#include "bench/interleaved.h"
#include "bench/products.h"
#include "bench/usage.h"
#include "formats/accumulator_spec.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "sim/accumulated_gemm.h"
#include "sim/accumulated_reference.h"
#include "sim/aligned_vector.h"
#include "sim/gemm_task.h"
#include "sim/simd_target.h"

namespace {

using namespace halfulp;  // NOLINT(google-build-using-namespace): a program, not a library

using bench::Form;

struct Shape {
  std::string name;
  Form form;
  std::size_t m, n, k;
};

struct Row {
  std::string name;
  std::string operands;
  AccumulatorSpec spec;
  bool is_slow = false;  ///< measured on the smallest shape only
};

struct Problem {
  Problem(const Shape& s, const std::string& operands)
      : shape(s), a(s.m * s.k), b(s.k * s.n), c(s.m * s.n) {
    const Format format = parse_format(operands);
    std::mt19937 rng(1);
    std::normal_distribution<double> normal;
    for (AlignedVector<float>* values : {&a, &b}) {
      const auto* integer = std::get_if<IntegerFormat>(&format);
      const double scale = integer == nullptr ? 1.0 : std::ldexp(1.0, integer->bits - 3);
      for (float& x : *values) x = static_cast<float>(round(format, {}, scale * normal(rng)));
    }
  }

  ConstMatrix left() const {
    return shape.form == Form::tn ? ConstMatrix{a.data(), shape.k, shape.m, shape.m}
                                  : ConstMatrix{a.data(), shape.m, shape.k, shape.k};
  }

  ConstMatrix right() const {
    return shape.form == Form::nt ? ConstMatrix{b.data(), shape.n, shape.k, shape.k}
                                  : ConstMatrix{b.data(), shape.k, shape.n, shape.n};
  }

  Matrix out() { return {c.data(), shape.m, shape.n, shape.n}; }

  void run(const AccumulatedGemm& gemm) {
    switch (shape.form) {
      case Form::nn:
        return gemm.nn(left(), right(), out());
      case Form::nt:
        return gemm.nt(left(), right(), out());
      case Form::tn:
        return gemm.tn(left(), right(), out());
    }
  }

  /// The first row by the definition.
  void check(const Row& row, const AccumulatedGemm& gemm) {
    run(gemm);
    std::vector<float> expected(shape.n);
    GemmTask task;
    task.a = left();
    task.b = right();
    task.c = {expected.data(), 1, shape.n, shape.n};
    task.depth = shape.k;
    task.a_transposed = shape.form == Form::tn;
    task.b_transposed = shape.form == Form::nt;
    accumulated_reference(row.spec, task);
    if (std::memcmp(expected.data(), c.data(), shape.n * sizeof(float)) != 0) {
      throw std::runtime_error("wrong product: " + row.name);
    }
  }

  double terms() const {
    return static_cast<double>(shape.m) * static_cast<double>(shape.n) *
           static_cast<double>(shape.k);
  }

  Shape shape;
  AlignedVector<float> a, b, c;
};

/// Seconds of the plain product and of the row's.
struct Times {
  double plain = 0;
  double ours = 0;
};

/// `product` beside the binary32 product.
Times measure_product(Problem& problem, const std::function<void()>& product, bool is_slow,
                      std::size_t repetitions) {
  const int plain_calls = std::max(1, static_cast<int>(1e9 / problem.terms()));
  const int calls = is_slow ? 1 : std::max(1, static_cast<int>(4e8 / problem.terms()));
  std::vector<bench::Contender> contenders = {
      {"binary32",
       [&] {
         for (int i = 0; i < plain_calls; ++i) {
           bench::multiply(problem.shape.form, problem.left(), problem.right(), problem.out());
         }
       }},
      {"ours",
       [&] {
         for (int i = 0; i < calls; ++i) product();
       }},
  };
  bench::measure(contenders, repetitions);
  return {contenders[0].median() / plain_calls, contenders[1].median() / calls};
}

Times measure_row(const Row& row, const Shape& shape, std::size_t repetitions) {
  Problem problem(shape, row.operands);
  const AccumulatedGemm gemm(row.spec);
  problem.check(row, gemm);
  return measure_product(
      problem, [&] { problem.run(gemm); }, row.is_slow, repetitions);
}

Times measure_openblas(const Shape& shape, std::size_t repetitions) {
  Problem problem(shape, "binary32");
  const auto product = [&] {
    bench::multiply_by_openblas(shape.form, problem.left(), problem.right(), problem.out());
  };
  return measure_product(problem, product, false, repetitions);
}

Times measure_peak(const Shape& shape, std::size_t repetitions) {
  Problem problem(shape, "binary32");
  volatile float sum = 0;
  const auto terms = static_cast<std::size_t>(problem.terms());
  const auto product = [&] { sum = bench::multiply_in_registers(terms); };
  return measure_product(problem, product, false, repetitions);
}

AccumulatorSpec rounded(const std::string& format, int every = 1) {
  AccumulatorSpec spec;
  spec.method = RoundedSum{
      {parse_format(format), {Rounding::nearest_even, Overflow::infinity}}, every, {}, {}};
  return spec;
}

AccumulatorSpec stochastic(const std::string& format, int bits, bool shared) {
  AccumulatorSpec spec;
  spec.method = RoundedSum{
      {parse_format(format), {Rounding::stochastic, Overflow::infinity, bits}}, 1, {}, {}};
  spec.shared_draws = shared;
  return spec;
}

AccumulatorSpec promoted(AccumulatorSpec spec, int interval) {
  spec.promotion =
      Promotion{interval, {parse_format("binary32"), {Rounding::nearest_even, Overflow::infinity}}};
  return spec;
}

Row named(const std::string& accumulator, const std::string& operands) {
  return {accumulator, operands, parse_accumulator(accumulator)};
}

std::vector<Row> make_rows() {
  AccumulatorSpec toward_zero = rounded("e8m13");
  std::get<RoundedSum>(toward_zero.method).sum.rounding.rounding = Rounding::toward_zero;
  return {
      {"nearest_even, p = 8", "e4m3fn", rounded("bfloat16")},
      {"nearest_even, p = 11", "e4m3fn", rounded("e8m10")},
      {"nearest_even, p = 14", "e4m3fn", rounded("e8m13")},
      {"nearest_even, p = 8", "binary32", rounded("bfloat16")},
      {"nearest_even, p = 11", "binary32", rounded("e8m10")},
      {"nearest_even, p = 14", "binary32", rounded("e8m13")},
      {"nearest_away, p = 8", "binary32", parse_accumulator("bfloat16+nearest_away")},
      {"toward_zero, p = 14", "binary32", toward_zero},
      {"every 4, p = 11", "e4m3fn", rounded("e8m10", 4)},
      {"every 16, p = 11", "e4m3fn", rounded("e8m10", 16)},
      {"every 32, p = 11", "e4m3fn", rounded("e8m10", 32)},
      {"stochastic(13), p = 11, shared", "e4m3fn", stochastic("e8m10", 13, true)},
      {"stochastic(13), p = 11", "e4m3fn", stochastic("e8m10", 13, false)},
      {"p = 14, promotion 128", "e4m3fn", promoted(rounded("e8m13"), 128)},
      {"p = 11, promotion 128", "e4m3fn", promoted(rounded("e8m10"), 128)},
      named("kahan(bfloat16)", "e4m3fn"),
      named("kahan(e8m13)", "e4m3fn"),
      named("two_sum(bfloat16)", "e4m3fn"),
      named("bfloat16+pairwise", "e4m3fn"),
      named("bfloat16+interleaved(8)", "e4m3fn"),
      named("bfloat16+product(bfloat16)", "e4m3fn"),
      named("e8m13+product(binary32)", "binary32"),
      {"bfloat16+toward_positive", "e4m3fn", parse_accumulator("bfloat16+toward_positive"), true},
      named("v100(binary16)", "binary16"),
      named("a100(binary16)", "binary16"),
      named("a100(bfloat16)", "bfloat16"),
      named("a100(binary16,result=binary16)", "binary16"),
      named("h100(binary16)", "binary16"),
      named("h100(e4m3fn)", "e4m3fn"),
      named("b200(e4m3fn)", "e4m3fn"),
      named("deepseek_promotion_128(e4m3fn)", "e4m3fn"),
      named("cdna3(binary16)", "binary16"),
      named("cdna3(e4m3fnuz)", "e4m3fnuz"),
      named("int32+wrap+result(binary32)", "int8"),
      named("int16", "int8"),
      named("int32+wrap+result(binary32)", "int16"),
      named("int32+result(binary32)", "int16"),
      named("exact(binary32)", "e4m3fn"),
      named("exact(binary32)", "e5m2"),
      named("exact(binary32)", "binary16"),
      named("exact(binary32)", "bfloat16"),
      named("exact(binary32)", "binary32"),
      named("posit16_quire", "posit(16,2)"),
  };
}

/// The products of a training step's largest layer in each of three models, and a square.
std::vector<Shape> make_shapes() {
  std::vector<Shape> shapes = {{"square", Form::nt, 256, 256, 256}};
  for (const std::size_t width : {64U, 128U, 256U}) {
    const std::string name = fmt::format("C={}", width);
    shapes.push_back({name, Form::nt, 2048, 4 * width, width});
    shapes.push_back({name, Form::nn, 2048, width, 4 * width});
    shapes.push_back({name, Form::tn, 4 * width, width, 2048});
  }
  return shapes;
}

using Measurement = std::function<Times(const Shape&)>;

void print_row(const std::string& title, const std::vector<Shape>& shapes,
               const Measurement& measure) {
  fmt::print("\n{}", title);
  for (const Shape& s : shapes) {
    const Times t = measure(s);
    if (&s == shapes.data()) {
      fmt::print(" {:.1f} |", static_cast<double>(s.m * s.n * s.k) / t.ours * 1e-9);
    }
    fmt::print(" {:.3f} |", t.plain / t.ours);
    std::fflush(stdout);
  }
}

void print_table(std::size_t repetitions, const std::string& part) {
  const std::vector<Shape> shapes = make_shapes();
  fmt::print(
      "SIMD target {}; speed relative to the binary32 product of the same shape, medians of "
      "{} interleaved repetitions\n\n| sum | operands | G terms/s |",
      simd_target(), repetitions);
  for (const Shape& s : shapes) fmt::print(" {} {}x{}x{} |", s.name, s.m, s.n, s.k);
  fmt::print("\n|---|---|--:|");
  for (std::size_t i = 0; i < shapes.size(); ++i) fmt::print("--:|");
  print_row("| FMAs in registers | |", shapes,
            [&](const Shape& s) { return measure_peak(s, repetitions); });
  print_row("| OpenBLAS SGEMM | binary32 |", shapes,
            [&](const Shape& s) { return measure_openblas(s, repetitions); });
  for (const Row& row : make_rows()) {
    const std::string title = fmt::format("| {} | {} |", row.name, row.operands);
    if (title.find(part) == std::string::npos) continue;
    print_row(title, row.is_slow ? std::vector{shapes.front()} : shapes,
              [&](const Shape& s) { return measure_row(row, s, repetitions); });
  }
  fmt::print("\n");
}

}  // namespace

constexpr bench::Usage kUsage = {
    "accumulator_bench", "[REPETITIONS [ROW]]",
    "Matrix products under accumulators, as ratios to the binary32 products of the same shapes, on "
    "one thread.\n"
    "  REPETITIONS  of each case at least, default 9\n"
    "  ROW          only rows whose beginning has this text, as \"int16 |\""};

int main(int argc, char** argv) {
  if (const auto code = bench::answer(argc, argv, kUsage, 2)) return *code;
  const std::size_t repetitions = bench::repetitions(argc, argv, kUsage, 9);
  if (repetitions == 0) return 2;
  try {
    initialize_numerics();
    openblas_set_num_threads(1);
    print_table(repetitions, argc > 2 ? argv[2] : "");
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "accumulator_bench: {}\n", error.what());
    return 1;
  }
}
