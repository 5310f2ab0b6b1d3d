// Speed of fits: a joint law of precision on 465 made runs (the number of Kumar et al. 2024) with
// 200 starts and 1000 bootstrap replicates. Checks that the truth is in its interval.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "bench/usage.h"
#include "experiments/laws/fit.h"
#include "experiments/laws/published.h"
#include "experiments/laws/table.h"

namespace {

using namespace halfulp::laws;  // NOLINT: a small program

/// N x D x precisions of one tensor, all three, and pairs; losses with deviations of about 0.2 %.
Table made_runs(std::size_t rows) {
  std::string text = "N,D,P_w,P_a,P_kv,loss\n";
  std::size_t row = 0;
  for (double bits = 4.0; row < rows; bits += 1.0) {
    for (int mask = bits > 11.0 ? 0 : 1; mask < 8 && row < rows; ++mask) {
      for (const double n : {30e6, 60e6, 110e6, 220e6}) {
        for (const double d : {1.5e9, 3e9, 6e9, 13e9, 26e9}) {
          if (row == rows) break;
          const auto of = [&](int tensor) { return (mask >> tensor) % 2 == 1 ? bits : 16.0; };
          const double loss = evaluate_published(
              "kumar2024_training",
              {{"N", n}, {"D", d}, {"P_w", of(0)}, {"P_a", of(1)}, {"P_kv", of(2)}});
          const double i = static_cast<double>(row++);
          const double factor = 1.0 + 0.003 * std::sin(1.7 * i + 3.0 * std::sin(0.9 * i));
          text += fmt::format("{},{},{},{},{},{}\n", n, d, of(0), of(1), of(2), loss * factor);
        }
      }
    }
  }
  return parse_csv(text, "made");
}

void measure(const std::string& name, const Table& table, const std::string& law, int jobs,
             const std::string& parameter, double truth) {
  ProblemSpec spec;
  spec.law = named_law(law);
  const Problem problem(table, spec);
  FitOptions options;
  options.starts = 200;
  options.jobs = jobs;
  const auto wall = std::chrono::steady_clock::now();
  const std::clock_t cpu = std::clock();
  const FitResult result = run_fit(problem, options, {});
  const double cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  const std::chrono::duration<double> wall_seconds = std::chrono::steady_clock::now() - wall;
  for (const ParameterEstimate& p : result.parameters) {
    if (p.name == parameter && !(p.interval.low < truth && truth < p.interval.high)) {
      fmt::print(stderr, "{}: {} is {}, not near {}\n", name, parameter, p.estimate, truth);
      std::exit(1);
    }
  }
  fmt::print("| {} | {} | {} | {} | {} | {:.1f} | {:.1f} |\n", name, problem.rows(),
             problem.dimension(), result.fit.reached, jobs, cpu_seconds, wall_seconds.count());
}

}  // namespace

int main(int argc, char** argv) {
  constexpr halfulp::bench::Usage kUsage = {
      "fit_bench", "",
      "Seconds of fits of scaling laws to made runs, with 200 starts "
      "and 1000 bootstrap replicates."};
  if (const auto code = halfulp::bench::answer(argc, argv, kUsage, 0)) return *code;
  fmt::print(
      "| fit, 200 starts, 1000 replicates | rows | parameters | starts that reached the optimum "
      "| threads | CPU s | wall s |\n|---|--:|--:|--:|--:|--:|--:|\n");
  const Table precision = made_runs(465);
  measure("kumar_training", precision, "kumar_training", 2, "gamma_w", 2.6745);
  return 0;
}
