// Estimates with 95 % intervals.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "experiments/laws/fit.h"

namespace halfulp::claims {

/// Of the mean of independent values, Student's t; at least two values.
laws::Interval mean_interval(std::span<const double> values);

double mean(std::span<const double> values);

/// Of a share, Clopper and Pearson's (doi:10.1093/biomet/26.4.404), never narrower than 95 %.
laws::Interval share_interval(std::size_t successes, std::size_t trials);

/// Spearman's rank correlation; ties have the mean of their ranks. NaN when one side is constant.
double rank_correlation(std::span<const double> x, std::span<const double> y);

/// Percentiles of `statistic` over `replicates` draws of groups with replacement; it is called with
/// how often each group was drawn. Random words by counter: equal for any `jobs`.
laws::Interval bootstrap_interval(std::size_t groups, std::size_t replicates, std::uint64_t seed,
                                  int jobs,
                                  const std::function<double(std::span<const double>)>& statistic);

}  // namespace halfulp::claims
