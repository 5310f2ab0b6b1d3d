// The keys of the optimizer and of loss scaling: train.optimizer and its hyper-parameters, and
// where precision.* says what is kept between updates.
#include <array>

#include "experiments/kinds/language_model_fields.h"

namespace halfulp {
namespace {

using enum FieldType;

constexpr std::array kFields = {
    Field{"train.optimizer", choice, "adamw",
          "update rule; muon, soap and shampoo leave vectors, embeddings and the head to adamw", 0,
          0, "adamw|sgd|adafactor|muon|soap|shampoo"},
    Field{"train.momentum", real, "0.9", "sgd: b = momentum b + gradient", 0, 0.9999999},
    Field{"train.nesterov", boolean, "false", "sgd: step along gradient + momentum b"},
    Field{"train.muon.momentum", real, "0.95", "muon: decay of the mean gradient", 0, 0.9999999},
    Field{"train.muon.nesterov", boolean, "true", "muon: look ahead by one gradient"},
    Field{"train.muon.steps", integer, "5", "muon: Newton-Schulz iterations", 1, 40},
    Field{"train.muon.scale", choice, "match_rms",
          "muon: updates times 0.2 sqrt(max(rows, cols)), or sqrt(max(1, rows / cols))", 0, 0,
          "match_rms|spectral"},
    Field{"train.adafactor.decay", real, "0.8", "adafactor: beta2 of update t is 1 - t^-decay", 0,
          10},
    Field{"train.adafactor.clip", real, "1", "adafactor: largest root mean square of an update",
          1e-30, 1e30},
    Field{"train.adafactor.relative_step", boolean, "false",
          "adafactor: learning rate times max(0.001, root mean square of the weights)"},
    Field{"train.soap.frequency", integer, "10", "soap, shampoo: updates between eigenbases", 1,
          1e9},
    Field{"train.soap.decay", real, "0.95", "soap, shampoo: decay of the Gram matrices", 0,
          0.9999999},
    Field{"train.soap.max_dimension", integer, "512",
          "soap, shampoo: longer sides keep the identity as their basis", 0, 65536},

    Field{"train.loss_scaling", choice, "none", "what the loss is multiplied by before backward", 0,
          0, "none|static|dynamic|automatic"},
    Field{"train.loss_scale", real, "65536", "the scale; dynamic, automatic: the first one", 1e-30,
          1e30},
    Field{"train.loss_scale_growth_interval", integer, "2000",
          "dynamic: updates without a skip before the scale grows; automatic: over which it does",
          1, 1e9},
    Field{"train.loss_scale_growth", real, "2", "dynamic, automatic: factor of growth", 1, 1e6},
    Field{
        "train.loss_scale_backoff", real, "0.5",
        "dynamic: factor after a gradient that is not finite, whose update is skipped; automatic: "
        "after one in which more than 0.001 % of the weight gradients saturate",
        1e-6, 1},
};

constexpr std::array kPrecisionFields = {
    Field{"precision.optimizer.first_moment", quantizer, "binary32",
          "momentum between updates, requantized with new scales after each"},
    Field{"precision.optimizer.second_moment", quantizer, "binary32",
          "squared gradients between updates (adafactor: their row and column sums)"},
    Field{"precision.optimizer.arithmetic", quantizer, "binary32",
          "every operation of the update: a float without scale; adamw and sgd"},
    Field{"precision.optimizer.newton_schulz", quantizer, "binary32",
          "muon: iterates and operands of the Newton-Schulz products"},
    Field{"precision.master_weights", quantizer, "binary32",
          "weights that updates are added to; none: precision.weight_storage is all there is", 0, 0,
          "none"},
    Field{"precision.weight_storage", quantizer, "binary32", "weights that the model reads"},
    Field{"precision.weight_update", choice, "nearest",
          "how updates are added: one rounding, or weights in two parts", 0, 0,
          "nearest|stochastic|kahan|collage_light|collage_plus"},
};

}  // namespace

std::span<const Field> optimizer_fields() { return kFields; }

std::span<const Field> optimizer_precision_fields() { return kPrecisionFields; }

}  // namespace halfulp
