#include "sim/nn/rotation.h"

#include "sim/elementary.h"

namespace halfulp::nn {

template <class T>
RotationTables<T> rotation_tables(const ModelConfig& config) {
  const std::size_t half = config.width / config.heads / 2;
  const double log_base = pinned_log(10000.0);
  RotationTables<T> tables;
  tables.cosines.resize(config.context * half);
  tables.sines.resize(config.context * half);
  for (std::size_t i = 0; i < half; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(half);
    const double frequency = pinned_exp(-share * log_base);
    for (std::size_t p = 0; p < config.context; ++p) {
      const double angle = static_cast<double>(p) * frequency;
      tables.cosines[p * half + i] = static_cast<T>(pinned_cos(angle));
      tables.sines[p * half + i] = static_cast<T>(pinned_sin(angle));
    }
  }
  return tables;
}

template RotationTables<float> rotation_tables(const ModelConfig& config);
template RotationTables<double> rotation_tables(const ModelConfig& config);

}  // namespace halfulp::nn
