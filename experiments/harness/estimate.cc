#include "experiments/harness/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>

namespace halfulp::harness {

namespace {

constexpr double kMinute = 60, kHour = 3600, kDay = 86400;
/// A run tells nothing about speed before this share of its work (start-up dominates).
constexpr double kTellingFraction = 0.02;

}  // namespace

std::string describe_duration(double seconds) {
  if (seconds < 9.95) {
    return fmt::format("{:.1f} s", seconds);
  }
  const double whole = std::round(seconds);
  const auto part = [&](double unit) { return static_cast<long>(whole / unit); };
  const auto rest = [&](double unit, double smaller) {
    return static_cast<long>(std::fmod(whole, unit) / smaller);
  };
  if (whole < kMinute) {
    return fmt::format("{} s", part(1));
  }
  if (whole < kHour) {
    return fmt::format("{} min {:02} s", part(kMinute), rest(kMinute, 1));
  }
  if (whole < kDay) {
    return fmt::format("{} h {:02} min", part(kHour), rest(kHour, kMinute));
  }
  return fmt::format("{} d {} h", part(kDay), rest(kDay, kHour));
}

double schedule_seconds(const std::vector<double>& job_seconds, int workers,
                        std::vector<double> busy_seconds) {
  busy_seconds.resize(
      std::max<std::size_t>(busy_seconds.size(), static_cast<std::size_t>(workers)));
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at(std::greater<>(),
                                                                           std::move(busy_seconds));
  double end = 0.0;
  for (const double seconds : job_seconds) {
    const double start = free_at.top();
    free_at.pop();
    free_at.push(start + seconds);
  }
  for (; !free_at.empty(); free_at.pop()) {
    end = free_at.top();
  }
  return end;
}

void EtaModel::finished(double estimate_seconds, double actual_seconds) {
  estimated_ += estimate_seconds;
  actual_ += actual_seconds;
}

std::optional<double> EtaModel::remaining(const std::vector<Active>& active,
                                          const std::vector<double>& pending_estimates,
                                          int workers) const {
  double estimated = estimated_, actual = actual_;
  for (const Active& run : active) {
    if (run.fraction >= kTellingFraction) {
      estimated += run.estimate_seconds * run.fraction;
      actual += run.elapsed_seconds;
    }
  }
  if (!(estimated > 0)) {
    return std::nullopt;
  }
  const double slowness = actual / estimated;
  std::vector<double> busy;
  for (const Active& run : active) {
    const double left = run.fraction >= kTellingFraction
                            ? run.elapsed_seconds * (1 - run.fraction) / run.fraction
                            : run.estimate_seconds * slowness - run.elapsed_seconds;
    busy.push_back(std::max(left, 0.0));
  }
  std::vector<double> jobs;
  jobs.reserve(pending_estimates.size());
  for (const double estimate : pending_estimates) {
    jobs.push_back(estimate * slowness);
  }
  return schedule_seconds(jobs, workers, std::move(busy));
}

}  // namespace halfulp::harness
