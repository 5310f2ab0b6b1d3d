// Sums of products without rounding, in binary64: one number where all bits of the sum fit, else
// several that each take a window of the bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sim/gemm_task.h"
#include "sim/sum_stages.h"

namespace halfulp {

inline constexpr int kMostWindows = 4;

/// Window i takes the multiples of 2^units[i], i = 0 .. count - 2; the last one takes the rest.
struct Windows {
  int count = 1;
  int units[kMostWindows] = {};
};

/// Windows in which `terms` multiples of 2^bottom below 2^top in magnitude are summed without any
/// rounding, in any order; nothing where kMostWindows are too few.
std::optional<Windows> find_windows(int top, int bottom, std::uint64_t terms);

/// Start plus products of each element, exactly, then rounded to odd (one window: exact), so that
/// a later rounding to at most 51 bits is the only one (Boldo and Melquiond, 2008). All terms and
/// starts are as `windows` was found for.
void window_sums(const GemmTask& task, const Windows& windows, const SumStart& start,
                 const SumSink& sink);

/// The sum of `count` numbers, `stride` apart, rounded to odd, in any case that finite numbers
/// make; slow. window_sums() uses it where its own way does not tell the sum's neighbour.
double odd_sum(const double* parts, std::size_t count, std::size_t stride);

}  // namespace halfulp
