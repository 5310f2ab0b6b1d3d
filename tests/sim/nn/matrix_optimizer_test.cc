// Muon, SOAP and Shampoo: the matrices that they make of gradients, and what they leave to AdamW.
#include <gtest/gtest.h>

#include "sim/nn/newton_schulz.h"
#include "sim/nn/symmetric_eigen.h"
#include "tests/sim/nn/optimizer_fixture.h"

namespace halfulp::nn {
namespace {

using test::Trial;

using Square = std::vector<double>;

/// a^T b of row-major matrices with `rows` rows.
Square gram(const std::vector<double>& a, const std::vector<double>& b, std::size_t rows,
            std::size_t a_cols, std::size_t b_cols) {
  Square out(a_cols * b_cols);
  for (std::size_t i = 0; i < a_cols; ++i) {
    for (std::size_t j = 0; j < b_cols; ++j) {
      for (std::size_t r = 0; r < rows; ++r)
        out[i * b_cols + j] += a[r * a_cols + i] * b[r * b_cols + j];
    }
  }
  return out;
}

/// The change of the weights at learning rate 1 without decay, negated.
std::vector<double> direction(OptimizerSpec spec, std::size_t rows, std::size_t cols,
                              const std::vector<float>& gradient) {
  spec.weight_decay = 0.0;
  Trial trial(spec, test::one_matrix(rows, cols));
  std::fill(trial.weights.begin(), trial.weights.end(), 0.0F);
  std::vector<float> padded(trial.weights.size());
  std::copy(gradient.begin(), gradient.end(), padded.begin());
  trial.step(padded, 1.0);
  std::vector<double> out(gradient.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = -static_cast<double>(trial.weights[i]);
  return out;
}

/// Largest and smallest stretch |D x| / |x| over many x: bounds on singular values from inside.
std::pair<double, double> stretches(const std::vector<double>& d, std::size_t rows,
                                    std::size_t cols) {
  Square small = rows >= cols ? gram(d, d, rows, cols, cols) : Square(rows * rows);
  const std::size_t n = std::min(rows, cols);
  if (rows < cols) {
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < rows; ++j) {
        for (std::size_t c = 0; c < cols; ++c)
          small[i * n + j] += d[i * cols + c] * d[j * cols + c];
      }
    }
  }
  // Power iteration for the largest eigenvalue, and on its distance to it for the smallest.
  const auto power = [&](const Square& a) {
    std::vector<double> x(n, 1.0), y(n);
    x[0] = 1.3;
    double value = 0.0;
    for (int k = 0; k < 3000; ++k) {
      double norm = 0.0;
      for (std::size_t i = 0; i < n; ++i) {
        y[i] = 0.0;
        for (std::size_t j = 0; j < n; ++j) y[i] += a[i * n + j] * x[j];
        norm += y[i] * y[i];
      }
      value = std::sqrt(norm);
      for (std::size_t i = 0; i < n; ++i) x[i] = y[i] / value;
    }
    return value;
  };
  const double largest = power(small);
  Square shifted(n * n);
  for (std::size_t i = 0; i < n * n; ++i)
    shifted[i] = (i % (n + 1) == 0 ? largest : 0.0) - small[i];
  return {std::sqrt(largest - power(shifted)), std::sqrt(largest)};
}

TEST(Muon, MakesSingularValuesNearOne) {
  OptimizerSpec spec;
  spec.kind = OptimizerKind::muon;
  spec.muon.scale = MuonScale::spectral;
  for (const auto& [rows, cols] : {std::pair{12, 12}, {8, 24}, {24, 8}}) {
    const auto n = static_cast<std::size_t>(rows), m = static_cast<std::size_t>(cols);
    const std::vector<double> d = direction(spec, n, m, test::noise_vector(n * m, 5));
    const double factor = std::sqrt(std::max(1.0, static_cast<double>(rows) / cols));
    const auto [least, most] = stretches(d, n, m);
    EXPECT_GT(least / factor, rows == cols ? 0.3 : 0.65) << rows;
    EXPECT_LT(most / factor, 1.25) << rows;
    // Not the gradient itself, whose singular values spread wider.
    const std::vector<float> g = test::noise_vector(n * m, 5);
    const auto [low, high] = stretches({g.begin(), g.end()}, n, m);
    EXPECT_GT(high / low, most / least);
  }
}

TEST(Muon, IteratesTheQuinticOnSingularValues) {
  // A diagonal matrix stays diagonal: each value x of it goes to a x + b x^3 + c x^5.
  std::vector<float> matrix(9);
  const double values[3] = {3.0, 1.0, 0.25};
  for (std::size_t i = 0; i < 3; ++i) matrix[i * 4] = static_cast<float>(values[i]);
  const Quantizer exact(parse_quantizer("binary32"));
  orthogonalize(matrix, 3, 3, 5, exact, {});
  for (std::size_t i = 0; i < 3; ++i) {
    double x = values[i] / (std::sqrt(9 + 1 + 0.0625) + 1e-7);
    for (int k = 0; k < 5; ++k) x = 3.4445 * x - 4.7750 * std::pow(x, 3) + 2.0315 * std::pow(x, 5);
    EXPECT_NEAR(static_cast<double>(matrix[i * 4]), x, 2e-5);
    EXPECT_EQ(matrix[i * 4 == 0 ? 1 : i * 4 - 1], 0.0F);
  }
}

TEST(Muon, TreatsTallMatricesAsTheirTransposes) {
  std::vector<float> tall = test::noise_vector(24, 8), wide(24);
  const auto transpose = [](const std::vector<float>& in, std::vector<float>& out) {
    for (std::size_t i = 0; i < 24; ++i) out[i % 3 * 8 + i / 3] = in[i];
  };
  transpose(tall, wide);
  const Quantizer exact(parse_quantizer("binary32"));
  orthogonalize(tall, 8, 3, 5, exact, {});
  orthogonalize(wide, 3, 8, 5, exact, {});
  std::vector<float> expected(24);
  transpose(tall, expected);
  EXPECT_EQ(wide, expected);
}

TEST(Muon, NarrowIteratesStayNearAndDiffer) {
  OptimizerSpec spec, narrow;
  spec.kind = narrow.kind = OptimizerKind::muon;
  narrow.muon.iterates = parse_quantizer("bfloat16");
  const std::vector<float> g = test::noise_vector(96, 9);
  const std::vector<double> a = direction(spec, 8, 12, g), b = direction(narrow, 8, 12, g);
  double difference = 0.0, size = 0.0;
  for (std::size_t i = 0; i < 96; ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += a[i] * a[i];
  }
  EXPECT_GT(difference, 0.0);
  EXPECT_LT(std::sqrt(difference / size), 0.1);
}

TEST(MatrixOptimizers, LeaveEmbeddingsAndVectorsToAdamW) {
  for (const auto kind : {OptimizerKind::muon, OptimizerKind::soap, OptimizerKind::shampoo}) {
    OptimizerSpec spec;
    spec.kind = kind;
    Trial own(spec, test::small_parameters()), adam({}, test::small_parameters());
    own.steps_on_noise(5);
    adam.steps_on_noise(5);
    for (const std::size_t i : {1U, 2U}) {
      const Parameter& p = own.parameters[i];
      for (std::size_t j = p.offset; j < p.offset + p.size(); ++j) {
        ASSERT_EQ(own.weights[j], adam.weights[j]) << p.name;
      }
    }
    EXPECT_NE(own.weights[0], adam.weights[0]);
  }
}

TEST(Soap, IsAdamWWhereGradientsAreDiagonal) {
  OptimizerSpec spec;
  spec.kind = OptimizerKind::soap;
  spec.soap.frequency = 2;
  Trial own(spec, test::one_matrix(5, 5)), adam({}, test::one_matrix(5, 5));
  for (std::int64_t t = 0; t < 7; ++t) {
    std::vector<float> g = own.gradients(t);
    for (std::size_t i = 0; i < g.size(); ++i) g[i] = i < 25 && i % 6 == 0 ? g[i] : 0.0F;
    own.step(g);
    adam.step(g);
  }
  EXPECT_EQ(own.weights, adam.weights);
}

TEST(Soap, WithoutBasesIsAdamW) {
  OptimizerSpec spec;
  spec.kind = OptimizerKind::soap;
  spec.soap.max_dimension = 0;
  Trial own(spec, test::one_matrix(6, 4)), adam({}, test::one_matrix(6, 4));
  own.steps_on_noise(7);
  adam.steps_on_noise(7);
  EXPECT_EQ(own.weights, adam.weights);
}

TEST(Soap, FirstDirectionIsThePolarFactor) {
  // In its own eigenbasis the gradient is diagonal and Adam takes signs: the direction is U V^T of
  // the gradient's singular value decomposition, which is orthogonal and makes G^T D symmetric.
  OptimizerSpec spec;
  spec.kind = OptimizerKind::soap;
  spec.epsilon = 1e-4;  // elements that are 0 but for rounding stay near 0
  std::vector<float> g = test::noise_vector(36, 21);
  for (std::size_t i = 0; i < 6; ++i) g[i * 7] += 2.0F;
  const std::vector<double> d = direction(spec, 6, 6, g);
  const Square identity = gram(d, d, 6, 6, 6);
  const Square stretch = gram({g.begin(), g.end()}, d, 6, 6, 6);
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 6; ++j) {
      EXPECT_NEAR(identity[i * 6 + j], i == j ? 1.0 : 0.0, 0.01);
      EXPECT_NEAR(stretch[i * 6 + j], stretch[j * 6 + i], 0.03);
    }
    EXPECT_GT(stretch[i * 7], 0.5);
  }
}

