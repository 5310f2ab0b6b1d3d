#include "sim/nn/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "sim/nn/transformer.h"
#include "sim/random.h"

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

/// Batch `step` of `seed`: independent of the numerics, so formats are paired.
Batch training_batch(const TrainSpec& spec, const Corpus& corpus, std::uint64_t seed,
                     std::int64_t step) {
  const std::size_t context = spec.model.context;
  const RandomStream stream = {seed, static_cast<std::uint32_t>(RandomPurpose::batches), 0,
                               static_cast<std::uint32_t>(step)};
  Batch batch;
  for (std::size_t s = 0; s < spec.sequences; ++s) {
    batch.add(corpus.train, random_below(stream, s, corpus.train.size() - context), context);
  }
  return batch;
}

class Run {
 public:
  Run(const TrainSpec& spec, const Corpus& corpus, std::uint64_t seed)
      : spec_(spec),
        corpus_(corpus),
        seed_(seed),
        model_(spec.model, spec.numerics, spec.sequences),
        m_(model_.weights().size()),
        v_(model_.weights().size()) {
    model_.initialize(seed);
  }

  /// One update; returns the loss before it and stores the gradient norm.
  double update(std::int64_t step, double& gradient_norm, const OperandObserver* observer) {
    const Batch batch = training_batch(spec_, corpus_, seed_, step);
    const StepKey key = {seed_, static_cast<std::uint32_t>(step), observer};
    const double loss =
        model_.loss_and_gradient(batch.inputs.data(), batch.targets.data(), spec_.sequences, key);
    double squares = 0.0;
    for (const Parameter& p : model_.parameters()) {
      squares += kernels<float>().sum_of_squares(model_.gradients().data() + p.offset, p.size());
    }
    gradient_norm = std::sqrt(squares);
    const bool clipped = spec_.clip_norm > 0.0 && gradient_norm > spec_.clip_norm;
    apply(step, clipped ? spec_.clip_norm / gradient_norm : 1.0);
    return loss;
  }

  std::vector<float> weights() { return {model_.weights().begin(), model_.weights().end()}; }

  /// Mean loss over evenly spaced windows of the held-out text, the same for every run.
  double evaluate(std::int64_t step) {
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
      const StepKey key = {seed_, 0x80000000U | static_cast<std::uint32_t>(step)};
      sum += model_.loss(batch.inputs.data(), batch.targets.data(), count, key) *
             static_cast<double>(count);
      done += count;
    }
    return sum / static_cast<double>(windows);
  }

 private:
  void apply(std::int64_t step, double gradient_scale) {
    beta1_power_ *= spec_.adamw.beta1;
    beta2_power_ *= spec_.adamw.beta2;
    AdamWStep update = {.learning_rate = learning_rate(spec_.schedule, step),
                        .beta1 = spec_.adamw.beta1,
                        .beta2 = spec_.adamw.beta2,
                        .epsilon = spec_.adamw.epsilon,
                        .weight_decay = 0.0,
                        .bias_correction1 = 1.0 - beta1_power_,
                        .bias_correction2 = 1.0 - beta2_power_,
                        .gradient_scale = gradient_scale};
    for (const Parameter& p : model_.parameters()) {
      update.weight_decay = p.decays ? spec_.adamw.weight_decay : 0.0;
      kernels<float>().adamw_update(update, model_.weights().data() + p.offset,
                                    model_.gradients().data() + p.offset, m_.data() + p.offset,
                                    v_.data() + p.offset, p.size());
    }
  }

  const TrainSpec& spec_;
  const Corpus& corpus_;
  std::uint64_t seed_;
  Transformer<float> model_;
  AlignedVector<float> m_, v_;
  double beta1_power_ = 1.0, beta2_power_ = 1.0;
};

/// Why `loss` ends the run, or empty.
std::string divergence(const TrainSpec& spec, double loss, double gradient_norm,
                       std::int64_t step) {
  const std::string at = " at step " + std::to_string(step);
  if (spec.stop_at_non_finite && !std::isfinite(loss)) return "training loss is not finite" + at;
  if (spec.stop_at_non_finite && !std::isfinite(gradient_norm)) {
    return "gradient norm is not finite" + at;
  }
  if (loss > spec.stop_above) {
    return "training loss " + std::to_string(loss) + " above " + std::to_string(spec.stop_above) +
           at;
  }
  return {};
}

double mean_of_last_tenth(const std::vector<LossPoint>& points) {
  const std::size_t count = std::max<std::size_t>(points.size() / 10, 1);
  double sum = 0.0;
  for (std::size_t i = points.size() - count; i < points.size(); ++i) sum += points[i].loss;
  return sum / static_cast<double>(count);
}

}  // namespace

TrainResult train(const TrainSpec& spec, const Corpus& corpus, std::uint64_t seed,
                  const std::function<void(std::int64_t, double)>& progress,
                  const OperandObserver& last_update) {
  const std::size_t least = spec.model.context + 1;
  if (corpus.train.size() < least || corpus.held_out.size() < least) {
    throw DataError("corpus '" + corpus.name + "' is shorter than one context of " +
                    std::to_string(spec.model.context) +
                    " bytes in its training or held-out part; use a longer text or a smaller "
                    "model.context");
  }
  Run run(spec, corpus, seed);
  TrainResult result;
  for (std::int64_t step = 0; step < spec.schedule.steps; ++step) {
    if (spec.evaluate_every > 0 && step % spec.evaluate_every == 0) {
      result.validation.push_back({step, run.evaluate(step)});
    }
    double gradient_norm = 0.0;
    const bool observed = last_update && step + 1 == spec.schedule.steps;
    const double loss = run.update(step, gradient_norm, observed ? &last_update : nullptr);
    result.train_loss.push_back({step, loss});
    result.gradient_norm.push_back({step, gradient_norm});
    result.steps_done = step + 1;
    progress(step + 1, loss);
    result.reason = divergence(spec, loss, gradient_norm, step);
    result.diverged = !result.reason.empty();
    if (result.diverged) break;
  }
  result.validation_loss =
      result.diverged ? std::numeric_limits<double>::quiet_NaN() : run.evaluate(result.steps_done);
  result.validation.push_back({result.steps_done, result.validation_loss});
  result.final_train_loss = mean_of_last_tenth(result.train_loss);
  result.weights = run.weights();
  return result;
}

}  // namespace halfulp::nn
