#include "sim/nn/trainer.h"

namespace halfulp::nn {

TrainResult train(const TrainSpec& spec, const Corpus& corpus, std::uint64_t seed,
                  const StepObserver& progress, const OperandObserver& last_update) {
  LanguageModelTask task(spec, corpus);
  return train(spec.loop, task, seed, progress, last_update);
}

}  // namespace halfulp::nn
