// One training run of a language model. A pure function of (spec, corpus, seed).
#pragma once

#include <cstdint>

#include "sim/nn/language_model_task.h"
#include "sim/nn/training_loop.h"

namespace halfulp::nn {

struct TrainSpec : LanguageModelSpec {
  LoopSpec loop;
};

TrainResult train(const TrainSpec& spec, const Corpus& corpus, std::uint64_t seed,
                  const StepObserver& progress, const OperandObserver& last_update = {});

}  // namespace halfulp::nn
