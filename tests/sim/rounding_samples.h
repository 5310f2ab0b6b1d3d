// Formats, specs and operands on which the vector kernels are compared with round().
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "formats/codec.h"
#include "formats/format.h"
#include "formats/named_formats.h"
#include "formats/number.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp::testing {

inline std::vector<Format> spelled_formats() {
  std::vector<Format> formats;
  for (const char* spec :
       {"p3109(8,1,unsigned,finite)", "p3109(8,3,signed,extended)", "p3109(8,4,signed,finite)",
        "p3109(8,3,unsigned,extended)", "p3109(8,5,unsigned,finite)", "p3109(6,1,signed,extended)",
        "p3109(6,6,unsigned,extended)", "p3109(16,9,signed,extended)", "codebook(-0.5,0.25,0.75,3)",
        "codebook(-1267650600228229401496703205376,-1,0,7.888609052210118e-31,1,2,3,4,5,6,7,8,9,10,"
        "11,12,13,14,15,16,17,18,19,20)"}) {
    formats.push_back(parse_format(spec));
  }
  return formats;
}

inline std::vector<Format> integers_and_posits() {
  return {
      IntegerFormat{1},
      IntegerFormat{1, false},
      IntegerFormat{2},
      IntegerFormat{3, true, true},
      IntegerFormat{8, true, true},
      IntegerFormat{13},
      IntegerFormat{22},
      IntegerFormat{23, false},
      IntegerFormat{24},
      IntegerFormat{24, false},
      IntegerFormat{8, true, false, 6},
      IntegerFormat{8, false, false, 8},
      IntegerFormat{12, true, true, -5},
      IntegerFormat{24, true, false, 149},
      IntegerFormat{6, true, false, -120},
      IntegerFormat{8, true, false, -90},
      PositFormat{5, 1},
      PositFormat{6, 0},
      PositFormat{7, 3},
      PositFormat{9, 4},
      PositFormat{16, 0},
      PositFormat{14, 3},
      PositFormat{20, 2},
      PositFormat{26, 2},
      PositFormat{27, 2},
      PositFormat{28, 2},
      TakumFormat{3, false},
  };
}

inline std::vector<Format> formats_inside_binary32() {
  std::vector<Format> formats;
  for (const NamedFormat& row : named_formats()) {
    if (fits_binary32(row.format)) formats.push_back(row.format);
  }
  using enum NonFinite;
  constexpr auto off = Subnormals::off, flush = Subnormals::flush_input;
  const std::vector<Format> others = {
      FloatFormat{4, 3, 7, fn, true, off},
      FloatFormat{4, 3, 7, fn, true, flush},
      FloatFormat{2, 1, 1, finite, true, off},
      FloatFormat{8, 7, 127, ieee, true, off},
      FloatFormat{8, 7, 127, ieee, true, flush},
      FloatFormat{5, 10, 15, ieee, false, flush},
      FloatFormat{4, 0, 7, finite},
      FloatFormat{4, 0, 8, finite},
      FloatFormat{4, 0, 8, ieee},
      FloatFormat{8, 0, 127, ieee},
      FloatFormat{5, 0, 15, fn, false},
      FloatFormat{5, 0, 16, fn, false, off},
      FloatFormat{8, 1, 127, ieee},
      FloatFormat{6, 17, 31, ieee},
      FloatFormat{5, 22, 15, ieee},
      FloatFormat{7, 21, 63, ieee},
      FloatFormat{5, 23, 15, ieee},
      FloatFormat{5, 22, 16, fnuz},
      FloatFormat{5, 22, 15, fn, false},
      FloatFormat{7, 22, 63, finite},
      FloatFormat{7, 23, 63, fnuz},
      FloatFormat{4, 23, 8, fn, false},
      FloatFormat{3, 2, 3, ieee, true, flush},
      FloatFormat{6, 21, 31, fnuz, true, flush},
      FloatFormat{5, 10, 15, ieee, false, off},
      FloatFormat{3, 2, -98, finite, true, off},
      FloatFormat{3, 2, -110, finite, true, flush},
      FloatFormat{6, 0, 31, fn, false},
      FloatFormat{4, 2, 140, ieee},
      FloatFormat{4, 2, 144, finite, false},
      FloatFormat{3, 2, -118, finite},
      FloatFormat{3, 5, -110, fn},
      FloatFormat{5, 3, 127, fn},
      FloatFormat{0, 7, 0, finite},
      FloatFormat{0, 4, 9, finite, false},
      FloatFormat{0, 23, -3, finite},
      FloatFormat{0, 4, 146, finite},
      FloatFormat{0, 4, 138, finite, false},
      FloatFormat{3, 2, 3, finite, false},
      FloatFormat{3, 2, 3, ieee, true, Subnormals::on, false},
      FloatFormat{4, 3, 7, fnuz, true, off},
      FloatFormat{8, 4, 128, fnuz},
  };
  for (const auto& more : {spelled_formats(), others, integers_and_posits()}) {
    formats.insert(formats.end(), more.begin(), more.end());
  }
  return formats;
}