TEST(Soap, TurnsWithItsGradients) {
  // Orthogonal bases on both sides turn the updates: gradients U G V^T give weights U W V^T.
  OptimizerSpec spec;
  spec.kind = OptimizerKind::soap;
  spec.weight_decay = 0.0;
  spec.epsilon = 1e-4;
  constexpr std::size_t n = 4;
  // Two reflections x - 2 u (u^T x) with u of length 1.
  const auto reflect = [](std::vector<double> x, const std::array<double, n>& u, bool rows) {
    std::vector<double> out = x;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t k = 0; k < n; ++k) {
          out[i * n + j] -= 2 * (rows ? u[i] * u[k] * x[k * n + j] : x[i * n + k] * u[k] * u[j]);
        }
      }
    }
    return out;
  };
  const std::array<double, n> u = {0.5, 0.5, -0.5, 0.5}, v = {0.6, 0.0, 0.8, 0.0};
  Trial plain(spec, test::one_matrix(n, n)), turned(spec, test::one_matrix(n, n));
  std::fill(plain.weights.begin(), plain.weights.end(), 0.0F);
  turned.weights = plain.weights;
  for (std::int64_t t = 0; t < 15; ++t) {
    std::vector<float> g = plain.gradients(t);
    for (std::size_t i = 0; i < n; ++i) g[i * (n + 1)] += static_cast<float>(i + 1);
    plain.step(g, 0.1);
    const std::vector<double> other = reflect(reflect({g.begin(), g.end()}, u, true), v, false);
    turned.step({other.begin(), other.end()}, 0.1);
  }
  const std::vector<double> expected =
      reflect(reflect({plain.weights.begin(), plain.weights.end()}, u, true), v, false);
  for (std::size_t i = 0; i < n * n; ++i) {
    EXPECT_NEAR(static_cast<double>(turned.weights[i]), expected[i], 0.01);
  }
}

