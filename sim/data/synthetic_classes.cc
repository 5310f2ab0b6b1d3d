// Synthetic data for classifiers.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sim/data/labelled_data.h"
#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp {
namespace {

/// Sub-streams of RandomPurpose::data; Markov sources use the lower ones.
enum Stream : std::uint32_t { centres = 16, labels, inputs, first_layer, second_layer };

constexpr std::size_t kTeacherHidden = 64;

RandomStream stream_of(const SyntheticSpec& spec, Stream stream) {
  return {spec.seed, static_cast<std::uint32_t>(RandomPurpose::data), stream, 0};
}

void check(const SyntheticSpec& spec) {
  if (spec.inputs == 0 || spec.classes < 2 || spec.classes > 256 || spec.samples < 4) {
    throw std::invalid_argument("synthetic data needs inputs, 2 to 256 classes and 4 samples");
  }
}

std::vector<float> normals(const RandomStream& stream, std::size_t n, double std) {
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    values[i] = static_cast<float>(std * random_normal(stream, i));
  }
  return values;
}

/// Cuts the first `samples` examples off for training.
LabelledData split(std::string name, const SyntheticSpec& spec, const Examples& all) {
  LabelledData data;
  data.name = std::move(name);
  data.channels = spec.inputs;
  data.classes = spec.classes;
  const auto cut = static_cast<std::ptrdiff_t>(spec.samples);
  const auto values = static_cast<std::ptrdiff_t>(spec.samples * spec.inputs);
  data.train.labels.assign(all.labels.begin(), all.labels.begin() + cut);
  data.train.values.assign(all.values.begin(), all.values.begin() + values);
  data.held_out.labels.assign(all.labels.begin() + cut, all.labels.end());
  data.held_out.values.assign(all.values.begin() + values, all.values.end());
  data.checksum = checksum_of(data);
  return data;
}

/// out = relu?(W x), W rows x cols.
std::vector<double> layer(const std::vector<float>& w, const std::vector<double>& x, bool relu) {
  std::vector<double> y(w.size() / x.size());
  for (std::size_t r = 0; r < y.size(); ++r) {
    double sum = 0.0;
    for (std::size_t c = 0; c < x.size(); ++c) {
      sum += static_cast<double>(w[r * x.size() + c]) * x[c];
    }
    y[r] = relu ? std::max(sum, 0.0) : sum;
  }
  return y;
}

}  // namespace

LabelledData make_clusters(const SyntheticSpec& spec) {
  check(spec);
  const std::size_t count = spec.samples + spec.samples / 4;
  const auto means = normals(stream_of(spec, centres), spec.classes * spec.inputs, spec.separation);
  Examples all;
  all.values = normals(stream_of(spec, inputs), count * spec.inputs, 1.0);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t label = random_below(stream_of(spec, labels), i, spec.classes);
    all.labels.push_back(static_cast<std::uint8_t>(label));
    for (std::size_t k = 0; k < spec.inputs; ++k) {
      all.values[i * spec.inputs + k] += means[label * spec.inputs + k];
    }
  }
  return split("clusters", spec, all);
}

LabelledData make_teacher_labels(const SyntheticSpec& spec) {
  check(spec);
  const std::size_t count = spec.samples + spec.samples / 4;
  const double narrow = 1.0 / std::sqrt(static_cast<double>(spec.inputs));
  const auto first = normals(stream_of(spec, first_layer), kTeacherHidden * spec.inputs, narrow);
  const auto second = normals(stream_of(spec, second_layer), spec.classes * kTeacherHidden,
                              1.0 / std::sqrt(static_cast<double>(kTeacherHidden)));
  Examples all;
  all.values = normals(stream_of(spec, inputs), count * spec.inputs, 1.0);
  std::vector<std::vector<double>> outputs;
  std::vector<double> means(spec.classes);
  for (std::size_t i = 0; i < count; ++i) {
    const auto begin = all.values.begin() + static_cast<std::ptrdiff_t>(i * spec.inputs);
    const std::vector<double> x(begin, begin + static_cast<std::ptrdiff_t>(spec.inputs));
    outputs.push_back(layer(second, layer(first, x, true), false));
    if (i >= spec.samples) continue;
    for (std::size_t c = 0; c < spec.classes; ++c) {
      means[c] += outputs[i][c] / static_cast<double>(spec.samples);
    }
  }
  for (std::vector<double>& y : outputs) {
    for (std::size_t c = 0; c < spec.classes; ++c) y[c] -= means[c];
    all.labels.push_back(
        static_cast<std::uint8_t>(std::max_element(y.begin(), y.end()) - y.begin()));
  }
  return split("teacher", spec, all);
}

}  // namespace halfulp
