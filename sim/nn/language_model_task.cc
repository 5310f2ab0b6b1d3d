#include "sim/nn/language_model_task.h"

#include <algorithm>
#include <string>

#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

/// `sequences` windows of context + 1 bytes: inputs and the same shifted by one.
struct Batch {
  std::vector<std::uint8_t> inputs, targets;

  void add(const std::vector<std::uint8_t>& text, std::size_t start, std::size_t context) {
    const auto first = text.begin() + static_cast<std::ptrdiff_t>(start);
    const auto length = static_cast<std::ptrdiff_t>(context);
    inputs.insert(inputs.end(), first, first + length);
    targets.insert(targets.end(), first + 1, first + 1 + length);
  }
};

Batch training_batch(const LanguageModelSpec& spec, const Corpus& corpus, const StepKey& key) {
  const std::size_t context = spec.model.context;
  const RandomStream stream = {key.seed, static_cast<std::uint32_t>(RandomPurpose::batches), 0,
                               key.step};
  Batch batch;
  for (std::size_t s = 0; s < spec.sequences; ++s) {
    batch.add(corpus.train, random_below(stream, s, corpus.train.size() - context), context);
  }
  return batch;
}

const Corpus& checked(const Corpus& corpus, const LanguageModelSpec& spec) {
  const std::size_t least = spec.model.context + 1;
  if (corpus.train.size() < least || corpus.held_out.size() < least) {
    throw DataError("corpus '" + corpus.name + "' is shorter than one context of " +
                    std::to_string(spec.model.context) +
                    " bytes in its training or held-out part; use a longer text or a smaller "
                    "model.context");
  }
  return corpus;
}

}  // namespace

LanguageModelTask::LanguageModelTask(const LanguageModelSpec& spec, const Corpus& corpus)
    : spec_(spec),
      corpus_(checked(corpus, spec)),
      model_(spec.model, spec.numerics, spec.sequences) {}

double LanguageModelTask::loss_and_gradient(const StepKey& key) {
  const Batch batch = training_batch(spec_, corpus_, key);
  return model_.loss_and_gradient(batch.inputs.data(), batch.targets.data(), spec_.sequences, key);
}

Evaluation LanguageModelTask::evaluate(const StepKey& key) {
  const std::size_t context = spec_.model.context;
  const std::vector<std::uint8_t>& text = corpus_.held_out;
  const std::size_t available = (text.size() - 1) / context;
  const std::size_t wanted = std::max<std::size_t>(spec_.evaluation_bytes / context, 1);
  const std::size_t windows = std::min(available, wanted);
  double sum = 0.0;
  for (std::size_t done = 0; done < windows;) {
    const std::size_t count = std::min(spec_.sequences, windows - done);
    Batch batch;
    for (std::size_t w = done; w < done + count; ++w) {
      batch.add(text, w * available / windows * context, context);
    }
    sum += model_.loss(batch.inputs.data(), batch.targets.data(), count, key) *
           static_cast<double>(count);
    done += count;
  }
  return {sum / static_cast<double>(windows)};
}

}  // namespace halfulp::nn