/// a (n x k) b (k x m).
Square product(const Square& a, const Square& b, std::size_t n, std::size_t k, std::size_t m) {
  Square out(n * m);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t l = 0; l < k; ++l) {
      for (std::size_t j = 0; j < m; ++j) out[i * m + j] += a[i * k + l] * b[l * m + j];
    }
  }
  return out;
}

/// X = S^(-1/4) of a symmetric positive S: Newton steps by products alone (Guo and
/// Higham 2006), which share nothing with eigenvectors.
Square inverse_quarter_root(const Square& s, std::size_t n) {
  double size = 0.0;
  for (const double x : s) size += x * x;
  size = std::sqrt(size);
  // X <- X (5 I - M) / 4, M <- ((5 I - M) / 4)^4 M, from X = z^(1/4) I, M = z S.
  const double z = 2.5 / size;
  Square x(n * n), m(n * n), t(n * n);
  for (std::size_t i = 0; i < n * n; ++i) {
    x[i] = i % (n + 1) == 0 ? std::pow(z, 0.25) : 0.0;
    m[i] = z * s[i];
  }
  for (int step = 0; step < 80; ++step) {
    for (std::size_t i = 0; i < n * n; ++i) t[i] = ((i % (n + 1) == 0 ? 5.0 : 0.0) - m[i]) / 4.0;
    x = product(x, t, n, n, n);
    const Square t2 = product(t, t, n, n, n);
    m = product(product(t2, t2, n, n, n), m, n, n, n);
  }
  return x;
}

