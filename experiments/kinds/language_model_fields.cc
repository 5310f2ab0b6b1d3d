#include "experiments/kinds/language_model_fields.h"

#include <array>
#include <string_view>

namespace halfulp {

namespace {

using enum FieldType;

// A quantizer or accumulator field whose choices name a word accepts that word besides.
constexpr std::array kFields = {
    Field{"model.layers", integer, "2", "transformer blocks", 1, 1000},
    Field{"model.width", integer, "64", "residual stream width", 2, 65536},
    Field{"model.heads", integer, "0", "attention heads; 0: one for every 32 of width", 0, 4096},
    Field{"model.hidden", integer, "0",
          "feed-forward width; 0: 4 width (gelu) or 8/3 width in multiples of 16 (swiglu)", 0, 1e6},
    Field{"model.context", integer, "64", "positions of a sequence, bytes", 1, 65536},
    Field{"model.norm", choice, "rms_norm", "normalization", 0, 0, "rms_norm|layer_norm"},
    Field{"model.positions", choice, "rotary", "position encoding", 0, 0, "rotary|learned"},
    Field{"model.activation", choice, "swiglu", "feed-forward activation (gelu in its tanh form)",
          0, 0, "gelu|swiglu"},
    Field{"model.tied_head", boolean, "true", "output head shares the token embedding"},

    Field{"data.corpus", choice, "bible_kjv", "training text", 0, 0, "bible_kjv|file|markov"},
    Field{"data.path", text, "", "the file of data.corpus = \"file\", as bytes"},
    Field{"data.held_out_fraction", real, "0.05", "share of the corpus kept for validation", 1e-6,
          0.5},
    Field{"data.symbols", integer, "16", "markov: distinct bytes", 2, 256},
    Field{"data.bytes", integer, "1048576", "markov: size of the source, bytes", 1024, 1e10},
    Field{"data.seed", integer, "1", "markov: seed of the source", 0, 9e18},

    Field{"train.steps", integer, "0", "updates; 0: from train.tokens_per_parameter", 0, 1e9},
    Field{"train.tokens_per_parameter", real, "20",
          "training bytes per block parameter, when train.steps is 0", 1e-6, 1e9},
    Field{"train.batch", integer, "16", "sequences in a batch", 1, 1e6},
    Field{"train.learning_rate", real, "3e-3", "peak learning rate", 0, 1e3},
    Field{"train.schedule", choice, "cosine", "learning-rate schedule", 0, 0,
          "constant|cosine|warmup_stable_decay"},
    Field{"train.warmup_fraction", real, "0.05", "share of the updates that warm up", 0, 1},
    Field{"train.decay_fraction", real, "0.2",
          "warmup_stable_decay: share of the updates that decay", 0, 1},
    Field{"train.final_learning_rate_ratio", real, "0.1", "last learning rate over the peak", 0, 1},
    Field{"train.beta1", real, "0.9", "AdamW first-moment decay", 0, 0.999999},
    Field{"train.beta2", real, "0.95", "AdamW second-moment decay", 0, 0.9999999},
    Field{"train.epsilon", real, "1e-8", "AdamW epsilon", 0, 1},
    Field{"train.weight_decay", real, "0.1", "decoupled weight decay of matrices", 0, 1e3},
    Field{"train.clip_norm", real, "1", "largest global gradient norm; 0: no clipping", 0, 1e30},

    Field{"evaluation.every", integer, "0", "updates between evaluations; 0: only at the end", 0,
          1e9},
    Field{"evaluation.bytes", integer, "65536", "held-out bytes per evaluation", 1, 1e10},

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

std::span<const Field> language_model_fields() { return kFields; }

std::vector<Field> with_training_fields(std::span<const Field> own) {
  std::vector<Field> all(own.begin(), own.end());
  for (const Field& field : kFields) {
    const std::string_view group = field.key.substr(0, field.key.find('.'));
    if (group == "model" || group == "data" || group == "train") all.push_back(field);
  }
  return all;
}

}  // namespace halfulp
