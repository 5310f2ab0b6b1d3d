// What an interrupted training run needs to go on: everything that later updates depend on, the
// curves and the counters so far. In memory; experiments/store/checkpoint_file.h keeps it on disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sim/nn/counters.h"
#include "sim/nn/training_loop.h"

namespace halfulp::nn {

/// One piece of state of StateVisitor, bit for bit.
struct SavedArray {
  std::string name;
  std::variant<std::vector<float>, std::vector<double>, std::vector<std::int64_t>> values;
};

/// Where a weight tensor is in the state "weights".
struct SavedTensor {
  std::string name;
  std::size_t offset, rows, cols;
  friend bool operator==(const SavedTensor&, const SavedTensor&) = default;
};

struct Checkpoint {
  std::vector<SavedTensor> tensors;
  std::vector<SavedArray> state;  ///< in the order of visit_state()
  std::vector<std::pair<std::string, std::vector<LossPoint>>> curves;
  CounterSamples counters;
};

/// A checkpoint that does not fit a run; the text names what differs.
class CheckpointError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Between two updates. The counters are the caller's.
Checkpoint save(TrainingLoop& loop);

/// Overwrites the state and the curves of a loop that was made from the same specification: its
/// next updates are those of the loop that was saved, bit for bit. Throws CheckpointError, with
/// the loop as it was, when names, types, sizes or shapes differ.
void restore(const Checkpoint& checkpoint, TrainingLoop& loop);

/// The state of this name. Throws CheckpointError when there is none of this type.
template <class T>
const std::vector<T>& state_of(const Checkpoint& checkpoint, std::string_view name) {
  for (const SavedArray& array : checkpoint.state) {
    if (array.name != name) continue;
    if (const auto* values = std::get_if<std::vector<T>>(&array.values)) return *values;
  }
  throw CheckpointError("a checkpoint without " + std::string(name));
}

/// Updates made before it was saved.
std::int64_t updates_of(const Checkpoint& checkpoint);

}  // namespace halfulp::nn