inline bool is_possible(const Format& format, const RoundSpec& spec) {
  try {
    check_round_spec(format, spec);
    return true;
  } catch (const SpecError&) {
    return false;
  }
}

/// Every deterministic mode, and stochastic with numbers of bits around each kernel's limits.
inline std::vector<RoundSpec> round_specs(const Format& format) {
  std::vector<RoundSpec> specs;
  for (const Overflow overflow : {Overflow::saturate, Overflow::infinity, Overflow::nan,
                                  Overflow::wrap, Overflow::propagate, Overflow::sat_none}) {
    for (const Rounding rounding :
         {Rounding::nearest_even, Rounding::nearest_away, Rounding::toward_zero,
          Rounding::toward_positive, Rounding::toward_negative, Rounding::to_odd}) {
      specs.push_back({rounding, overflow});
    }
    for (const int bits : {1, 2, 7, 16, 20, 23, 24, 25, 31, 32}) {
      for (const auto variant :
           {StochasticVariant::truncate, StochasticVariant::unbiased, StochasticVariant::rounded}) {
        specs.push_back({Rounding::stochastic, overflow, bits, variant});
      }
    }
  }
  std::erase_if(specs, [&](const RoundSpec& spec) { return !is_possible(format, spec); });
  return specs;
}

inline void add_with_neighbours(std::vector<float>& operands, float x) {
  const float below = std::nextafterf(x, -std::numeric_limits<float>::infinity());
  const float above = std::nextafterf(x, std::numeric_limits<float>::infinity());
  for (const float y : {x, below, above}) {
    operands.push_back(y);
    operands.push_back(-y);
  }
}

/// Magnitudes of `format`, at most about `limit` of them, evenly spread over the codes.
inline std::vector<double> spread_values(const Format& format, std::uint64_t limit) {
  const int bits = width(format);
  const std::uint64_t codes = std::uint64_t{1} << bits;
  const std::uint64_t stride = codes / limit + 1;
  std::vector<double> values;
  for (std::uint64_t code = 0; code < codes; code += stride) {
    for (std::uint64_t near = code; near < std::min(codes, code + 2); ++near) {
      const double value = to_double(decode(format, near));
      if (std::isfinite(value)) values.push_back(std::abs(value));
    }
  }
  values.push_back(to_double(max_finite(format)));
  values.push_back(std::abs(to_double(lowest_finite(format))));
  values.push_back(to_double(min_positive(format)));
  values.push_back(to_double(min_normal(format)));
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

/// Values of the format, midpoints, quarter points and half of the smallest, one step beyond the
/// largest, each with its binary32 neighbours; powers of two; non-finite operands; random patterns.
inline std::vector<float> critical_operands(const Format& format, std::uint64_t limit,
                                            std::size_t random_patterns) {
  std::vector<float> operands;
  std::vector<double> values = spread_values(format, limit);
  const std::size_t n = values.size();
  if (n >= 2) values.push_back(2 * values[n - 1] - values[n - 2]);
  double previous = 0;
  for (const double value : values) {
    for (const double weight : {0.25, 0.5, 0.75, 1.0}) {
      add_with_neighbours(operands, static_cast<float>(previous + weight * (value - previous)));
    }
    previous = value;
  }
  for (int e = -149; e <= 127; ++e) {
    operands.push_back(std::ldexp(1.0F, e));
    operands.push_back(-std::ldexp(1.5F, e));
  }
  using Limits = std::numeric_limits<float>;
  for (const float x : {0.0F, Limits::max(), Limits::infinity(), Limits::quiet_NaN(),
                        std::bit_cast<float>(0x7F800001U), std::bit_cast<float>(0x7FFFFFFFU)}) {
    operands.push_back(x);
    operands.push_back(-x);
  }
  std::mt19937 generator(1);
  for (std::size_t i = 0; i < random_patterns; ++i) {
    operands.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(generator())));
  }
  return operands;
}

}  // namespace halfulp::testing
