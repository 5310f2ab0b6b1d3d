#include <algorithm>
#include <cstring>

#include "sim/accumulator_draws.h"
#include "sim/philox.h"
#include "sim/rounded_gemm.h"

// One more target than elsewhere, AVX-512 of Ice Lake and later: it has AES rounds of whole
// vectors. Where it runs, force_simd_target() chooses it with "avx3".
#undef HWY_WANT_AVX3_DL
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/stochastic_gemm.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "sim/random-inl.h"
#include "sim/rounded_driver-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

#if HALFULP_ROUNDS_IN_INSTRUCTION

/// The lines of draws for a product, made block by block.
class LinesOfDraws {
 public:
  static constexpr std::size_t kPanelColumns = 32;

  LinesOfDraws(const ChainPlan& plan, const GemmTask& task, ChainWorkspace& work)
      : shared_(plan.rule == ChainRule::shared_draws),
        shift_(24 - plan.precision - plan.random_bits),
        mask_((1U << plan.random_bits) - 1),
        task_(task),
        groups_((task.c.cols + 7) / 8),
        keys_(work.keys),
        lines_(work.lines) {
    constexpr std::size_t kMostTileRows = 8;
    const std::size_t words = (task.c.rows + kMostTileRows) * kChainLanes;
    if (keys_.size() < words) keys_.resize(words);
    for (std::size_t m = 0; m < task.c.rows; ++m) {
      fill_key(draw_key(task.stream, task.first_row + m), keys_.data() + m * kChainLanes);
    }
  }

  DrawLines operator()(const ChainBlock& block) {
    const std::size_t line = shared_ ? 2 * kChainLanes : kChainLanes;
    const std::size_t panels = (block.cols + kPanelColumns - 1) / kPanelColumns;
    const std::size_t panel_words = (block.depth + 1) / 2 * 2 * line;
    if (lines_.size() < panels * panel_words) lines_.resize(panels * panel_words);
    for (std::size_t p = 0; p < panels; ++p) {
      const std::size_t group = (block.first_col + p * kPanelColumns) / 8;
      std::uint32_t* out = lines_.data() + p * panel_words;
      for (std::size_t k = 0; k < block.depth; k += 2, out += 2 * line) {
        // Rounding number 0 is that of the addend.
        make_two_lines((block.first_k + k + 1) * groups_ + group, out);
      }
    }
    return {lines_.data(), panel_words, keys_.data()};
  }

 private:
  using D = hn::CappedTag<std::uint64_t, 8>;

  void fill_key(const AesBlock& key, std::uint32_t* out) const {
    if (!shared_) {
      for (std::size_t i = 0; i < 4; ++i) std::memcpy(out + 4 * i, key.data(), key.size());
      return;
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(kChainLanes); ++i) {
      const std::size_t lane = 2 * (i % 8);
      const auto draw = static_cast<std::uint32_t>(key[lane] | key[lane + 1] << 8);
      out[i] = (draw & mask_) << shift_;
    }
  }

  /// The draws of 32 columns from Philox blocks first .. first + 3 and, for the next rounding,
  /// first + groups_ ...; even lanes make the first line, odd ones the second.
  void make_two_lines(std::uint64_t first, std::uint32_t* out) const {
    const D d;
    HWY_ALIGN std::uint64_t blocks[8];
    for (std::size_t i = 0; i < 8; ++i) blocks[i] = first + i / 2 + i % 2 * groups_;
    const auto counter = philox_counter(task_.stream, 0);
    const auto key = philox_key(task_.stream);
    const auto block = hn::Load(d, blocks);
    auto c0 = block;
    auto c1 = hn::Set(d, counter[1]);
    auto c2 = hn::Set(d, counter[2]);
    const auto high = hn::ShiftLeft<8>(hn::ShiftRight<32>(block));
    auto c3 = hn::Or(hn::Set(d, counter[3]), high);
    std::uint32_t key0 = key[0];
    std::uint32_t key1 = key[1];
    for (int round = 0; round < 10; ++round) {
      PhiloxPair::round(c0, c1, c2, c3, hn::Set(d, key0), hn::Set(d, key1));
      key0 += kPhiloxWeyl0;
      key1 += kPhiloxWeyl1;
    }
    const auto low = hn::Set(d, 0xFFFFFFFFULL);
    const auto words01 = hn::Or(hn::And(c0, low), hn::ShiftLeft<32>(c1));
    const auto words23 = hn::Or(hn::And(c2, low), hn::ShiftLeft<32>(c3));
    store_line(hn::InterleaveLower(d, words01, words23), out);
    store_line(hn::InterleaveUpper(d, words01, words23), out + (shared_ ? 2 : 1) * kChainLanes);
  }

  void store_line(hn::Vec<D> draws, std::uint32_t* out) const {
    if (!shared_) {
      _mm512_store_si512(out, draws.raw);
      return;
    }
    const auto place = [&](__m256i half) {
      const __m512i low =
          _mm512_and_si512(_mm512_cvtepu16_epi32(half), _mm512_set1_epi32(static_cast<int>(mask_)));
      return _mm512_sllv_epi32(low, _mm512_set1_epi32(shift_));
    };
    _mm512_store_si512(out, place(_mm512_castsi512_si256(draws.raw)));
    _mm512_store_si512(out + kChainLanes, place(_mm512_extracti64x4_epi64(draws.raw, 1)));
  }

  bool shared_;
  int shift_;
  std::uint32_t mask_;
  const GemmTask& task_;
  std::uint64_t groups_;
  AlignedVector<std::uint32_t>& keys_;
  AlignedVector<std::uint32_t>& lines_;
};

template <class Rule>
ChainKernel StochasticKernel(bool splits_columns) {
  constexpr int kRows = 8;
  return {kRows, 2, RunStochastic<Rule, false, kRows>, RunStochastic<Rule, true, kRows>,
          splits_columns};
}

void RunDraws(const ChainPlan& plan, const GemmTask& task, ChainWorkspace& work) {
  LinesOfDraws lines(plan, task, work);
  const ChainKernel kernel = plan.rule == ChainRule::shared_draws
                                 ? StochasticKernel<SharedDraws>(false)
                                 : StochasticKernel<IndependentDraws>(true);
  ChainProduct(plan, kernel, task, work).run([&](const ChainBlock& block) { return lines(block); });
}

#else

void RunDraws(const ChainPlan& /*plan*/, const GemmTask& /*task*/, ChainWorkspace& /*work*/) {}

#endif

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {
namespace {

HWY_EXPORT(RunDraws);

}  // namespace

void stochastic_gemm(const ChainPlan& plan, const GemmTask& task) {
  static thread_local ChainWorkspace workspace;
  HWY_DYNAMIC_DISPATCH(RunDraws)(plan, task, workspace);
}

}  // namespace halfulp

#endif  // HWY_ONCE
