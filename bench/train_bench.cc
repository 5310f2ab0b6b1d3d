// A whole training step (forward, backward, clipping norm, AdamW) on one thread, for the three GPT
// shapes of docs/BENCHMARKS.md: tokens per second, the share that is linear-layer GEMM, and the
// cost of E4M3 quantizers on every linear operand; then the cost of accumulators under all
// products, or those of linear layers or of attention alone.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bench/interleaved.h"
#include "bench/usage.h"
#include "formats/accumulator_spec.h"
#include "sim/gemm.h"
#include "sim/nn/kernels.h"
#include "sim/nn/transformer.h"
#include "sim/random.h"
#include "sim/simd_target.h"

namespace {

using namespace halfulp;  // NOLINT(google-build-using-namespace)
using halfulp::bench::Contender;

constexpr std::size_t kTokens = 2048;

nn::ModelConfig gpt_shape(char letter) {
  nn::ModelConfig config;
  config.norm = nn::Norm::layer_norm;
  config.positions = nn::Positions::learned;
  config.activation = nn::Activation::gelu;
  config.tied_head = true;
  const std::size_t row = letter == 'a' ? 0 : letter == 'b' ? 1 : 2;
  config.width = std::vector<std::size_t>{64, 128, 256}[row];
  config.blocks = std::vector<std::size_t>{2, 4, 6}[row];
  config.heads = std::vector<std::size_t>{2, 4, 8}[row];
  config.context = std::vector<std::size_t>{64, 128, 256}[row];
  config.hidden = 4 * config.width;
  return config;
}

/// One model with its optimizer state and a fixed batch.
class Trainer {
 public:
  Trainer(const nn::ModelConfig& config, const nn::ModelNumerics& numerics)
      : sequences_(kTokens / config.context),
        model_(config, numerics, sequences_),
        m_(model_.weights().size()),
        v_(model_.weights().size()),
        inputs_(kTokens),
        targets_(kTokens) {
    model_.initialize(1);
    for (std::size_t i = 0; i < kTokens; ++i) {
      inputs_[i] = static_cast<std::uint8_t>('a' + random_word({1, 9, 0, 0}, i) % 26);
      targets_[i] = static_cast<std::uint8_t>('a' + random_word({1, 9, 1, 0}, i) % 26);
    }
  }

  double step() {
    const double loss =
        model_.loss_and_gradient(inputs_.data(), targets_.data(), sequences_, {1, count_++});
    const auto& kernels = nn::kernels<float>();
    const std::size_t n = m_.size();
    const double norm = std::sqrt(kernels.sum_of_squares(model_.gradients().data(), n));
    kernels.adamw_update({1e-3, 0.9, 0.95, 1e-8, 0.1, 0.1, 0.05, norm > 1.0 ? 1.0 / norm : 1.0},
                         model_.weights().data(), model_.gradients().data(), m_.data(), v_.data(),
                         n);
    return loss;
  }

 private:
  std::size_t sequences_;
  nn::Transformer<float> model_;
  AlignedVector<float> m_, v_;
  std::vector<std::uint8_t> inputs_, targets_;
  std::uint32_t count_ = 0;
};

/// The three products of every linear layer of one step, nothing else.
class LinearProducts {
 public:
  explicit LinearProducts(const nn::ModelConfig& config) : config_(config) {
    const std::size_t widest = kTokens * 4 * config.width;
    x_.resize(widest, 0.5F);
    y_.resize(widest, 0.25F);
    w_.resize(4 * config.width * config.width + 256 * config.width, 0.125F);
  }

  void run() {
    const std::size_t c = config_.width;
    for (std::size_t block = 0; block < config_.blocks; ++block) {
      layer(c, 3 * c);
      layer(c, c);
      layer(c, 4 * c);
      layer(4 * c, c);
    }
    layer(c, 256);
  }

 private:
  void layer(std::size_t in, std::size_t out) {
    const Matrix x = {x_.data(), kTokens, in, in}, y = {y_.data(), kTokens, out, out};
    const Matrix w = {w_.data(), out, in, in};
    gemm_nt(x, w, y);
    gemm_nn(y, w, x);
    gemm_tn(y, x, w);
    // Products of products would overflow: what is timed has ordinary numbers in it.
    std::fill(x_.begin(), x_.end(), 0.5F);
    std::fill(w_.begin(), w_.end(), 0.125F);
  }

