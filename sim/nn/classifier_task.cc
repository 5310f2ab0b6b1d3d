#include "sim/nn/classifier_task.h"

#include <algorithm>

#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {

ClassifierConfig fitted(ClassifierConfig model, const LabelledData& data) {
  model.input = {data.height, data.width, data.channels};
  model.classes = data.classes;
  return model;
}

ClassifierTask::ClassifierTask(const ClassifierSpec& spec, const LabelledData& data)
    : spec_(spec), data_(data), model_(fitted(spec.model, data), spec.numerics, spec.batch) {}

void ClassifierTask::add(const Examples& part, std::size_t example) {
  const auto size = static_cast<std::ptrdiff_t>(data_.example_size());
  const auto first = part.values.begin() + static_cast<std::ptrdiff_t>(example) * size;
  inputs_.insert(inputs_.end(), first, first + size);
  labels_.push_back(part.labels[example]);
}

double ClassifierTask::loss_and_gradient(const StepKey& key) {
  const RandomStream stream = {key.seed, static_cast<std::uint32_t>(RandomPurpose::batches), 0,
                               key.step};
  inputs_.clear();
  labels_.clear();
  for (std::size_t i = 0; i < spec_.batch; ++i) {
    add(data_.train, random_below(stream, i, data_.train.count()));
  }
  return model_.loss_and_gradient(inputs_.data(), labels_.data(), spec_.batch, key);
}

Evaluation ClassifierTask::evaluate(const StepKey& key) {
  const std::size_t available = data_.held_out.count();
  const std::size_t wanted =
      spec_.evaluation_examples > 0 ? std::min(spec_.evaluation_examples, available) : available;
  const std::size_t classes = data_.classes;
  double loss = 0.0;
  std::size_t right = 0;
  for (std::size_t done = 0; done < wanted;) {
    const std::size_t rows = std::min(spec_.batch, wanted - done);
    inputs_.clear();
    labels_.clear();
    for (std::size_t i = done; i < done + rows; ++i) add(data_.held_out, i * available / wanted);
    loss += model_.loss(inputs_.data(), labels_.data(), rows, key) * static_cast<double>(rows);
    for (std::size_t r = 0; r < rows; ++r) {
      const auto row = model_.logits().subspan(r * classes, classes);
      const auto best = std::max_element(row.begin(), row.end()) - row.begin();
      right += static_cast<std::size_t>(best) == labels_[r] ? 1 : 0;
    }
    done += rows;
  }
  return {loss / static_cast<double>(wanted),
          static_cast<double>(right) / static_cast<double>(wanted)};
}

}  // namespace halfulp::nn
