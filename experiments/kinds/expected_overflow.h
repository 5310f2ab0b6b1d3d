// The law of overflow of centred sums.
#pragma once

namespace halfulp {

/// Probability that a Brownian motion of final variance `variance`, started from 0, leaves
/// (-limit, limit): what the share of sums of many independent centred terms that overflow tends
/// to. Source: Feller, An Introduction to Probability Theory and Its Applications, vol. II, X.5.
double exit_probability(double variance, double limit);

}  // namespace halfulp
