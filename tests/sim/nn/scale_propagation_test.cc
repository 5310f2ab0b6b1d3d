// Scales that follow from the network: the rules by hand, what products read against scalar
// rounding, and how near the scales are to the tensors of a model that has not been trained.
#include "sim/nn/scale_propagation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "formats/round.h"
#include "formats/spec.h"
#include "sim/nn/counters.h"
#include "sim/nn/trainer.h"
#include "sim/nn/transformer.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kSequences = 4;

/// No power of two, so that every root is rounded down.
ModelConfig odd_model() {
  ModelConfig config;
  config.blocks = 2;
  config.width = 96;
  config.heads = 3;
  config.context = 48;
  config.hidden = 200;
  return config;
}

LinearNumerics numerics_of(const char* forward, const char* backward) {
  const OperandSpec x = parse_operand(forward), g = parse_operand(backward);
  return {x, x, g, x, g, x};
}

/// An operand as a product read it.
struct Read {
  double scale, rms, underflow, saturation;
  std::vector<float> before, after;
};

using Reads = std::map<std::string, Read>;

double rms(const std::vector<float>& x) {
  double sum = 0.0;
  for (const float value : x) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum / static_cast<double>(x.size()));
}

/// Operands of the first pass forward and backward, by layer and operand.
Reads first_pass(const ModelConfig& config, const LinearNumerics& linear, double* loss = nullptr,
                 double loss_scale = 1.0) {
  ModelNumerics numerics;
  numerics.linear = linear;
  numerics.high_precision = {};
  Transformer<float> model(config, numerics, kSequences);
  model.initialize(3);
  std::vector<std::uint8_t> bytes(kSequences * config.context + 1);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(random_word({9, 0, 0, 0}, i) >> 24);
  }
  Reads reads;
  const QuantizationObserver look = [&](const QuantizedOperand& seen) {
    const std::size_t n = seen.before.rows * seen.before.cols;
    const CounterValues counts = count_quantized(seen);
    Read read = {static_cast<double>(seen.scales.data[0]),
                 0.0,
                 counts[static_cast<std::size_t>(Counter::underflow_share)],
                 counts[static_cast<std::size_t>(Counter::saturation_share)],
                 {seen.before.data, seen.before.data + n},
                 {seen.after.data, seen.after.data + n}};
    read.rms = rms(read.before);
    reads[seen.layer + " " + std::string(seen.operand)] = std::move(read);
  };
  const StepKey key = {.seed = 1, .loss_scale = loss_scale, .quantization = &look};
  const double value = model.loss_and_gradient(bytes.data(), bytes.data() + 1, kSequences, key);
  if (loss != nullptr) *loss = value;
  return reads;
}

TEST(ScalePropagation, RulesOfATransformerByHand) {
  // Weights: 1/16, 1/32, 1/16, 1/32 below their standard deviations; roots of 96, 48 and 32: 8, 4,
  // 4; the logits' factor 32^-1/2: 1/8.
  ModelConfig config = odd_model();
  PropagatedScales scales = propagated_scales(config);
  EXPECT_EQ(scales.block.qkv, (LayerScales{1.0F, 1 / 16.0F, 1 / 4.0F}));
  EXPECT_EQ(scales.block.output, (LayerScales{1 / 2.0F, 1 / 32.0F, 1.0F}));
  EXPECT_EQ(scales.block.up, (LayerScales{1.0F, 1 / 16.0F, 1 / 8.0F}));
  EXPECT_EQ(scales.block.down, (LayerScales{1 / 4.0F, 1 / 32.0F, 1.0F}));
  EXPECT_EQ(scales.head, (LayerScales{1.0F, 1 / 64.0F, 1.0F}));
  config.activation = Activation::gelu;
  scales = propagated_scales(config);
  EXPECT_EQ(scales.block.up, (LayerScales{1.0F, 1 / 16.0F, 1 / 8.0F}));
  EXPECT_EQ(scales.block.down, (LayerScales{1 / 4.0F, 1 / 32.0F, 1.0F}));
  // One query and key that grow with the width of a head: the gradient of queries is the larger.
  config.heads = 1;
  config.context = 4;
  EXPECT_EQ(propagated_scales(config).block.qkv.gradient, 1 / 4.0F);
}

TEST(ScalePropagation, PowersOfTwoAreRoundedDown) {
  for (const auto& [x, expected] : std::map<double, double>{
           {1.0, 1.0}, {1.999, 1.0}, {2.0, 2.0}, {0.3, 0.25}, {0x1.8p-40, 0x1p-40}, {0.0, 1.0}}) {
    EXPECT_EQ(power_of_two_below(x), expected) << x;
  }
  EXPECT_EQ(power_of_two_below(std::nan("")), 1.0);
  EXPECT_EQ(power_of_two_below(HUGE_VAL), 1.0);
  const std::vector<float> x = {3.0F, -4.0F, 0.0F, 0.0F, 0.0F, 0.0F};
  EXPECT_EQ(rescaled(x.data(), 2, 3), 2.0F);  // sqrt(25 / 6) = 2.04
}

