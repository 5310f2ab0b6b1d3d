// How long a sweep takes: from the kinds' cost estimates, scaled by the speed seen so far.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace halfulp::harness {

/// "0.4 s", "12 s", "3 min 20 s", "2 h 05 min", "3 d 4 h".
std::string describe_duration(double seconds);

/// Wall time of jobs that are started in the given order, each on the first of `workers` to be
/// free; `busy_seconds` is what running jobs still need.
double schedule_seconds(const std::vector<double>& job_seconds, int workers,
                        std::vector<double> busy_seconds = {});

/// The speed of this machine against the estimates, and what is left.
class EtaModel {
 public:
  struct Active {
    double estimate_seconds = 0.0;
    double elapsed_seconds = 0.0;
    double fraction = 0.0;  ///< of its work
  };

  void finished(double estimate_seconds, double actual_seconds);

  /// Seconds until all is done; nothing while no run has shown its speed.
  std::optional<double> remaining(const std::vector<Active>& active,
                                  const std::vector<double>& pending_estimates, int workers) const;

 private:
  double estimated_ = 0.0;
  double actual_ = 0.0;
};

}  // namespace halfulp::harness