  nn::ModelConfig config_;
  AlignedVector<float> x_, y_, w_;
};

nn::ModelNumerics quantized(const char* spec) {
  const nn::OperandSpec q = nn::parse_operand(spec);
  return {{q, q, q, q, q, q}, {"head"}};
}

/// Operands of fprop and of the two backward products.
struct OperandRow {
  const char* name;
  const char* input;
  const char* weight;
  const char* grad_output;
  const char* backward_weight;
  const char* backward_input;
};

nn::ModelNumerics operands(const OperandRow& row) {
  const auto g = nn::parse_operand(row.grad_output);
  return {{nn::parse_operand(row.input), nn::parse_operand(row.weight), g,
           nn::parse_operand(row.backward_weight), g, nn::parse_operand(row.backward_input)},
          {"head"}};
}

void print_rate(char letter, double seconds) {
  Trainer trainer(gpt_shape(letter), {});
  trainer.step();
  std::size_t steps = 0;
  const double start = bench::cpu_seconds();
  while (bench::cpu_seconds() - start < seconds) {
    trainer.step();
    ++steps;
  }
  fmt::print("{:.1f}\n", static_cast<double>(steps * kTokens) / (bench::cpu_seconds() - start));
}

void print_row(char letter) {
  const nn::ModelConfig config = gpt_shape(letter);
  Trainer exact(config, {}), e4m3(config, quantized("e4m3fn")),
      rows(config, quantized("e4m3fn+row")), unscaled(config, quantized("e4m3fn+unscaled"));
  LinearProducts products(config);
  std::vector<Contender> contenders = {{"binary32", [&] { exact.step(); }},
                                       {"GEMM", [&] { products.run(); }},
                                       {"e4m3fn", [&] { e4m3.step(); }},
                                       {"e4m3fn+row", [&] { rows.step(); }},
                                       {"e4m3fn+unscaled", [&] { unscaled.step(); }}};
  bench::measure(contenders, letter == 'c' ? 9 : 41);
  const double base = contenders[0].median();
  fmt::print("| {} | {} | {:.0f} | {:.0f} % | {:.3f} | {:.3f} | {:.3f} |\n", letter,
             nn::total_parameters(config), kTokens / base, 100.0 * contenders[1].median() / base,
             contenders[2].median() / base, contenders[3].median() / base,
             contenders[4].median() / base);
}

/// E4M3 operands in the linear layers, their products and attention's under these accumulators.
nn::ModelNumerics accumulated(const char* linear, const char* attention) {
  nn::ModelNumerics numerics = quantized("e4m3fn");
  const AccumulatorSpec sums = parse_accumulator(linear);
  numerics.linear.fprop = numerics.linear.dgrad = numerics.linear.wgrad = sums;
  const AccumulatorSpec other = parse_accumulator(attention);
  numerics.attention = {other, other, other, other, other, other};
  return numerics;
}

void print_accumulators(char letter) {
  const nn::ModelConfig config = gpt_shape(letter);
  const char* specs[] = {"e8m7",
                         "e8m10",
                         "e8m13",
                         "e8m10+stochastic(12)",
                         "e8m10+every(16)",
                         "e8m10+promote(128,binary32)"};
  std::vector<std::unique_ptr<Trainer>> trainers;
  std::vector<Contender> contenders;
  const auto add = [&](const std::string& name, const nn::ModelNumerics& numerics) {
    trainers.push_back(std::make_unique<Trainer>(config, numerics));
    contenders.push_back({name, [trainer = trainers.back().get()] { trainer->step(); }});
  };
  add("binary32", {});
  add("e4m3fn, sums in binary32", quantized("e4m3fn"));
  for (const char* spec : specs) add(spec, accumulated(spec, spec));
  for (const char* spec : {"e8m10", "e8m13", "h100(e4m3fn)"}) {
    add(spec + std::string(", linear layers"), accumulated(spec, "binary32"));
  }
  for (const char* spec : {"e8m10", "e8m13"}) {
    add(spec + std::string(", attention"), accumulated("binary32", spec));
  }
  bench::measure(contenders, letter == 'a' ? 21 : letter == 'b' ? 5 : 3);
  const double base = contenders[0].median();
  for (const Contender& contender : contenders) {
    fmt::print("| {} | {} | {:.2f} |\n", letter, contender.name, contender.median() / base);
  }
}

constexpr const char* kFourBack = "mxfp4(prescale=3/4)+stochastic(16)+hadamard(32,random)";

constexpr OperandRow kOperandRows[] = {
    {"e4m3fn", "e4m3fn", "e4m3fn", "e4m3fn", "e4m3fn", "e4m3fn"},
    {"e4m3fn+stochastic(16)", "e4m3fn+stochastic(16)", "e4m3fn+stochastic(16)",
     "e4m3fn+stochastic(16)", "e4m3fn+stochastic(16)", "e4m3fn+stochastic(16)"},
    {"e4m3fn, e5m2 gradients, delayed(1024)", "e4m3fn+delayed(1024)", "e4m3fn+delayed(1024)",
     "e5m2+delayed(1024)", "e4m3fn+delayed(1024)", "e4m3fn+delayed(1024)"},
    {"e4m3fn+fixed(1)", "e4m3fn+fixed(1)", "e4m3fn+fixed(1)", "e5m2+fixed(1)", "e4m3fn+fixed(1)",
     "e4m3fn+fixed(1)"},
    {"e4m3fn+tile(1,128), weights tile(128,128)", "e4m3fn+tile(1,128)", "e4m3fn+tile(128,128)",
     "e4m3fn+tile(1,128)", "e4m3fn+tile(128,128)", "e4m3fn+tile(1,128)"},
    {"mxfp8_e4m3", "mxfp8_e4m3", "mxfp8_e4m3", "mxfp8_e4m3", "mxfp8_e4m3", "mxfp8_e4m3"},
    {"mxfp4", "mxfp4", "mxfp4", "mxfp4", "mxfp4", "mxfp4"},
    {"mxfp4 rotated, backward rotated and stochastic", "mxfp4+hadamard(32)", "mxfp4+hadamard(32)",
     kFourBack, kFourBack, kFourBack},
    {"the same with rms(floor) and trust forward", "mxfp4+hadamard(32)+rms(floor)+trust",
     "mxfp4+hadamard(32)+rms(floor)+trust", kFourBack, kFourBack, kFourBack},
    {"e2m1fn+row, dge(5,3) weights", "e2m1fn+row", "e2m1fn+row+dge(5,3)", "e4m3fn", "e2m1fn+row",
     "e2m1fn+row"},
    {"e2m1fn+row+clamp(0.99,compensate) inputs", "e2m1fn+row+clamp(0.99,compensate)", "e2m1fn+row",
     "e4m3fn", "e2m1fn+row", "e2m1fn+row+clamp(0.99,compensate)"},
    {"int4 learned", "int8+learned", "int4+row+learned", "binary32", "int4+row+learned",
     "int8+learned"},
    {"int8+smooth(0.5)", "int8+smooth(0.5)", "int8+row+smooth(0.5)", "int8", "int8", "int8"},
};

void print_operands(char letter) {
  const nn::ModelConfig config = gpt_shape(letter);
  std::vector<std::unique_ptr<Trainer>> trainers;
  std::vector<Contender> contenders;
  const auto add = [&](const std::string& name, const nn::ModelNumerics& numerics) {
    trainers.push_back(std::make_unique<Trainer>(config, numerics));
    contenders.push_back({name, [trainer = trainers.back().get()] { trainer->step(); }});
  };
  add("binary32", {});
  for (const OperandRow& row : kOperandRows) add(row.name, operands(row));
  bench::measure(contenders, letter == 'a' ? 15 : letter == 'b' ? 7 : 3);
  const double base = contenders[0].median();
  for (const Contender& contender : contenders) {
    fmt::print("| {} | {} | {:.3f} |\n", letter, contender.name, contender.median() / base);
  }
}

}  // namespace