TEST(ScalePropagation, ProductsReadScalarCastsOfDataOverScales) {
  const PropagatedScales scales = propagated_scales(odd_model());
  const Reads reads = first_pass(odd_model(), numerics_of("e4m3fn+propagated", "e5m2+propagated"));
  // Three operands of four layers in each block and of the head; the others share them.
  ASSERT_EQ(reads.size(), 27U);
  const std::map<std::string, LayerScales> layers = {{"attention.qkv", scales.block.qkv},
                                                     {"attention.output", scales.block.output},
                                                     {"mlp.up", scales.block.up},
                                                     {"mlp.down", scales.block.down},
                                                     {"head", scales.head}};
  std::map<std::string, double> branch;  // where the gradient was rescaled
  for (const auto& [name, read] : reads) {
    if (read.scale == 0.0 || name.find("grad_output") == std::string::npos) continue;
    const std::string layer = name.substr(0, name.find(' '));
    if (layer == "head" || layer.ends_with("output") || layer.ends_with("down")) {
      EXPECT_EQ(read.scale, power_of_two_below(read.rms)) << name;
      branch[layer.substr(0, layer.rfind('.'))] = read.scale;
    }
  }
  for (const auto& [name, read] : reads) {
    const std::string layer = name.substr(0, name.find(' '));
    const bool is_gradient = name.find("grad_output") != std::string::npos;
    for (const auto& [suffix, own] : layers) {
      if (!layer.ends_with(suffix)) continue;
      const float gain = is_gradient                      ? own.gradient
                         : name.ends_with("fprop_weight") ? own.weight
                                                          : own.input;
      const double start = is_gradient ? branch.at(layer.substr(0, layer.rfind('.'))) : 1.0;
      EXPECT_EQ(read.scale, start * static_cast<double>(gain)) << name;
    }
    const Format format = parse_format(is_gradient ? "e5m2" : "e4m3fn");
    for (std::size_t i = 0; i < read.before.size(); ++i) {
      const double data = static_cast<double>(read.before[i]) / read.scale;
      ASSERT_EQ(static_cast<double>(read.after[i]), round(format, {}, data, 0) * read.scale)
          << name;
    }
  }
}

TEST(ScalePropagation, Binary32WithPropagatedScalesIsBinary32) {
  double plain = 0.0, scaled = 0.0;
  first_pass(odd_model(), binary32_numerics(), &plain);
  const char* operand = "binary32+scale_binary32+propagated";
  first_pass(odd_model(), numerics_of(operand, operand), &scaled);
  EXPECT_EQ(scaled, plain);
}

TEST(ScalePropagation, ALossScaleScalesGradientsAlone) {
  const LinearNumerics numerics = numerics_of("e4m3fn+propagated", "e5m2+propagated");
  const Reads plain = first_pass(odd_model(), numerics);
  const Reads scaled = first_pass(odd_model(), numerics, nullptr, 0x1p20);
  for (const auto& [name, read] : plain) {
    const bool is_gradient = name.find("grad_output") != std::string::npos;
    EXPECT_EQ(scaled.at(name).scale, read.scale * (is_gradient ? 0x1p20 : 1.0)) << name;
  }
}

/// RMS of the data a tensor is cast from.
double data_rms(const Reads& reads, const std::string& name) {
  return reads.at(name).rms / reads.at(name).scale;
}

