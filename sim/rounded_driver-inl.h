// Blocks and panels for the kernels of rounded_kernels-inl.h.
// Included once per target, after hwy/foreach_target.h.
#if defined(HALFULP_SIM_ROUNDED_DRIVER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HALFULP_SIM_ROUNDED_DRIVER_INL_H_
#undef HALFULP_SIM_ROUNDED_DRIVER_INL_H_
#else
#define HALFULP_SIM_ROUNDED_DRIVER_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "sim/aligned_vector.h"
#include "sim/gemm_pack-inl.h"
#include "sim/gemm_task.h"
#include "sim/rounded_gemm.h"
#include "sim/rounded_kernels-inl.h"

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

/// A kernel and the shape of its tiles.
struct ChainKernel {
  std::size_t rows;
  std::size_t vectors;
  void (*run)(const ChainRow&);           ///< A stored M x K
  void (*run_adjacent)(const ChainRow&);  ///< A stored K x M
  bool splits_columns = false;  ///< even columns of a tile in its first vector, odd in the second
  bool whole_depth = false;     ///< takes all k at once
  bool doubles = false;         ///< takes row k of a block of B times 2^(k mod kDoublings)
};

/// A block of B: k from first_k, columns from first_col.
struct ChainBlock {
  std::size_t first_k, depth, first_col, cols;
};

/// Draws for a block, filled by the stochastic rules.
struct DrawLines {
  const std::uint32_t* draws = nullptr;  ///< panel after panel, k after k
  std::size_t panel_words = 0;
  const std::uint32_t* keys = nullptr;  ///< of row 0
};

class ChainProduct {
 public:
  ChainProduct(const ChainPlan& plan, const ChainKernel& kernel, const GemmTask& task,
               ChainWorkspace& work)
      : plan_(plan),
        kernel_(kernel),
        task_(task),
        width_(kernel.vectors * kChainLanes),
        work_(work) {
    part_.resize(kernel.rows * width_);
    tile_.resize(kernel.rows * width_);
  }

  /// C, which holds what sums start from, becomes the sums. `lines(block)` gives the draws.
  template <class Lines>
  void run(const Lines& lines) {
    const std::size_t depth_block = block_depth();
    const std::size_t most_cols =
        std::max<std::size_t>(kPackedFloats / depth_block / width_, 1) * width_;
    for (std::size_t k = 0; k < task_.depth; k += depth_block) {
      const std::size_t depth = std::min(depth_block, task_.depth - k);
      for (std::size_t n = 0; n < task_.c.cols; n += most_cols) {
        const ChainBlock block{k, depth, n, std::min(most_cols, task_.c.cols - n)};
        pack_columns(block);
        lines_ = lines(block);
        multiply_rows(block);
      }
    }
  }

 private:
  static constexpr std::size_t kPackedFloats = 128 * 1024;
  static constexpr std::size_t kDepth = 512;
  static constexpr std::size_t kDepthTransposed = 128;  // each k of A is another row
  static constexpr std::size_t kCopiedRows = 120;       // a multiple of the rows of all tiles
  static constexpr std::size_t kCopiedStride = 144;
  static constexpr std::size_t kLongStrideOfA = 768;
  static constexpr std::size_t kLongStrideOfB = 1024;

  static void reserve(AlignedVector<float>& buffer, std::size_t floats) {
    if (buffer.size() < floats) buffer.resize(floats);
  }

  /// Whole segments.
  std::size_t block_depth() const {
    if (kernel_.whole_depth) return task_.depth;
    if (!plan_.segments) return task_.a_transposed ? kDepthTransposed : kDepth;
    const std::size_t length = plan_.segments->length;
    return length >= kDepth ? std::min(length, task_.depth) : kDepth / length * length;
  }

  /// Whole panels stay where they are when that is no slower.
  void pack_columns(const ChainBlock& block) {
    const float* const source =
        task_.b_transposed ? task_.b.data + block.first_col * task_.b.stride + block.first_k
                           : task_.b.data + block.first_k * task_.b.stride + block.first_col;
    in_place_ = !task_.b_transposed && !kernel_.splits_columns && !kernel_.doubles &&
                task_.b.stride < kLongStrideOfB;
    source_ = source;
    const std::size_t panels = (block.cols + width_ - 1) / width_;
    reserve(packed_, panels * width_ * block.depth);
    for (std::size_t p = 0; p < panels; ++p) {
      const std::size_t cols = std::min(width_, block.cols - p * width_);
      if (in_place_ && cols == width_) continue;
      float* const out = packed_.data() + p * width_ * block.depth;
      if (task_.b_transposed) {
        PackTransposedPanel(source + p * width_ * task_.b.stride, task_.b.stride, block.depth, cols,
                            width_, out);
      } else {
        PackPanel(source + p * width_, task_.b.stride, block.depth, cols, width_, out);
      }
      if (kernel_.splits_columns) split_columns(out, block.depth);
      if (kernel_.doubles) scale_rows(out, block.depth);
    }
  }

