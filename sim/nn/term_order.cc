#include "sim/nn/term_order.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

/// Fisher and Yates, with draws keyed by the number of terms.
std::vector<std::uint32_t> permutation_of(std::uint64_t seed, std::size_t depth) {
  std::vector<std::uint32_t> order(depth);
  std::iota(order.begin(), order.end(), 0U);
  if (seed == 0) return order;
  const RandomStream stream = {seed, static_cast<std::uint32_t>(RandomPurpose::permutation),
                               static_cast<std::uint32_t>(depth), 0};
  for (std::size_t i = depth; i > 1; --i) {
    std::swap(order[i - 1], order[random_below(stream, i, i)]);
  }
  return order;
}

class Builder {
 public:
  /// The terms first, first + stride, ... of `part` as one chain.
  void chain(std::span<const std::uint32_t> part, std::size_t first, std::size_t stride) {
    for (std::size_t i = first; i < part.size(); i += stride) order_.terms.push_back(part[i]);
    order_.chains.push_back(static_cast<std::uint32_t>(order_.terms.size()));
  }

  void end_tree() { order_.trees.push_back(static_cast<std::uint32_t>(order_.chains.size())); }

  void end_part() { order_.parts.push_back(static_cast<std::uint32_t>(order_.trees.size())); }

  TermOrder take() { return std::move(order_); }

 private:
  TermOrder order_;
};

void add_part(Builder& builder, const SumOrder& order, std::span<const std::uint32_t> part) {
  const auto length = static_cast<std::size_t>(order.length);
  switch (order.order) {
    case Order::sequential:
      builder.chain(part, 0, 1);
      builder.end_tree();
      break;
    case Order::interleaved:
      for (std::size_t lane = 0; lane < std::min(length, part.size()); ++lane) {
        builder.chain(part, lane, length);
      }
      builder.end_tree();
      break;
    case Order::pairwise:
    case Order::blocked: {
      const std::size_t block = length == 0 ? part.size() : length;
      for (std::size_t first = 0; first < part.size(); first += block) {
        const auto own = part.subspan(first, std::min(block, part.size() - first));
        if (order.order == Order::blocked) {
          builder.chain(own, 0, 1);
        } else {
          for (std::size_t i = 0; i < own.size(); ++i) builder.chain(own.subspan(i, 1), 0, 1);
        }
        builder.end_tree();
      }
      break;
    }
  }
  builder.end_part();
}

}  // namespace

SumOrder order_of_batch(std::size_t batch) {
  constexpr std::size_t kThreads = 32;
  const std::size_t lanes = std::bit_floor(kThreads / std::clamp<std::size_t>(batch, 1, kThreads));
  if (lanes == 1) return {};
  return {Order::interleaved, static_cast<int>(lanes)};
}

std::string to_text(const Reduction& reduction) {
  static constexpr const char* kNames[] = {"sequential", "pairwise", "blocked", "interleaved"};
  std::string text = kNames[static_cast<std::size_t>(reduction.order.order)];
  if (reduction.order.length > 0) text += "(" + std::to_string(reduction.order.length) + ")";
  if (reduction.split != 1) text += " split=" + std::to_string(reduction.split);
  if (reduction.permutation != 0) {
    text += " permutation=" + std::to_string(reduction.permutation);
  }
  return text;
}

TermOrder term_order(const Reduction& reduction, std::span<const std::uint32_t> permutation) {
  const bool has_length = reduction.order.length > 0;
  const bool needs_length =
      reduction.order.order == Order::blocked || reduction.order.order == Order::interleaved;
  if (reduction.split == 0 || (needs_length && !has_length)) {
    throw std::invalid_argument("no reduction '" + to_text(reduction) + "'");
  }
  Builder builder;
  const std::size_t depth = permutation.size();
  for (std::size_t part = 0; part < reduction.split; ++part) {
    const std::size_t first = part * depth / reduction.split;
    const std::size_t end = (part + 1) * depth / reduction.split;
    if (end > first) add_part(builder, reduction.order, permutation.subspan(first, end - first));
  }
  return builder.take();
}

TermOrder term_order(const Reduction& reduction, std::size_t depth) {
  return term_order(reduction, permutation_of(reduction.permutation, depth));
}

}  // namespace halfulp::nn
