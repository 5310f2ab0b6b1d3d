#include "experiments/kinds/quantization_error_fields.h"

#include <array>
#include <vector>

#include "experiments/kinds/language_model_fields.h"

namespace halfulp {

namespace {

using enum FieldType;

constexpr std::array kOwnFields = {
    Field{"quantizer", quantizer, "e4m3fn", "what is measured"},
    Field{"source", choice, "normal",
          "numbers that are quantized: samples of a distribution, or operands of a linear layer of "
          "a trained model",
          0, 0,
          "uniform|normal|laplace|student_t3|student_t4|student_t5|student_t8|weight|activation|"
          "gradient"},
    Field{"samples", integer, "1048576", "numbers drawn from a distribution", 1, 1e9},
    Field{"columns", integer, "1024", "columns of the matrix that samples fill row by row", 1, 1e9},
    Field{"sigma", real, "1", "standard deviation of a distribution, at phase 0", 1e-30, 1e30},
    Field{"phases", integer, "16",
          "results are means over standard deviations sigma 2^(j/phases), j = 0, 1, ...", 1, 4096},
    Field{"scale.policy", choice, "quantizer",
          "quantizer: as its spec says; optimal: one scale, of least mean squared error; fixed: "
          "from scale.clip",
          0, 0, "quantizer|optimal|fixed"},
    Field{"scale.clip", real, "4", "fixed: largest magnitude, in units of the rms", 1e-30, 1e30},
    Field{"rotation", integer, "0",
          "size of the Hadamard blocks that rotate each row before it is quantized; 0: none", 0,
          65536},
    Field{"tensor.layer", text, "blocks.0.mlp.up", "trained model: the linear layer"},
    Field{"tensor.seed", integer, "0", "trained model: seed of its weights and batches", 0, 9e18},
};

}  // namespace

std::span<const Field> quantization_error_fields() {
  static const std::vector<Field> fields = with_training_fields(kOwnFields);
  return fields;
}

}  // namespace halfulp
