// The keys train.* and evaluation.*: batches, schedule, optimizer, evaluation.
#include "experiments/kinds/language_model_fields.h"

#include <array>

namespace halfulp {
namespace {

using enum FieldType;

constexpr std::array kFields = {
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
    Field{"train.beta1", real, "0.9", "AdamW (also in muon, soap and shampoo) first-moment decay",
          0, 0.999999},
    Field{"train.beta2", real, "0.95", "AdamW second-moment decay", 0, 0.9999999},
    Field{"train.epsilon", real, "1e-8", "AdamW epsilon", 0, 1},
    Field{"train.weight_decay", real, "0.1", "decoupled weight decay of matrices", 0, 1e3},
    Field{"train.clip_norm", real, "1", "largest global gradient norm; 0: no clipping", 0, 1e30},

    Field{"evaluation.every", integer, "0", "updates between evaluations; 0: only at the end", 0,
          1e9},
    Field{"evaluation.update_metrics_every", integer, "0",
          "updates between measurements of what arrives of an update in the weights; 0: none", 0,
          1e9},
    Field{"evaluation.bytes", integer, "65536", "held-out bytes per evaluation", 1, 1e10},
};

}  // namespace

std::span<const Field> training_fields() { return kFields; }

}  // namespace halfulp
