// A transformer that predicts the next byte of a corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/data/corpus.h"
#include "sim/nn/training_task.h"
#include "sim/nn/transformer.h"

namespace halfulp::nn {

struct LanguageModelSpec {
  ModelConfig model;
  ModelNumerics numerics;
  std::size_t sequences = 16;  ///< of context bytes, in one batch
  std::size_t evaluation_bytes = 65536;
};

/// Loss in nats per byte.
class LanguageModelTask final : public TrainingTask {
 public:
  /// `corpus` must outlive the task. Throws DataError for a corpus shorter than one context.
  LanguageModelTask(const LanguageModelSpec& spec, const Corpus& corpus);

  const std::vector<Parameter>& parameters() const override { return model_.parameters(); }

  std::span<float> weights() override { return model_.weights(); }

  std::span<float> gradients() override { return model_.gradients(); }

  void initialize(std::uint64_t seed) override { model_.initialize(seed); }

  double loss_and_gradient(const StepKey& key) override;

  /// Evenly spaced windows of the held-out text.
  Evaluation evaluate(const StepKey& key) override;

  void visit_state(StateVisitor& visitor) override { model_.visit_state(visitor); }

  double samples_per_batch() const override {
    return static_cast<double>(spec_.sequences * spec_.model.context);
  }

 private:
  LanguageModelSpec spec_;
  const Corpus& corpus_;
  Transformer<float> model_;
};

}  // namespace halfulp::nn
