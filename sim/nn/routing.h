// Which experts a row goes to, and with which gate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace halfulp::nn {

/// p = softmax(logits) over all experts, in binary64. A row goes to the `per_token` (1 or 2)
/// experts of largest p, of equal ones to those of lower number. Gates: p itself for one expert,
/// p / (sum of the chosen p) for two. No expert has a capacity: no row is dropped.
struct Routing {
  std::size_t rows = 0, experts = 0, per_token = 0;
  std::vector<double> probabilities;  ///< rows x experts
  std::vector<std::uint32_t> chosen;  ///< rows x per_token, best first
  std::vector<double> gates;          ///< rows x per_token
  std::vector<std::uint32_t> starts;  ///< experts + 1: where an expert's assignments begin
  std::vector<std::uint32_t> order;   ///< assignments (row * per_token + rank) by expert, then row

  std::size_t count(std::size_t expert) const { return starts[expert + 1] - starts[expert]; }

  /// experts * sum over experts of (share of the assignments) (mean p): 1 when balanced.
  double imbalance() const;
};

/// From logits, rows x experts.
template <class T>
Routing route(const T* logits, std::size_t rows, std::size_t experts, std::size_t per_token);

/// dlogits (rows x experts) from dgates (rows x per_token), plus `balance` times the gradient of
/// imbalance(), the shares of assignments taken as constants.
template <class T>
void route_backward(const Routing& routing, const std::vector<double>& dgates, double balance,
                    T* dlogits);

}  // namespace halfulp::nn
