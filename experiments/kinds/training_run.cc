#include "experiments/kinds/training_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "experiments/kinds/initial_weights.h"
#include "experiments/kinds/training_curves.h"
#include "sim/nn/checkpoint.h"

namespace halfulp {
namespace {

/// Goes on from the checkpoint of an interrupted process, where there is one.
void resume(const std::string& inputs, const KeepPlan& keep, nn::TrainingLoop& loop,
            nn::CounterRecorder& counters, RunObserver& observer) {
  nn::Checkpoint checkpoint;
  if (!observer.load_checkpoint(inputs, checkpoint)) return;
  try {
    if (!has_kept_until(keep, nn::updates_of(checkpoint), observer)) {
      throw nn::CheckpointError("weights of train.keep_weights_at before it are not there");
    }
    nn::restore(checkpoint, loop);
  } catch (const nn::CheckpointError& error) {
    observer.remark(fmt::format("checkpoint not used: {}; the run starts anew", error.what()));
    return;
  }
  counters.set_samples(std::move(checkpoint.counters));
}

}  // namespace

TrainingRun run_training(const Config& config, std::int64_t seed, nn::LoopSpec spec,
                         nn::TrainingTask& task, const StopRules& stop, const std::string& inputs,
                         RunObserver& observer, const KeepPlan& keep) {
  spec.stop_at_non_finite = stop.non_finite;
  spec.stop_above = stop.loss_above;
  spec.initial_weights = initial_weights(config, task);
  const std::string all_inputs = inputs + "\n" + initial_weights_checksum(config);
  nn::TrainingLoop loop(spec, task, static_cast<std::uint64_t>(seed));
  nn::CounterRecorder counters;
  resume(all_inputs, keep, loop, counters, observer);

  const auto save = [&] {
    nn::Checkpoint checkpoint = nn::save(loop);
    checkpoint.counters = counters.samples();
    observer.save_checkpoint(all_inputs, checkpoint);
  };
  const std::int64_t checkpoint_every = config.integer("train.checkpoint_every");
  const std::int64_t counters_every = config.integer("evaluation.counters_every");
  bool goes_on = !loop.is_finished();
  while (goes_on) {
    const bool counted = counters_every > 0 && loop.updates() % counters_every == 0;
    goes_on = loop.advance(nullptr, counted ? &counters : nullptr);
    observer.progress(loop.updates(), spec.schedule.steps, loop.last_loss());
    if (!loop.has_diverged()) keep_weights(keep, loop.updates(), task, observer);
    if (goes_on && checkpoint_every > 0 && loop.updates() % checkpoint_every == 0) save();
  }
  // A diverged run goes on to diverge again from its last checkpoint.
  if (config.boolean("train.keep_checkpoints") && !loop.has_diverged()) save();
  return {loop.finish(), counter_table_of(config, counters.samples())};
}

RunResult training_outcome(const Config& config, TrainingRun&& run, std::vector<Metric> metrics,
                           std::vector<Curve> curves, decltype(RunResult::facts) facts) {
  RunResult result;
  result.status = run.result.diverged ? RunStatus::diverged : RunStatus::done;
  result.reason = run.result.reason;
  result.metrics = std::move(metrics);
  result.curves = std::move(curves);
  report_updates(run.result, result);
  result.facts = std::move(facts);
  if (const std::string checksum = initial_weights_checksum(config); !checksum.empty()) {
    result.facts.emplace_back("initial_weights_checksum", checksum);
  }
  result.counters = std::move(run.counters);
  return result;
}

CounterTable counter_table_of(const Config& config, const nn::CounterSamples& samples) {
  CounterTable table;
  if (samples.steps.empty()) return table;
  const std::set<std::int64_t> steps(samples.steps.begin(), samples.steps.end());
  table.steps.assign(steps.begin(), steps.end());
  for (const auto& tensor : samples.tensors) table.tensors.push_back({tensor.layer, tensor.role});
  const auto& wanted = config.text_list("evaluation.counters");
  for (std::size_t c = 0; c < nn::kCounters; ++c) {
    const nn::CounterInfo& info = nn::counter_table()[c];
    if (std::find(wanted.begin(), wanted.end(), info.key) == wanted.end()) continue;
    std::vector<double> values(table.steps.size() * table.tensors.size(),
                               std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; i < samples.values.size(); ++i) {
      const auto step = std::lower_bound(table.steps.begin(), table.steps.end(), samples.steps[i]);
      const auto row = static_cast<std::size_t>(step - table.steps.begin());
      const auto tensor = static_cast<std::size_t>(samples.indices[i]);
      values[row * table.tensors.size() + tensor] = samples.values[i][c];
    }
    table.counters.push_back({std::string(info.name), std::string(info.units),
                              std::string(info.long_name), std::move(values)});
  }
  return table;
}

}  // namespace halfulp
