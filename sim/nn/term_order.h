// In which order the K terms of a sum of products are added: what a kernel decides when it splits
// the reduction, deals it to threads or visits it in another order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/accumulator.h"

namespace halfulp::nn {

/// One configuration of a reduction. The terms are put in another order, cut into parts, and each
/// part is summed from zero in its own order; the parts are then added one after the other.
struct Reduction {
  SumOrder order = {};    ///< within a part
  std::size_t split = 1;  ///< parts: number s holds the terms s K / split .. (s + 1) K / split
  std::uint64_t permutation = 0;  ///< seed of a random order of the terms; 0: ascending k
  friend bool operator==(const Reduction&, const Reduction&) = default;
};

/// The rule by which a batch chooses an order here: a product of few rows has too little work for a
/// device's threads, so its kernel deals each sum to 32 / rows of them (a power of two, rounded
/// down). 32 rows and more are summed in sequence.
SumOrder order_of_batch(std::size_t batch);

/// "sequential", "interleaved(8) split=4 permutation=1".
std::string to_text(const Reduction& reduction);

/// The additions of one sum, spelled out. Parts hold trees, which are added to the part's running
/// sum in turn; trees hold chains, which are added as a left-complete binary tree; chains hold
/// terms, which are added in sequence from zero, each product fused with its addition. Ends are
/// counted over all of the next level.
struct TermOrder {
  std::vector<std::uint32_t> terms;   ///< every k once
  std::vector<std::uint32_t> chains;  ///< end of each in `terms`
  std::vector<std::uint32_t> trees;   ///< end of each in `chains`
  std::vector<std::uint32_t> parts;   ///< end of each in `trees`; none is empty
};

/// The K = permutation.size() terms in this order. Throws std::invalid_argument for a split of 0 or
/// an order without its length.
TermOrder term_order(const Reduction& reduction, std::span<const std::uint32_t> permutation);

/// The same with the permutation that the seed gives for K = `depth` terms.
TermOrder term_order(const Reduction& reduction, std::size_t depth);

}  // namespace halfulp::nn
