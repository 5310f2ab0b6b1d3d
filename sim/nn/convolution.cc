// 3x3 convolutions through im2col, and pooling.
#include <algorithm>

#include "sim/nn/layer.h"

namespace halfulp::nn {
namespace {

constexpr std::size_t kSide = 3, kTaps = kSide * kSide;

/// Calls visit(image pixel, patch position) for every tap inside of the image, patches ascending,
/// taps in the order of im2col().
template <class Visit>
void for_each_tap(const ImageShape& shape, std::size_t images, const Visit& visit) {
  for (std::size_t row = 0; row < images * shape.pixels(); ++row) {
    const std::size_t y = row / shape.width % shape.height, x = row % shape.width;
    const std::size_t first = row - y * shape.width - x;
    for (std::size_t i = 0; i < kSide; ++i) {
      for (std::size_t j = 0; j < kSide; ++j) {
        if (y + i < 1 || y + i > shape.height || x + j < 1 || x + j > shape.width) continue;
        visit(first + (y + i - 1) * shape.width + (x + j - 1), row * kTaps + i * kSide + j);
      }
    }
  }
}

}  // namespace

template <class T>
void im2col(const ImageShape& shape, const T* x, std::size_t images, T* patches) {
  const std::size_t c = shape.channels;
  std::fill_n(patches, images * shape.pixels() * kTaps * c, T{0});
  for_each_tap(shape, images, [&](std::size_t pixel, std::size_t patch) {
    std::copy_n(x + pixel * c, c, patches + patch * c);
  });
}

/// Gathers for each pixel: tap (i, j) of the patch around (y + 1 - i, x + 1 - j) is a copy of it.
template <class T>
void col2im(const ImageShape& shape, const T* patches, std::size_t images, T* x) {
  const std::size_t c = shape.channels;
  for (std::size_t pixel = 0; pixel < images * shape.pixels(); ++pixel) {
    T* sum = x + pixel * c;
    std::fill_n(sum, c, T{0});
    const std::size_t row = pixel / shape.width % shape.height, col = pixel % shape.width;
    const std::size_t first = pixel - row * shape.width - col;
    for (std::size_t i = 0; i < kSide; ++i) {
      for (std::size_t j = 0; j < kSide; ++j) {
        const std::size_t py = row + 1 - i, px = col + 1 - j;  // wraps below zero
        if (py >= shape.height || px >= shape.width) continue;
        const T* tap = patches + ((first + py * shape.width + px) * kTaps + i * kSide + j) * c;
        for (std::size_t k = 0; k < c; ++k) sum[k] += tap[k];
      }
    }
  }
}

namespace {

template <class T>
class Convolution final : public Layer<T> {
 public:
  Convolution(const std::string& name, const ImageShape& in, std::size_t out,
              const Affine<T>& affine, const LayerPolicy& policy, std::uint32_t index)
      : in_(in),
        out_(out),
        affine_(affine),
        linear_(name, kTaps * in.channels, out, affine.weight, affine.weight_gradient,
                policy.linear(name), policy.switch_to(), index) {}

  void forward(T* x, T* y, std::size_t rows, const StepKey& key) override {
    const std::size_t pixels = rows * in_.pixels();
    patches_.resize(std::max(patches_.size(), pixels * kTaps * in_.channels));
    im2col(in_, x, rows, patches_.data());
    linear_.forward(patches_.data(), y, pixels, key);
    add_bias(affine_.bias, y, pixels, out_);
  }

  void backward(const T*, T* dy, T* dx, std::size_t rows, const StepKey& key) override {
    const std::size_t pixels = rows * in_.pixels();
    column_sums(dy, affine_.bias_gradient, pixels, out_);
    if (dx == nullptr) {
      return linear_.backward(patches_.data(), dy, nullptr, pixels, false, key);
    }
    patch_gradients_.resize(patches_.size());
    linear_.backward(patches_.data(), dy, patch_gradients_.data(), pixels, false, key);
    col2im(in_, patch_gradients_.data(), rows, dx);
  }

  void visit_state(StateVisitor& visitor) override { linear_.visit_state(visitor); }

