// Labelled examples for classifiers: images or vectors of binary32 numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/data/corpus.h"

namespace halfulp {

/// Examples of one part of a data set, one after the other.
struct Examples {
  std::vector<float> values;         ///< count x height x width x channels
  std::vector<std::uint8_t> labels;  ///< below the number of classes

  std::size_t count() const { return labels.size(); }
};

struct LabelledData {
  std::string name;
  std::string checksum;  ///< XXH3-128 of values and labels of both parts, 32 hex digits
  std::size_t height = 1, width = 1, channels = 1, classes = 10;
  Examples train, held_out;

  std::size_t example_size() const { return height * width * channels; }
};

/// Computes LabelledData::checksum.
std::string checksum_of(const LabelledData& data);

/// Fashion-MNIST: 60,000 and 10,000 grey images of 28 x 28, ten classes, from the four gzip'ed IDX
/// files in `folder` (Debian: dataset-fashion-mnist). A pixel p becomes (p / 255 - 0.2860) /
/// 0.3530, in binary32: about mean 0, variance 1 over the training part.
///
/// Errors: DataError with the file, what is wrong with it and the package.
LabelledData load_fashion_mnist(const std::string& folder = "/usr/share/datasets/fashion-mnist");

struct SyntheticSpec {
  std::size_t inputs = 32;
  std::size_t classes = 10;     ///< up to 256
  std::size_t samples = 16384;  ///< of the training part; the held-out part has a quarter as many
  std::uint64_t seed = 1;
  double separation = 0.4;  ///< clusters: standard deviation of the centres' coordinates
};

/// Gaussian clusters: centre c has coordinates separation z, an example of it is centre + z with
/// other standard normal z; labels are uniform. The Bayes-optimal classifier is linear.
LabelledData make_clusters(const SyntheticSpec& spec);

/// A random teacher: inputs are standard normal, the label is the largest of the `classes` outputs
/// of W2 relu(W1 x) (ties: the lowest) with W1 (64 x inputs) and W2 (classes x 64) normal with
/// variance 1 / inputs and 1 / 64, each output shifted by its mean over the training part, so that
/// classes are about equally frequent.
LabelledData make_teacher_labels(const SyntheticSpec& spec);

}  // namespace halfulp