TEST(Shampoo, FollowsItsDefinition) {
  // L^(-1/4) m R^(-1/4) with Adam's norm, from running means in binary64.
  constexpr std::size_t n = 4, m = 5;
  OptimizerSpec spec;
  spec.kind = OptimizerKind::shampoo;
  spec.weight_decay = 0.0;
  spec.soap.frequency = 3;
  spec.soap.decay = 0.9;
  Trial own(spec, test::one_matrix(n, m));
  std::fill(own.weights.begin(), own.weights.end(), 0.0F);
  Square left(n * n), right(m * m), first(n * m), second(n * m), left_root, right_root;
  for (std::int64_t t = 0; t < 14; ++t) {
    const std::vector<float> gradient = own.gradients(t);
    const std::vector<float> before = own.weights;
    own.step(gradient, 1.0);
    const Square g(gradient.begin(), gradient.begin() + n * m);
    Square gt(m * n);
    for (std::size_t i = 0; i < n * m; ++i) gt[i % m * n + i / m] = g[i];
    const Square squares_left = gram(gt, gt, m, n, n), squares_right = gram(g, g, n, m, m);
    for (std::size_t i = 0; i < n * n; ++i) left[i] = 0.9 * left[i] + 0.1 * squares_left[i];
    for (std::size_t i = 0; i < m * m; ++i) right[i] = 0.9 * right[i] + 0.1 * squares_right[i];
    if (t % 3 == 0) {
      const double correction = 1.0 - std::pow(0.9, static_cast<double>(t + 1));
      const auto corrected = [&](Square s, std::size_t size) {
        for (std::size_t i = 0; i < s.size(); ++i) {
          s[i] = s[i] / correction + (i % (size + 1) == 0 ? 1e-12 : 0.0);
        }
        return inverse_quarter_root(s, size);
      };
      left_root = corrected(left, n);
      right_root = corrected(right, m);
    }
    double adam = 0.0;
    const double b1 = 1.0 - std::pow(spec.beta1, static_cast<double>(t + 1));
    const double b2 = 1.0 - std::pow(spec.beta2, static_cast<double>(t + 1));
    for (std::size_t i = 0; i < n * m; ++i) {
      first[i] = spec.beta1 * first[i] + (1.0 - spec.beta1) * g[i];
      second[i] = spec.beta2 * second[i] + (1.0 - spec.beta2) * g[i] * g[i];
      const double d = first[i] / b1 / (std::sqrt(second[i] / b2) + spec.epsilon);
      adam += d * d;
    }
    const Square direction = product(product(left_root, first, n, n, m), right_root, n, m, m);
    double size = 0.0;
    for (const double d : direction) size += d * d;
    // The first gradient leaves the right Gram matrix singular and its root ill-conditioned.
    const double tolerance = t < 3 ? 0.05 : 2e-4;
    for (std::size_t i = 0; i < n * m; ++i) {
      const double moved = static_cast<double>(before[i]) - static_cast<double>(own.weights[i]);
      ASSERT_NEAR(moved, direction[i] * std::sqrt(adam / size), tolerance) << t;
    }
  }
}