  void scale_rows(float* panel, std::size_t depth) const {
    const ChainTag d;
    for (std::size_t k = 0; k < depth; ++k, panel += width_) {
      const ChainVector factor = hn::Set(d, static_cast<float>(1 << k % kDoublings));
      for (std::size_t n = 0; n < width_; n += kChainLanes) {
        hn::Store(hn::Mul(hn::Load(d, panel + n), factor), d, panel + n);
      }
    }
  }

  void split_columns(float* panel, std::size_t depth) {
    for (std::size_t k = 0; k < depth; ++k, panel += width_) {
      for (std::size_t n = 0; n < width_; ++n) tile_[place_of(n)] = panel[n];
      std::copy_n(tile_.data(), width_, panel);
    }
  }

  /// Where a tile holds column n.
  std::size_t place_of(std::size_t n) const {
    return kernel_.splits_columns ? n / 2 + n % 2 * kChainLanes : n;
  }

  void multiply_rows(const ChainBlock& block) {
    const std::size_t rows = task_.c.rows;
    if (!task_.a_transposed) {
      const std::size_t whole = rows / kernel_.rows * kernel_.rows;
      const float* const a = task_.a.data + block.first_k;
      multiply(block, a, task_.a.stride, 0, whole);
      if (whole < rows) {
        copy_last_rows(a + whole * task_.a.stride, rows - whole, block.depth);
        multiply(block, copied_.data(), block.depth, whole, rows);
      }
      return;
    }
    const float* const a = task_.a.data + block.first_k * task_.a.stride;
    std::size_t in_place = 0;
    if (task_.a.stride < kLongStrideOfA) {
      in_place = rows / kernel_.rows * kernel_.rows;
      multiply(block, a, task_.a.stride, 0, in_place);
    }
    for (std::size_t m = in_place; m < rows; m += kCopiedRows) {
      const std::size_t count = std::min(kCopiedRows, rows - m);
      reserve(copied_, kCopiedStride * block.depth);
      if (count % kernel_.rows != 0) std::fill(copied_.begin(), copied_.end(), 0.0F);
      CopyRows(a + m, task_.a.stride, block.depth, count, kCopiedStride, copied_.data());
      multiply(block, copied_.data(), kCopiedStride, m, m + count);
    }
  }

  void copy_last_rows(const float* a, std::size_t count, std::size_t depth) {
    reserve(copied_, kernel_.rows * depth);
    std::fill_n(copied_.begin(), kernel_.rows * depth, 0.0F);
    for (std::size_t i = 0; i < count; ++i) {
      std::copy_n(a + i * task_.a.stride, depth, copied_.data() + i * depth);
    }
  }

  /// Rows first .. end - 1 of C; `a` has whole tiles of rows.
  void multiply(const ChainBlock& block, const float* a, std::size_t a_stride, std::size_t first,
                std::size_t end) {
    ChainRow row{};
    row.a_stride = static_cast<std::ptrdiff_t>(a_stride);
    row.accumulate = task_.addend.data != nullptr || block.first_k > 0;
    row.plan = &plan_;
    // Blocks are whole numbers of doublings.
    row.phase = block.first_k % static_cast<std::size_t>(plan_.every);
    row.trials = &trials_;
    row.depth = block.depth;
    row.is_last = block.first_k + block.depth == task_.depth;
    const std::size_t whole = block.cols / width_ * width_;
    for (std::size_t m = first; m < end; m += kernel_.rows) {
      const std::size_t rows = std::min(kernel_.rows, end - m);
      row.a = a + (task_.a_transposed ? m - first : (m - first) * a_stride);
      if (lines_.keys != nullptr) row.keys = lines_.keys + m * kChainLanes;
      fetch_ahead(block, row, m, m + kernel_.rows < end);
      const bool direct = rows == kernel_.rows && !plan_.segments && !kernel_.splits_columns;
      std::size_t n = 0;
      if (direct) {
        set_columns(block, 0, whole / width_, row);
        row.c = task_.c.data + m * task_.c.stride + block.first_col;
        row.c_stride = static_cast<std::ptrdiff_t>(task_.c.stride);
        run_kernel(row);
        n = whole;
      }
      for (; n < block.cols; n += width_) {
        set_columns(block, n / width_, 1, row);
        float* const c = task_.c.data + m * task_.c.stride + block.first_col + n;
        run_copied(row, c, rows, std::min(width_, block.cols - n));
      }
    }
  }

