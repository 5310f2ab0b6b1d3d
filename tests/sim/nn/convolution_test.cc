// Convolution through im2col against the direct sums; pooling by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sim/nn/layer.h"
#include "sim/random.h"

namespace halfulp::nn {
namespace {

template <class T>
std::vector<T> normals(std::uint32_t stream, std::size_t n) {
  std::vector<T> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<T>(random_normal({5, stream, 0, 0}, i));
  return x;
}

/// A number of an image, zero outside of it.
template <class T>
T at(const ImageShape& shape, const std::vector<T>& x, std::size_t image, int row, int col,
     std::size_t channel) {
  if (row < 0 || col < 0 || row >= static_cast<int>(shape.height) ||
      col >= static_cast<int>(shape.width)) {
    return 0;
  }
  const std::size_t pixel =
      static_cast<std::size_t>(row) * shape.width + static_cast<std::size_t>(col);
  return x[(image * shape.pixels() + pixel) * shape.channels + channel];
}

struct Case {
  ImageShape in = {5, 4, 3};
  std::size_t out = 6, images = 2;
  std::vector<float> weight = normals<float>(1, out * 9 * in.channels),
                     bias = normals<float>(2, out), x = normals<float>(3, images*in.size()),
                     dy = normals<float>(4, images*in.pixels() * out);
  std::vector<float> weight_gradient = std::vector<float>(weight.size()),
                     bias_gradient = std::vector<float>(out);

  ModelNumerics numerics;

  LayerPtr<float> layer() {
    return make_convolution<float>(
        "c", in, out, {weight.data(), weight_gradient.data(), bias.data(), bias_gradient.data()},
        LayerPolicy(numerics, std::vector<std::string>{"c"}, 1), 0);
  }
};

TEST(Convolution, ForwardIsTheDirectSumOfTaps) {
  Case c;
  auto layer = c.layer();
  auto x = c.x;
  std::vector<float> y(c.dy.size());
  layer->forward(x.data(), y.data(), c.images, {});
  for (std::size_t image = 0; image < c.images; ++image) {
    for (int row = 0; row < 5; ++row) {
      for (int col = 0; col < 4; ++col) {
        for (std::size_t o = 0; o < c.out; ++o) {
          float sum = 0.0F;  // the order of the taps is the order of the product
          for (int i = 0; i < 3; ++i) {
            for (int j = 0; j < 3; ++j) {
              for (std::size_t k = 0; k < 3; ++k) {
                const std::size_t tap = static_cast<std::size_t>(3 * i + j) * 3 + k;
                sum = std::fma(at(c.in, c.x, image, row + i - 1, col + j - 1, k),
                               c.weight[o * 27 + tap], sum);
              }
            }
          }
          const std::size_t pixel = image * 20 + static_cast<std::size_t>(row * 4 + col);
          EXPECT_EQ(y[pixel * c.out + o], sum + c.bias[o]);
        }
      }
    }
  }
}

TEST(Convolution, BackwardIsTheDirectSumOfTaps) {
  Case c;
  auto layer = c.layer();
  auto x = c.x;
  auto dy = c.dy;
  std::vector<float> y(dy.size()), dx(x.size());
  layer->forward(x.data(), y.data(), c.images, {});
  layer->backward(x.data(), dy.data(), dx.data(), c.images, {});
  std::vector<double> expected_dx(x.size()), expected_dw(c.weight.size()), expected_db(c.out);
  for (std::size_t p = 0; p < c.images * 20; ++p) {
    const std::size_t image = p / 20;
    const int row = static_cast<int>(p % 20 / 4), col = static_cast<int>(p % 4);
    for (std::size_t o = 0; o < c.out; ++o) {
      const double g = static_cast<double>(c.dy[p * c.out + o]);
      expected_db[o] += g;
      for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) {
          const int r = row + i - 1, q = col + j - 1;
          if (r < 0 || r >= 5 || q < 0 || q >= 4) continue;
          for (std::size_t k = 0; k < 3; ++k) {
            const std::size_t w = o * 27 + static_cast<std::size_t>(3 * i + j) * 3 + k;
            expected_dw[w] += g * static_cast<double>(at(c.in, c.x, image, r, q, k));
            const std::size_t pixel = image * 20 + static_cast<std::size_t>(r * 4 + q);
            expected_dx[pixel * 3 + k] += g * static_cast<double>(c.weight[w]);
          }
        }
      }
    }
  }
  for (std::size_t i = 0; i < dx.size(); ++i) EXPECT_NEAR(dx[i], expected_dx[i], 1e-4);
  for (std::size_t i = 0; i < expected_dw.size(); ++i) {
    EXPECT_NEAR(c.weight_gradient[i], expected_dw[i], 1e-4);
  }
  for (std::size_t i = 0; i < c.out; ++i) EXPECT_NEAR(c.bias_gradient[i], expected_db[i], 1e-4);
}

TEST(Convolution, Col2imIsTheTransposeOfIm2col) {
  const ImageShape shape = {3, 5, 2};
  const auto x = normals<double>(6, 2 * shape.size());
  const auto p = normals<double>(7, 9 * x.size());
  std::vector<double> patches(9 * x.size()), back(x.size());
  im2col(shape, x.data(), 2, patches.data());
  col2im(shape, p.data(), 2, back.data());
  double left = 0.0, right = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) left += patches[i] * p[i];
  for (std::size_t i = 0; i < x.size(); ++i) right += x[i] * back[i];
  EXPECT_NEAR(left, right, 1e-10);
}

TEST(Pooling, MaxTakesTheFirstOfEqualsAndDropsAnOddBorder) {
  const auto layer = make_pooling<float>(Pooling::max, {3, 4, 1});
  std::vector<float> x = {1, 5, 2, 2, 3, 5, 2, 1, 9, 9, 9, 9};
  std::vector<float> y(2), dy = {10, 20}, dx(12);
  layer->forward(x.data(), y.data(), 1, {});
  EXPECT_EQ(y, (std::vector<float>{5, 2}));
  layer->backward(x.data(), dy.data(), dx.data(), 1, {});
  EXPECT_EQ(dx, (std::vector<float>{0, 10, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Pooling, AverageOfFour) {
  const auto layer = make_pooling<float>(Pooling::average, {2, 2, 2});
  std::vector<float> x = {1, 10, 2, 20, 3, 30, 6, 60};
  std::vector<float> y(2), dy = {4, 8}, dx(8);
  layer->forward(x.data(), y.data(), 1, {});
  EXPECT_EQ(y, (std::vector<float>{3, 30}));
  layer->backward(x.data(), dy.data(), dx.data(), 1, {});
  EXPECT_EQ(dx, (std::vector<float>{1, 2, 1, 2, 1, 2, 1, 2}));
}

}  // namespace
}  // namespace halfulp::nn