constexpr bench::Usage kUsage = {
    "train_bench", "[MODELS | --operands MODELS | --rate MODEL SECONDS]",
    "A whole training step of GPT models on one thread: tokens per second, what quantizers on the "
    "operands of\nlinear layers cost, and what accumulators cost.\n"
    "  MODELS                letters of the shapes in docs/BENCHMARKS.md, default abc\n"
    "  --operands MODELS     what other operands of linear layers cost, nothing else\n"
    "  --rate MODEL SECONDS  the binary32 rate alone, which bench/train_torch.py asks for"};

int main(int argc, char** argv) {
  if (const auto code = bench::answer(argc, argv, kUsage, 3)) return *code;
  if (argc > 1 && argv[1][0] != '-' &&
      (argc > 2 || std::string_view(argv[1]).find_first_not_of("abc") != std::string_view::npos)) {
    fmt::print(stderr,
               "train_bench: '{}' are not models of a, b and c; --help says what it takes\n",
               fmt::join(argv + 1, argv + argc, " "));
    return 2;
  }
  initialize_numerics();
  if (argc == 4 && std::strcmp(argv[1], "--rate") == 0) {
    print_rate(argv[2][0], std::atof(argv[3]));
    return 0;
  }
  if (argc == 3 && std::strcmp(argv[1], "--operands") == 0) {
    fmt::print("| model | operands of linear layers | step / binary32 step |\n|---|---|--:|\n");
    for (const char letter : std::string(argv[2])) print_operands(letter);
    return 0;
  }
  const std::string models = argc > 1 ? argv[1] : "abc";
  fmt::print("Training step, one thread, {} tokens a batch, target {}\n\n", kTokens, simd_target());
  fmt::print(
      "| model | parameters | binary32 tokens/s | linear GEMM share | e4m3fn / binary32 | "
      "e4m3fn+row "
      "| e4m3fn+unscaled |\n|---|--:|--:|--:|--:|--:|--:|\n");
  for (const char letter : models) print_row(letter);
  fmt::print(
      "\nThe same step under accumulators, over the binary32 step; E4M3 operands in linear "
      "layers\n\n"
      "| model | sums | step / binary32 step |\n|---|---|--:|\n");
  for (const char letter : models) print_accumulators(letter);
}
