#include "experiments/kinds/product_operands.h"

#include <array>
#include <cmath>
#include <string>

#include "experiments/kinds/language_model_fields.h"
#include "experiments/kinds/trained_tensors.h"
#include "formats/spec.h"
#include "sim/distribution.h"
#include "sim/quantizer.h"
#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp {

namespace {

using enum FieldType;

constexpr std::array kOwnFields = {
    Field{"rule", choice, "l_mul_integer",
          "what stands in for the product of two significands (docs/APPROXIMATE_ARITHMETIC.md)", 0,
          0, "exact|mitchell|l_mul|l_mul_integer"},
    Field{"quantizer", quantizer, "e4m3fn", "of both operands; its trailing bits are L-Mul's m"},
    Field{"round_product", boolean, "false", "round each product to the operands' format"},
    Field{
        "source", choice, "normal",
        "significands: all pairs of the format's; uniform_significand: samples of [1, 2); trained: "
        "input and weight of a layer of a trained model",
        0, 0, "significands|uniform_significand|uniform|normal|laplace|student_t5|trained"},
    Field{"samples", integer, "1048576", "pairs of numbers drawn", 1, 1e9},
    Field{"length", integer, "1024", "terms of a dot product of samples; divides samples", 1, 1e6},
    Field{"tensor.layer", text, "blocks.0.mlp.up", "trained: the linear layer"},
    Field{"tensor.seed", integer, "0", "trained: seed of the model's weights and batches", 0, 9e18},
};

/// Every pair of significands 1 + i / 2^m as one row each of equal left numbers.
ProductOperands all_significands(int trailing_bits) {
  const std::size_t count = std::size_t{1} << trailing_bits;
  ProductOperands out{count, 1, count, {}, {}, {}, {}};
  out.left.resize(count * count);
  for (std::size_t j = 0; j < count; ++j) {
    const auto value = static_cast<float>(1.0 + std::ldexp(static_cast<double>(j), -trailing_bits));
    out.right.push_back(value);
    for (std::size_t i = 0; i < count; ++i) out.left[j * count + i] = value;
  }
  out.original_left = out.left;
  out.original_right = out.right;
  return out;
}

std::vector<float> sampled(const std::string& source, const RandomStream& stream, std::size_t n) {
  std::vector<float> x(n);
  if (source == "uniform_significand") {
    for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<float>(1.0 + random_unit(stream, i));
  } else {
    sample(parse_distribution(source), stream, 0, x.data(), n);
  }
  return x;
}

ProductOperands originals(const Config& config, std::int64_t seed) {
  ProductOperands out;
  const std::string& source = config.text("source");
  if (source == "trained") {
    const Tensor& input = trained_tensor(config, "activation");
    const Tensor& weight = trained_tensor(config, "weight");
    out = {input.rows, weight.rows, input.cols, {}, {}, input.values, weight.values};
    return out;
  }
  const auto n = static_cast<std::size_t>(config.integer("samples"));
  out.cols = static_cast<std::size_t>(config.integer("length"));
  out.left_rows = out.right_rows = n / out.cols;
  RandomStream stream = {static_cast<std::uint64_t>(seed),
                         static_cast<std::uint32_t>(RandomPurpose::samples), 0, 0};
  out.original_left = sampled(source, stream, n);
  stream.tensor = 1;
  out.original_right = sampled(source, stream, n);
  return out;
}

}  // namespace

std::span<const Field> approximate_multiplication_fields() {
  static const std::vector<Field> fields = with_training_fields(kOwnFields);
  return fields;
}

int operand_trailing_bits(const Config& config) {
  const QuantizerSpec spec = parse_quantizer(config.text("quantizer"));
  const auto* format = std::get_if<FloatFormat>(&spec.format);
  if (format == nullptr) throw SpecError("products are approximated for operands in floats", 1);
  return format->trailing_bits;
}

ProductOperands product_operands(const Config& config, std::int64_t seed) {
  if (config.text("source") == "significands") {
    return all_significands(operand_trailing_bits(config));
  }
  ProductOperands out = originals(config, seed);
  const Quantizer quantizer(with_reduction(parse_quantizer(config.text("quantizer")), false));
  const auto quantize = [&](const std::vector<float>& from, std::vector<float>& to,
                            std::size_t rows, std::uint32_t tensor) {
    to.resize(from.size());
    const RandomStream stream = {static_cast<std::uint64_t>(seed),
                                 static_cast<std::uint32_t>(RandomPurpose::rounding), tensor, 0};
    quantizer.quantize({from.data(), rows, out.cols, out.cols},
                       {to.data(), rows, out.cols, out.cols}, stream);
  };
  quantize(out.original_left, out.left, out.left_rows, 0);
  quantize(out.original_right, out.right, out.right_rows, 1);
  return out;
}

}  // namespace halfulp
