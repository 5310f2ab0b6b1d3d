// One training run: batches, updates, evaluation. A pure function of (spec, corpus, seed).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/data/corpus.h"
#include "sim/nn/linear.h"
#include "sim/nn/model_config.h"
#include "sim/nn/numerics.h"
#include "sim/nn/schedule.h"

namespace halfulp::nn {

struct AdamWConfig {
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weight_decay = 0.1;
};

struct TrainSpec {
  ModelConfig model;
  ModelNumerics numerics;
  ScheduleConfig schedule;
  AdamWConfig adamw;
  double clip_norm = 1.0;           ///< largest global gradient norm; 0: no clipping
  std::size_t sequences = 16;       ///< of context bytes, in one batch
  std::int64_t evaluate_every = 0;  ///< updates between evaluations; 0: only at the end
  std::size_t evaluation_bytes = 65536;
  bool stop_at_non_finite = true;
  double stop_above = 1e308;  ///< training loss that counts as diverged
};

struct LossPoint {
  std::int64_t step;  ///< updates made before the loss was taken
  double loss;        ///< nats per byte
};

struct TrainResult {
  bool diverged = false;
  std::string reason;
  std::int64_t steps_done = 0;
  double validation_loss = 0.0;       ///< after the last update; NaN when diverged
  double final_train_loss = 0.0;      ///< mean of the last tenth of the updates
  std::vector<LossPoint> train_loss;  ///< every update
  std::vector<LossPoint> validation;
  std::vector<LossPoint> gradient_norm;  ///< before clipping, every update
  std::vector<float> weights;            ///< after the last update, laid out as model_parameters()
};

/// `progress(step, loss)` is called after every update. `last_update` sees the operands of all
/// linear layers in the last update's forward and backward pass.
TrainResult train(const TrainSpec& spec, const Corpus& corpus, std::uint64_t seed,
                  const std::function<void(std::int64_t, double)>& progress,
                  const OperandObserver& last_update = {});

}  // namespace halfulp::nn
