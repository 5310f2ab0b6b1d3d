// A classifier that learns labelled examples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/data/labelled_data.h"
#include "sim/nn/classifier.h"
#include "sim/nn/training_task.h"

namespace halfulp::nn {

struct ClassifierSpec {
  ClassifierConfig model;  ///< input and classes are those of the data
  ModelNumerics numerics;
  std::size_t batch = 128;              ///< examples, drawn with replacement
  std::size_t evaluation_examples = 0;  ///< evenly spaced held-out ones; 0: all
};

/// Loss in nats per example; accuracy is the share of held-out examples whose largest logit (of
/// equal ones the first) is that of their label.
class ClassifierTask final : public TrainingTask {
 public:
  /// `data` must outlive the task.
  ClassifierTask(const ClassifierSpec& spec, const LabelledData& data);

  const std::vector<Parameter>& parameters() const override { return model_.parameters().list(); }

  std::span<float> weights() override { return model_.parameters().weights(); }

  std::span<float> gradients() override { return model_.parameters().gradients(); }

  void initialize(std::uint64_t seed) override { model_.parameters().initialize(seed); }

  double loss_and_gradient(const StepKey& key) override;
  Evaluation evaluate(const StepKey& key) override;

  double samples_per_batch() const override { return static_cast<double>(spec_.batch); }

  void visit_state(StateVisitor& visitor) override { model_.visit_state(visitor); }

 private:
  void add(const Examples& part, std::size_t example);

  ClassifierSpec spec_;
  const LabelledData& data_;
  Classifier<float> model_;
  std::vector<float> inputs_;  ///< of the batch at hand
  std::vector<std::uint8_t> labels_;
};

/// `model` with the input and classes of `data`.
ClassifierConfig fitted(ClassifierConfig model, const LabelledData& data);

}  // namespace halfulp::nn