TEST(ScalePropagation, ScalesAtInitializationAreNearTheTensorsSizes) {
  // What the rules leave over: parts of roots that rounding down drops, and the RMS of activation
  // functions of normal numbers and of their slopes (by quadrature), in the place of a power of
  // two.
  struct Rest {
    Activation activation;
    double value, slope;
  };

  for (const Rest& rest : {Rest{Activation::swiglu, 0.5965 / 0.25, 0.6063 / 0.5},
                           Rest{Activation::gelu, 0.6521 / 0.25, 0.6752 / 0.5}}) {
    ModelConfig config = odd_model();
    config.activation = rest.activation;
    const Reads reads = first_pass(config, numerics_of("e4m3fn+propagated", "e5m2+propagated"));
    for (const Parameter& p : model_parameters(config)) {
      const auto read = reads.find(p.name + " fprop_weight");
      if (read == reads.end()) continue;
      EXPECT_NEAR(read->second.rms, p.init_std, 0.02 * p.init_std) << p.name;
      EXPECT_EQ(read->second.scale, power_of_two_below(p.init_std)) << p.name;
    }
    for (const std::string block : {"blocks.0.", "blocks.1."}) {
      for (const char* layer : {"attention.qkv", "mlp.up"}) {
        EXPECT_NEAR(data_rms(reads, block + layer + " fprop_input"), 1.0, 0.02);
      }
      EXPECT_NEAR(data_rms(reads, block + "mlp.down fprop_input"), rest.value, 0.08 * rest.value);
      const double start = data_rms(reads, block + "mlp.down dgrad_grad_output");
      const double down = 0.5 / std::sqrt(200.0) * 32.0, root = std::sqrt(96.0) / 8.0;
      const double expected = start * down * root * rest.slope;
      EXPECT_NEAR(data_rms(reads, block + "mlp.up dgrad_grad_output"), expected, 0.06 * expected);
      for (const char* layer :
           {"attention.output dgrad_grad_output", "mlp.down dgrad_grad_output"}) {
        EXPECT_GE(data_rms(reads, block + layer), 1.0);
        EXPECT_LT(data_rms(reads, block + layer), 2.0);
      }
      // Positions attend to few or many others and values are alike: no more than the magnitude.
      for (const char* name : {"attention.output fprop_input", "attention.qkv dgrad_grad_output"}) {
        EXPECT_GT(data_rms(reads, block + name), 0.25);
        EXPECT_LT(data_rms(reads, block + name), 4.0);
      }
    }
  }
}

TEST(ScalePropagation, CountersShowWhatScalesLoseAndClip) {
  const Reads wide = first_pass(odd_model(), numerics_of("e4m3fn+propagated", "e5m2+propagated"));
  for (const auto& [name, read] : wide) {
    EXPECT_EQ(read.saturation, 0.0) << name;
    EXPECT_LT(read.underflow, 0.005) << name;
  }
  const Reads narrow = first_pass(odd_model(), numerics_of("e2m1fn+propagated", "e5m2+propagated"));
  // Data below half of the least number 0.5 becomes 0: of normal numbers erf(0.25 / (r sqrt(2))).
  const Read& weight = narrow.at("blocks.0.mlp.up fprop_weight");
  const double ratio = weight.rms / weight.scale;
  EXPECT_NEAR(weight.underflow, std::erf(0.25 / (ratio * std::sqrt(2.0))), 0.01);
  EXPECT_EQ(weight.saturation, 0.0);  // beyond 7: 4.3 standard deviations
  EXPECT_GT(narrow.at("blocks.0.mlp.down fprop_input").saturation, 0.001);
}

TEST(ScalePropagation, TrainingInFp8StaysNearBinary32) {
  static const Corpus corpus = make_markov(3, 8, 1 << 16, 0.1);
  TrainSpec spec;
  spec.model = odd_model();
  spec.model.width = 24;
  spec.model.context = 16;
  spec.model.hidden = 40;
  spec.loop.schedule = {Schedule::cosine, 1e-2, 0.1, 200, 10, 0};
  spec.sequences = 8;
  spec.evaluation_bytes = 4096;
  const auto loss = [&] { return train(spec, corpus, 1, [](auto, auto) {}).validation_loss; };
  const double exact = loss();
  spec.numerics.linear = numerics_of("e4m3fn+propagated", "e5m2+propagated");
  EXPECT_NEAR(loss(), exact, 0.03);
  EXPECT_LT(exact, std::log(256.0) - 2.0);
  // The same cast without scales loses gradients.
  spec.numerics.linear = numerics_of("e4m3fn+unscaled", "e4m3fn+unscaled");
  EXPECT_GT(loss(), exact + 0.1);
}

TEST(ScalePropagation, ModelsWithoutRulesAreRefused) {
  ModelConfig config = odd_model();
  EXPECT_TRUE(propagates_scales(config));
  for (const int kind : {0, 1, 2}) {
    config = odd_model();
    if (kind == 0) config.mixer = Mixer::state_space;
    if (kind == 1) config.experts = 3;
    if (kind == 2) {
      config.tied_head = false;
      config.parameterization = parameterization_spec(Parameterization::unit_scaling);
    }
    EXPECT_FALSE(propagates_scales(config)) << kind;
    EXPECT_THROW(propagated_scales(config), std::invalid_argument) << kind;
    ModelNumerics numerics;
    numerics.linear.fprop_weight = parse_operand("e4m3fn+propagated");
    EXPECT_THROW(Transformer<float>(config, numerics, 1), std::invalid_argument) << kind;
  }
}

}  // namespace
}  // namespace halfulp::nn
