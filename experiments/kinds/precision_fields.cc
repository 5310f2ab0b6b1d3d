// The keys precision.*: where which numbers are rounded, and how.
#include "experiments/kinds/language_model_fields.h"

#include <array>

namespace halfulp {
namespace {

using enum FieldType;

// A quantizer or accumulator field whose choices name a word accepts that word besides.
constexpr std::array kFields = {
    Field{"precision.recipe",
          text,
          "",
          "what these settings are called together, for figures",
          0,
          0,
          {},
          false},
    Field{"precision.weight", quantizer, "binary32", "weights in fprop and dgrad"},
    Field{"precision.activation", quantizer, "binary32", "layer inputs in fprop and wgrad"},
    Field{"precision.gradient", quantizer, "binary32", "output gradients in dgrad and wgrad"},
    Field{"precision.fprop.input", quantizer, "inherit", "inherit: precision.activation", 0, 0,
          "inherit"},
    Field{"precision.fprop.weight", quantizer, "inherit", "inherit: precision.weight", 0, 0,
          "inherit"},
    Field{"precision.dgrad.grad_output", quantizer, "inherit", "inherit: precision.gradient", 0, 0,
          "inherit"},
    Field{"precision.dgrad.weight", quantizer, "inherit", "inherit: precision.weight", 0, 0,
          "inherit"},
    Field{"precision.wgrad.grad_output", quantizer, "inherit", "inherit: precision.gradient", 0, 0,
          "inherit"},
    Field{"precision.wgrad.input", quantizer, "inherit", "inherit: precision.activation", 0, 0,
          "inherit"},
    Field{"precision.accumulator", accumulator, "binary32", "sums of every product"},
    Field{"precision.fprop.accumulator", accumulator, "inherit", "inherit: precision.accumulator",
          0, 0, "inherit"},
    Field{"precision.dgrad.accumulator", accumulator, "inherit", "inherit: precision.accumulator",
          0, 0, "inherit"},
    Field{"precision.wgrad.accumulator", accumulator, "inherit", "inherit: precision.accumulator",
          0, 0, "inherit"},
    Field{"precision.attention.scores.accumulator", accumulator, "inherit",
          "query key^T; inherit: precision.accumulator", 0, 0, "inherit"},
    Field{"precision.attention.context.accumulator", accumulator, "inherit",
          "probabilities value; inherit: precision.accumulator", 0, 0, "inherit"},
    Field{"precision.attention.backward.accumulator", accumulator, "inherit",
          "attention's four backward products; inherit: precision.accumulator", 0, 0, "inherit"},
    Field{"precision.attention.grad_probabilities.accumulator", accumulator, "inherit",
          "inherit: precision.attention.backward.accumulator", 0, 0, "inherit"},
    Field{"precision.attention.grad_value.accumulator", accumulator, "inherit",
          "inherit: precision.attention.backward.accumulator", 0, 0, "inherit"},
    Field{"precision.attention.grad_query.accumulator", accumulator, "inherit",
          "inherit: precision.attention.backward.accumulator", 0, 0, "inherit"},
    Field{"precision.attention.grad_key.accumulator", accumulator, "inherit",
          "inherit: precision.attention.backward.accumulator", 0, 0, "inherit"},
    Field{"precision.softmax", quantizer, "binary32",
          "every operation of attention's softmax, forward: a quantizer without scale"},
    Field{"precision.norm", quantizer, "binary32", "every operation of the norms, forward"},
    Field{"precision.activation_function", quantizer, "binary32",
          "every operation of GELU or SwiGLU, forward"},
    Field{"precision.keep_high", text_list, "head",
          "layers in binary32: names with *, blocks.0, blocks.-1, *.attention.products, ..."},
};

}  // namespace

std::span<const Field> precision_fields() { return kFields; }

}  // namespace halfulp
