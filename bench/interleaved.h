// Timing of competitors in one run: repetitions interleaved (A B A B ...), process CPU time,
// medians. Neighbours' load then moves both sides alike; ratios are what the tables report.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace halfulp::bench {

struct Contender {
  std::string name;
  std::function<void()> work;          ///< one repetition
  std::function<void()> prepare = {};  ///< done before each repetition, not timed
  std::vector<double> seconds = {};    ///< CPU seconds of each repetition

  double median() const {
    std::vector<double> sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

inline double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Runs every contender once to warm up, then `repetitions` interleaved rounds.
inline void measure(std::vector<Contender>& contenders, std::size_t repetitions) {
  const auto prepare = [](const Contender& contender) {
    if (contender.prepare) contender.prepare();
  };
  for (auto& contender : contenders) {
    prepare(contender);
    contender.work();
  }
  for (std::size_t round = 0; round < repetitions; ++round) {
    for (auto& contender : contenders) {
      prepare(contender);
      const double start = cpu_seconds();
      contender.work();
      contender.seconds.push_back(cpu_seconds() - start);
    }
  }
}

}  // namespace halfulp::bench
