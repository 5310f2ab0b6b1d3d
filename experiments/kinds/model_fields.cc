// The keys model.* and data.*: what is trained, on which text.
#include "experiments/kinds/language_model_fields.h"

#include <array>

namespace halfulp {
namespace {

using enum FieldType;

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

    Field{"model.parameterization", choice, "standard",
          "rules for initial weights, multipliers and learning rates (docs/PARAMETERIZATIONS.md)",
          0, 0, "standard|standard_per_layer|mup|unit_scaling|u_mup|munit"},
    Field{"model.base_width", integer, "0",
          "standard_per_layer, mup, munit: width that train.learning_rate is for; 0: model.width",
          0, 65536},
    Field{"model.base_head_width", integer, "0",
          "mup: head width that model.attention_mult is for; 0: the model's own", 0, 65536},
    Field{"model.attention_mult", real, "1", "factor of attention's logits", 1e-6, 1e6},
    Field{"model.residual_mult", real, "1",
          "unit_scaling, u_mup: alpha_res, share of the residual branches", 1e-6, 1e6},
    Field{"model.residual_ratio", real, "1",
          "unit_scaling, u_mup: alpha_res-attn-ratio, attention over feed-forward", 1e-6, 1e6},
    Field{"model.residual_tau", real, "0",
          "munit: share of every branch's variance; 0: by depth, 0.4 (4 layers) to 0.1 (100)", 0,
          0.999},
    Field{"model.embedding_mult", real, "1", "factor of the embedding's output", 1e-6, 1e6},
    Field{"model.readout_mult", real, "1", "factor of the logits", 1e-6, 1e6},
    Field{"model.embedding_rate", real, "1", "factor of the embedding's learning rate", 1e-6, 1e6},
    Field{"model.hidden_rate", real, "1", "factor of the blocks' matrices' learning rate", 1e-6,
          1e6},
    Field{"model.readout_rate", real, "1", "factor of an untied head's learning rate", 1e-6, 1e6},
    Field{"model.weight_decay_rule", choice, "own",
          "independent: train.weight_decay is the share lost each update at the peak, whatever the "
          "rate; own: coupled, for u_mup independent",
          0, 0, "own|coupled|independent"},
    Field{
        "model.gradient_constraint", choice, "to_output_scale",
        "unit_scaling, u_mup: gradients of activations, those of the loss or each of unit variance",
        0, 0, "to_output_scale|none"},
    Field{"model.gradient_scale", choice, "own",
          "gradients of the mean loss, or near unit variance at the logits; own: unit for "
          "unit_scaling and u_mup",
          0, 0, "own|mean|unit"},
    Field{"model.activation_constants", choice, "exact", "unit_scaling, u_mup: of GELU and SwiGLU",
          0, 0, "exact|library"},

    Field{"data.corpus", choice, "bible_kjv", "training text", 0, 0, "bible_kjv|file|markov"},
    Field{"data.path", text, "", "the file of data.corpus = \"file\", as bytes"},
    Field{"data.held_out_fraction", real, "0.05", "share of the corpus kept for validation", 1e-6,
          0.5},
    Field{"data.symbols", integer, "16", "markov: distinct bytes", 2, 256},
    Field{"data.bytes", integer, "1048576", "markov: size of the source, bytes", 1024, 1e10},
    Field{"data.seed", integer, "1", "markov: seed of the source", 0, 9e18},
};

}  // namespace

std::span<const Field> model_fields() { return kFields; }

}  // namespace halfulp