TEST(Shampoo, FirstDirectionIsThePolarFactorWithAdamsNorm) {
  // (G G^T)^(-1/4) G (G^T G)^(-1/4) = U V^T, and Adam's first direction is a matrix of signs.
  OptimizerSpec spec;
  spec.kind = OptimizerKind::shampoo;
  std::vector<float> g = test::noise_vector(36, 21);
  for (std::size_t i = 0; i < 6; ++i) g[i * 7] += 2.0F;
  const std::vector<double> d = direction(spec, 6, 6, g);
  const Square identity = gram(d, d, 6, 6, 6);
  const Square stretch = gram({g.begin(), g.end()}, d, 6, 6, 6);
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 6; ++j) {
      EXPECT_NEAR(identity[i * 6 + j], i == j ? 6.0 : 0.0, 1e-4);  // 36 signs over 6 directions
      EXPECT_NEAR(stretch[i * 6 + j], stretch[j * 6 + i], 1e-4);
    }
  }
}

TEST(Shampoo, WithoutGramMatricesIsMomentumWithAdamsNorm) {
  OptimizerSpec spec;
  spec.kind = OptimizerKind::shampoo;
  spec.soap.max_dimension = 0;
  const std::vector<float> g = test::noise_vector(24, 3);
  const std::vector<double> d = direction(spec, 6, 4, g);
  double size = 0.0;
  for (const float x : g) size += static_cast<double>(x) * static_cast<double>(x);
  for (std::size_t i = 0; i < 24; ++i) {
    EXPECT_NEAR(d[i], static_cast<double>(g[i]) * std::sqrt(24.0 / size), 1e-4);
  }
}

TEST(SymmetricEigen, RebuildsTheMatrixFromOrthonormalVectors) {
  constexpr std::size_t n = 17;
  Square a(n * n), basis(n * n), start;
  for (std::size_t i = 0; i < n; ++i) {
    basis[i * (n + 1)] = 1.0;
    for (std::size_t j = 0; j <= i; ++j) {
      a[i * n + j] = a[j * n + i] = static_cast<double>(test::noise(i * n + j));
    }
  }
  start = a;
  diagonalize(a, basis, n, 1e-14);
  const Square identity = gram(basis, basis, n, n, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      double sum = 0.0;
      for (std::size_t k = 0; k < n; ++k)
        sum += basis[k * n + i] * a[k * (n + 1)] * basis[k * n + j];
      EXPECT_NEAR(sum, start[i * n + j], 1e-12);
      EXPECT_NEAR(identity[i * n + j], i == j ? 1.0 : 0.0, 1e-13);
    }
  }
}

TEST(SymmetricEigen, KeepsThePlacesOfANearlyDiagonalMatrix) {
  Square a = {1.0, 1e-3, 0.0, 1e-3, 3.0, 1e-3, 0.0, 1e-3, 2.0};
  Square basis = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  diagonalize(a, basis, 3, 1e-15);
  EXPECT_NEAR(a[0], 1.0 - 5e-7, 1e-8);  // second order: 1 - (1e-3)^2 / 2
  for (std::size_t i = 0; i < 9; i += 4) EXPECT_GT(basis[i], 0.999);
}

}  // namespace
}  // namespace halfulp::nn
