// Where several outputs for the same prompts part: the statistics of reduction_order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace halfulp {

/// What one configuration wrote: `tokens` bytes for each prompt, and the probability of each.
struct DecodedText {
  std::vector<std::uint8_t> bytes;  ///< prompts x tokens
  std::vector<double> probability;  ///< of the byte chosen, under the configuration's own logits
};

struct DivergenceStatistics {
  /// By prompt: the first token (from 0) at which not all outputs agree; `tokens` where all do.
  std::vector<std::size_t> first_difference;
  double diverged_share = 0;  ///< prompts on which not all outputs agree
  double pair_share = 0;      ///< the same for two configurations, mean over all pairs
  /// Prompts that diverged over the tokens until they did or ended: the rate at which an output
  /// that has not diverged does so.
  double rate = 0;
  /// Standard deviation over configurations (divisor: their number) of the chosen byte's
  /// probability, mean over all tokens before a prompt's first difference; NaN without one.
  double probability_std = 0;
  /// The same of the output's length, mean over prompts: bytes up to and with the first
  /// `end_byte`, all of them without one. NaN for a negative end_byte.
  double length_std = 0;
};

/// Of two configurations or more, whose outputs have equal sizes.
DivergenceStatistics divergence_statistics(std::span<const DecodedText> outputs, std::size_t tokens,
                                           int end_byte);

/// First token at which two outputs of one prompt differ; tokens.size() where none does.
std::size_t first_difference(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

/// The q-quantile by linear interpolation between order statistics (NumPy's default); NaN for no
/// values.
double quantile(std::vector<double> values, double q);

}  // namespace halfulp