  /// Brings what comes next of A to L2 while a row of tiles is worked on: the next tile's rows, or,
  /// of A stored K x M, the same rows in the next block of k.
  void fetch_ahead(const ChainBlock& block, const ChainRow& row, std::size_t m,
                   bool has_next) const {
    constexpr std::size_t kLine = 64 / sizeof(float);
    const std::size_t stride = task_.a.stride;
    if (!task_.a_transposed) {
      const float* const next = row.a + kernel_.rows * stride;
      for (std::size_t i = 0; has_next && i < kernel_.rows; ++i) {
        for (std::size_t k = 0; k < block.depth; k += kLine) {
          __builtin_prefetch(next + i * stride + k, 0, 2);
        }
      }
      return;
    }
    const std::size_t first = block.first_k + block.depth;
    const std::size_t depth = std::min(block.depth, task_.depth - first);
    if (depth == 0) return;
    const float* const next = task_.a.data + first * stride + m;
    for (std::size_t k = 0; k < depth; ++k) __builtin_prefetch(next + k * stride, 0, 2);
  }

  void set_columns(const ChainBlock& block, std::size_t panel, std::size_t count, ChainRow& row) {
    const bool in_place = in_place_ && (panel + 1) * width_ <= block.cols;
    row.b = in_place ? source_ + panel * width_ : packed_.data() + panel * width_ * block.depth;
    row.b_stride = static_cast<std::ptrdiff_t>(in_place ? task_.b.stride : width_);
    row.b_next = in_place ? width_ : width_ * block.depth;
    if (lines_.draws != nullptr) row.draws = lines_.draws + panel * lines_.panel_words;
    row.draws_next = lines_.panel_words;
    row.count = count;
  }

  void run_kernel(const ChainRow& row) const {
    if (row.count > 0) (task_.a_transposed ? kernel_.run_adjacent : kernel_.run)(row);
  }

  /// One tile on a copy of its part of C.
  void run_copied(ChainRow row, float* c, std::size_t rows, std::size_t cols) {
    std::fill(tile_.begin(), tile_.end(), 0.0F);
    for (std::size_t i = 0; row.accumulate && i < rows; ++i) {
      for (std::size_t n = 0; n < cols; ++n) {
        tile_[i * width_ + place_of(n)] = c[i * task_.c.stride + n];
      }
    }
    row.c = tile_.data();
    row.c_stride = static_cast<std::ptrdiff_t>(width_);
    if (plan_.segments) {
      run_segments(row);
    } else {
      run_kernel(row);
    }
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t n = 0; n < cols; ++n) {
        c[i * task_.c.stride + n] = tile_[i * width_ + place_of(n)];
      }
    }
  }

  void run_segments(ChainRow row) {
    const std::size_t depth = row.depth;
    row.c = part_.data();
    row.accumulate = false;
    row.phase = 0;
    row.is_last = true;
    for (std::size_t k = 0; k < depth; k += plan_.segments->length) {
      if (kernel_.doubles) row.phase = k % kDoublings;
      row.depth = std::min(plan_.segments->length, depth - k);
      run_kernel(row);
      AddPart(plan_.segments->outer_precision, part_.data(), width_, tile_.data(), width_,
              kernel_.rows, width_);
      const auto steps = static_cast<std::ptrdiff_t>(row.depth);
      row.a += task_.a_transposed ? steps * row.a_stride : steps;
      row.b += steps * row.b_stride;
    }
  }

  const ChainPlan& plan_;
  const ChainKernel& kernel_;
  const GemmTask& task_;
  std::size_t width_;
  bool in_place_ = false;
  const float* source_ = nullptr;
  DrawLines lines_;
  ChainTrials trials_;
  ChainWorkspace& work_;
  AlignedVector<float>& packed_ = work_.packed;
  AlignedVector<float>& copied_ = work_.copied;
  AlignedVector<float>& part_ = work_.part;
  AlignedVector<float>& tile_ = work_.tile;
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#endif  // include guard
