#include "sim/nn/checkpoint.h"

#include <algorithm>

namespace halfulp::nn {
namespace {

std::vector<SavedTensor> tensors_of(const TrainingTask& task) {
  std::vector<SavedTensor> tensors;
  for (const Parameter& p : task.parameters()) {
    tensors.push_back({p.name, p.offset, p.rows, p.cols});
  }
  return tensors;
}

class Saver final : public StateVisitor {
 public:
  explicit Saver(std::vector<SavedArray>& state) : state_(state) {}

  void visit(std::string_view name, std::span<float> values) override { save(name, values); }

  void visit(std::string_view name, std::span<double> values) override { save(name, values); }

  void visit(std::string_view name, std::span<std::int64_t> values) override { save(name, values); }

 private:
  template <class T>
  void save(std::string_view name, std::span<T> values) {
    state_.push_back({std::string(name), std::vector<T>(values.begin(), values.end())});
  }

  std::vector<SavedArray>& state_;
};

/// Goes through the saved state in order; writes only where it is told to.
class Restorer final : public StateVisitor {
 public:
  Restorer(const std::vector<SavedArray>& state, bool writes) : state_(state), writes_(writes) {}

  void visit(std::string_view name, std::span<float> values) override { restore(name, values); }

  void visit(std::string_view name, std::span<double> values) override { restore(name, values); }

  void visit(std::string_view name, std::span<std::int64_t> values) override {
    restore(name, values);
  }

  void expect_end() const {
    if (next_ != state_.size()) {
      throw CheckpointError("the run has no state " + state_[next_].name);
    }
  }

 private:
  template <class T>
  void restore(std::string_view name, std::span<T> values) {
    if (next_ == state_.size() || state_[next_].name != name) {
      throw CheckpointError("the checkpoint has no state " + std::string(name) + " at its place");
    }
    const auto* saved = std::get_if<std::vector<T>>(&state_[next_++].values);
    if (saved == nullptr || saved->size() != values.size()) {
      throw CheckpointError("state " + std::string(name) + " has another type or size");
    }
    if (writes_) std::copy(saved->begin(), saved->end(), values.begin());
  }

  const std::vector<SavedArray>& state_;
  bool writes_;
  std::size_t next_ = 0;
};

}  // namespace

Checkpoint save(TrainingLoop& loop) {
  Checkpoint checkpoint;
  checkpoint.tensors = tensors_of(loop.task());
  Saver saver(checkpoint.state);
  loop.visit_state(saver);
  loop.visit_curves([&](std::string_view name, const std::vector<LossPoint>& points) {
    checkpoint.curves.emplace_back(name, points);
  });
  return checkpoint;
}

void restore(const Checkpoint& checkpoint, TrainingLoop& loop) {
  if (checkpoint.tensors != tensors_of(loop.task())) {
    throw CheckpointError("the checkpoint is of a model with other weight tensors");
  }
  Restorer check(checkpoint.state, false);
  loop.visit_state(check);
  check.expect_end();
  std::size_t curves = 0;
  loop.visit_curves([&](std::string_view name, std::vector<LossPoint>&) {
    if (curves == checkpoint.curves.size() || checkpoint.curves[curves++].first != name) {
      throw CheckpointError("the checkpoint has no curve " + std::string(name));
    }
  });
  Restorer write(checkpoint.state, true);
  loop.visit_state(write);
  curves = 0;
  loop.visit_curves([&](std::string_view, std::vector<LossPoint>& points) {
    points = checkpoint.curves[curves++].second;
  });
}

std::int64_t updates_of(const Checkpoint& checkpoint) {
  const auto& updates = state_of<std::int64_t>(checkpoint, "loop.updates");
  if (updates.size() != 1) throw CheckpointError("a checkpoint without a number of updates");
  return updates[0];
}

}  // namespace halfulp::nn
