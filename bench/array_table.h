// Tables of array kernels: G elements/s of each case and of memcpy of the same array in the same
// run, for sizes that live in a cache or out of it, on the SIMD target in use and on AVX2.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/interleaved.h"
#include "sim/aligned_vector.h"
#include "sim/simd_target.h"

namespace halfulp::bench {

struct Size {
  const char* name;
  std::size_t elements;
};

struct Case {
  std::string name;
  bool is_in_place;
  std::function<void(const float*, float*, std::size_t)> run;
};

constexpr std::size_t kRepetitions = 7;
constexpr double kElementsPerRepetition = 2e7;

/// Numbers of both signs, spread evenly up to 16 in magnitude.
inline void fill(AlignedVector<float>& x) {
  std::uint32_t state = 1;
  for (float& value : x) {
    state = state * 1664525 + 1013904223;
    value = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-27F;
  }
}

/// G elements/s of memcpy and of every case, for one size on the target in use.
inline std::vector<double> rates(const Size& size, const std::vector<Case>& cases) {
  AlignedVector<float> in(size.elements);
  AlignedVector<float> out(size.elements);
  fill(in);
  const auto loops = static_cast<std::size_t>(
      std::max(1.0, kElementsPerRepetition / static_cast<double>(size.elements)));
  std::vector<Contender> contenders;
  contenders.push_back({"memcpy", [&] {
                          for (std::size_t i = 0; i < loops; ++i) {
                            std::memcpy(out.data(), in.data(), size.elements * sizeof(float));
                            asm volatile("" : : "r"(out.data()) : "memory");
                          }
                        }});
  for (const Case& c : cases) {
    contenders.push_back({c.name, [&] {
                            for (std::size_t i = 0; i < loops; ++i) {
                              c.run(c.is_in_place ? out.data() : in.data(), out.data(),
                                    size.elements);
                            }
                          }});
    // What is rounded in place must not be what the case before left.
    if (c.is_in_place) contenders.back().prepare = [&] { out = in; };
  }
  measure(contenders, kRepetitions);
  std::vector<double> result;
  for (const Contender& contender : contenders) {
    result.push_back(static_cast<double>(loops * size.elements) / contender.median() * 1e-9);
  }
  return result;
}

inline void print_table(std::span<const Size> sizes, const std::vector<Case>& cases) {
  std::vector<std::string> targets = {simd_target()};
  if (targets[0] == "avx3") targets.emplace_back("avx2");
  fmt::print("\nG elements/s (ratio to memcpy of the same array)\n\n| case |");
  std::vector<std::vector<double>> columns;
  for (const std::string& target : targets) {
    force_simd_target(target);
    for (const Size& size : sizes) {
      fmt::print(" {} {} |", target, size.name);
      columns.push_back(rates(size, cases));
    }
  }
  fmt::print("\n|---|");
  for (std::size_t i = 0; i < columns.size(); ++i) fmt::print("--:|");
  for (std::size_t row = 0; row <= cases.size(); ++row) {
    fmt::print("\n| {} |", row == 0 ? "memcpy" : cases[row - 1].name);
    for (const std::vector<double>& column : columns) {
      fmt::print(" {:.2f} ({:.2f}) |", column[row], column[row] / column[0]);
    }
  }
  fmt::print("\n");
}

}  // namespace halfulp::bench
