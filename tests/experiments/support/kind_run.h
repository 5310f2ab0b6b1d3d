// One run of an experiment kind, without the harness.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "experiments/harness/schema.h"
#include "experiments/kind.h"

namespace halfulp::test {

using Settings = std::map<std::string, Value>;
using Metrics = std::map<std::string, double>;

inline Value text(const char* value) { return std::string(value); }

inline Value count(std::int64_t value) { return value; }

/// `settings` with those of `more` put over them.
inline Settings with(Settings settings, const Settings& more) {
  for (const auto& [key, value] : more) settings[key] = value;
  return settings;
}

inline Config config_of(const ExperimentKind& kind, const Settings& settings) {
  Config config = harness::Schema(kind.fields).defaults();
  for (const auto& [key, value] : settings) config.set(key, value);
  return config;
}

inline Metrics run_kind(const ExperimentKind& kind, const Settings& settings,
                        std::int64_t seed = 0) {
  class Silent : public RunObserver {
   public:
    void progress(std::int64_t, std::int64_t, double) override {}
  };

  Silent observer;
  Metrics metrics;
  for (const Metric& metric : kind.run(config_of(kind, settings), seed, {}, observer).metrics) {
    metrics[metric.name] = metric.value;
  }
  return metrics;
}

}  // namespace halfulp::test
