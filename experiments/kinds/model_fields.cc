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
    Field{"model.mixer", choice, "attention",
          "what mixes positions; state_space: a selective diagonal scan (docs/MODELS.md)", 0, 0,
          "attention|state_space"},
    Field{"model.mixer_width", integer, "0", "state_space: inner channels; 0: 2 width", 0, 65536},
    Field{"model.state", integer, "16", "state_space: states of each channel", 1, 4096},
    Field{"model.step_rank", integer, "0",
          "state_space: numbers that decide the steps; 0: width / 16, at least 1", 0, 65536},
    Field{"model.experts", integer, "0",
          "feed-forward layers to choose from in every block; 0: one for all", 0, 4096},
    Field{"model.experts_per_token", integer, "2", "experts that a position goes to", 1, 2},
    Field{"model.balance", real, "0.01", "coefficient of the experts' load-balance loss", 0, 1e6},
    Field{"model.tied_head", boolean, "true", "output head shares the token embedding"},

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