 private:
  ImageShape in_;
  std::size_t out_;
  Affine<T> affine_;
  LinearLayer<T> linear_;
  AlignedVector<T> patches_, patch_gradients_;
};

/// Windows and what of them was taken.
template <class T>
class PoolingLayer final : public Layer<T> {
 public:
  PoolingLayer(Pooling pooling, const ImageShape& in) : pooling_(pooling), in_(in) {}

  void forward(T* x, T* y, std::size_t rows, const StepKey&) override {
    const std::size_t c = in_.channels;
    taken_.resize(rows * out_pixels() * c);
    for_each_window(rows, [&](std::size_t window, const std::size_t* corners) {
      for (std::size_t k = 0; k < c; ++k) {
        T v[4];
        for (std::size_t i = 0; i < 4; ++i) v[i] = x[corners[i] * c + k];
        const std::size_t at = window * c + k;
        if (pooling_ == Pooling::average) {
          y[at] = ((v[0] + v[1]) + (v[2] + v[3])) / T{4};
          continue;
        }
        std::size_t best = 0;
        for (std::size_t i = 1; i < 4; ++i) best = v[i] > v[best] ? i : best;
        taken_[at] = static_cast<std::uint8_t>(best);
        y[at] = v[best];
      }
    });
  }

  void backward(const T*, T* dy, T* dx, std::size_t rows, const StepKey&) override {
    const std::size_t c = in_.channels;
    std::fill_n(dx, rows * in_.size(), T{0});
    for_each_window(rows, [&](std::size_t window, const std::size_t* corners) {
      for (std::size_t k = 0; k < c; ++k) {
        const std::size_t at = window * c + k;
        if (pooling_ == Pooling::max) {
          dx[corners[taken_[at]] * c + k] = dy[at];
          continue;
        }
        for (std::size_t i = 0; i < 4; ++i) dx[corners[i] * c + k] = dy[at] / T{4};
      }
    });
  }

 private:
  std::size_t out_pixels() const { return (in_.height / 2) * (in_.width / 2); }

  /// visit(number of the output pixel, the four input pixels in row-major order)
  template <class Visit>
  void for_each_window(std::size_t images, const Visit& visit) const {
    const std::size_t width = in_.width / 2;
    for (std::size_t image = 0; image < images; ++image) {
      for (std::size_t i = 0; i < out_pixels(); ++i) {
        const std::size_t first =
            image * in_.pixels() + 2 * (i / width) * in_.width + 2 * (i % width);
        const std::size_t corners[4] = {first, first + 1, first + in_.width, first + in_.width + 1};
        visit(image * out_pixels() + i, corners);
      }
    }
  }

  Pooling pooling_;
  ImageShape in_;
  std::vector<std::uint8_t> taken_;  ///< corner of each output, for Pooling::max
};

}  // namespace

template <class T>
LayerPtr<T> make_convolution(const std::string& name, const ImageShape& in, std::size_t out,
                             const Affine<T>& affine, const LayerPolicy& policy,
                             std::uint32_t index) {
  return std::make_unique<Convolution<T>>(name, in, out, affine, policy, index);
}

template <class T>
LayerPtr<T> make_pooling(Pooling pooling, const ImageShape& in) {
  return std::make_unique<PoolingLayer<T>>(pooling, in);
}

// NOLINTBEGIN(bugprone-macro-parentheses): T is a type
#define HALFULP_INSTANTIATE(T)                                                                   \
  template void im2col<T>(const ImageShape&, const T*, std::size_t, T*);                         \
  template void col2im<T>(const ImageShape&, const T*, std::size_t, T*);                         \
  template LayerPtr<T> make_convolution<T>(const std::string&, const ImageShape&, std::size_t,   \
                                           const Affine<T>&, const LayerPolicy&, std::uint32_t); \
  template LayerPtr<T> make_pooling<T>(Pooling, const ImageShape&);
// NOLINTEND(bugprone-macro-parentheses)
HALFULP_INSTANTIATE(float)
HALFULP_INSTANTIATE(double)
#undef HALFULP_INSTANTIATE

}  // namespace halfulp::nn
