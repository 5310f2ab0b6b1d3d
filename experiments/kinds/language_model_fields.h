// The keys of train_language_model: the table that --help, checks and defaults come from.
#pragma once

#include <span>
#include <vector>

#include "experiments/config.h"

namespace halfulp {

std::span<const Field> model_fields();                ///< model.*, data.*
std::span<const Field> training_fields();             ///< train.*, evaluation.*
std::span<const Field> precision_fields();            ///< precision.*
std::span<const Field> optimizer_fields();            ///< train.optimizer and what belongs to it
std::span<const Field> optimizer_precision_fields();  ///< precision.optimizer.*, of weights

/// All of them.
std::span<const Field> language_model_fields();

/// `own` and those of language_model_fields() that describe a model, its data and its training: for
/// kinds that train a model in binary32 first.
std::vector<Field> with_training_fields(std::span<const Field> own);

}  // namespace halfulp
