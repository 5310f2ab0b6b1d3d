// AdamW, SGD and Adafactor against the textbook in binary64, and what every optimizer must keep:
// the bits of the fused kernel, and all of its state.
#include "sim/nn/optimizer.h"

#include <gtest/gtest.h>

#include "sim/nn/kernels.h"
#include "tests/sim/nn/optimizer_fixture.h"

namespace halfulp::nn {
namespace {

using test::StateMap;
using test::Trial;

/// Direction of one parameter from its gradients so far, in binary64.
using Textbook = std::function<std::vector<double>(const Parameter&, std::vector<double> gradient,
                                                   const std::vector<double>& weights)>;

/// Twelve updates against the textbook; errors of binary32 are below 2^-24 per operation, and the
/// sums of twelve updates of at most 0.05 have a dozen such errors each.
void expect_textbook(const OptimizerSpec& spec, const std::function<Textbook()>& make,
                     double tolerance = 2e-6) {
  Trial trial(spec, test::small_parameters());
  const std::vector<double> start(trial.weights.begin(), trial.weights.end());
  trial.steps_on_noise(12);
  for (const Parameter& p : trial.parameters) {
    const Textbook textbook = make();
    std::vector<double> w(start.begin() + static_cast<std::ptrdiff_t>(p.offset),
                          start.begin() + static_cast<std::ptrdiff_t>(p.offset + p.size()));
    for (std::int64_t t = 0; t < 12; ++t) {
      const std::vector<float> all = trial.gradients(t);
      const std::vector<double> g(all.begin() + static_cast<std::ptrdiff_t>(p.offset),
                                  all.begin() + static_cast<std::ptrdiff_t>(p.offset + p.size()));
      const std::vector<double> d = textbook(p, g, w);
      for (std::size_t i = 0; i < w.size(); ++i) {
        w[i] -= 0.01 * (d[i] + (p.decays ? spec.weight_decay : 0.0) * w[i]);
      }
    }
    for (std::size_t i = 0; i < w.size(); ++i) {
      ASSERT_NEAR(static_cast<double>(trial.weights[p.offset + i]), w[i], tolerance)
          << p.name << " element " << i;
    }
  }
}

TEST(Optimizer, AdamWIsTheTextbook) {
  OptimizerSpec spec;
  spec.epsilon = 1e-3;
  expect_textbook(spec, [&]() -> Textbook {
    auto m = std::make_shared<std::vector<double>>(), v = std::make_shared<std::vector<double>>();
    auto t = std::make_shared<int>(0);
    return [=](const Parameter&, const std::vector<double>& g, const std::vector<double>&) {
      m->resize(g.size());
      v->resize(g.size());
      ++*t;
      std::vector<double> d(g.size());
      for (std::size_t i = 0; i < g.size(); ++i) {
        (*m)[i] = 0.9 * (*m)[i] + 0.1 * g[i];
        (*v)[i] = 0.95 * (*v)[i] + 0.05 * g[i] * g[i];
        d[i] = (*m)[i] / (1 - std::pow(0.9, *t)) /
               (std::sqrt((*v)[i] / (1 - std::pow(0.95, *t))) + 1e-3);
      }
      return d;
    };
  });
}

TEST(Optimizer, SgdIsTheTextbookWithAndWithoutNesterov) {
  for (const bool nesterov : {false, true}) {
    OptimizerSpec spec;
    spec.kind = OptimizerKind::sgd;
    spec.momentum = 0.8;
    spec.nesterov = nesterov;
    expect_textbook(spec, [&]() -> Textbook {
      auto b = std::make_shared<std::vector<double>>();
      return [=](const Parameter&, const std::vector<double>& g, const std::vector<double>&) {
        b->resize(g.size());
        std::vector<double> d(g.size());
        for (std::size_t i = 0; i < g.size(); ++i) {
          (*b)[i] = 0.8 * (*b)[i] + g[i];
          d[i] = nesterov ? g[i] + 0.8 * (*b)[i] : (*b)[i];
        }
        return d;
      };
    });
  }
}

double root_mean_square(const std::vector<double>& x) {
  double sum = 0.0;
  for (const double value : x) sum += value * value;
  return std::sqrt(sum / static_cast<double>(x.size()));
}

/// Vectors keep v itself; matrices its row and column means, V = rows columns / mean of rows.
Textbook plain_adafactor(bool relative) {
  auto rows = std::make_shared<std::vector<double>>();
  auto cols = std::make_shared<std::vector<double>>();
  auto t = std::make_shared<int>(0);
  return [=](const Parameter& p, const std::vector<double>& g, const std::vector<double>& w) {
    rows->resize(p.rows);
    cols->resize(p.cols);
    const double beta = 1.0 - std::pow(++*t, -0.8);
    std::vector<double> d(g.size());
    double mean = 0.0;
    for (std::size_t r = 0; r < p.rows; ++r) {
      double sum = 0.0;
      for (std::size_t c = 0; c < p.cols; ++c) sum += std::pow(g[r * p.cols + c], 2);
      (*rows)[r] = beta * (*rows)[r] + (1 - beta) * sum / static_cast<double>(p.cols);
      mean += (*rows)[r] / static_cast<double>(p.rows);
    }
    for (std::size_t c = 0; c < p.cols; ++c) {
      double sum = 0.0;
      for (std::size_t r = 0; r < p.rows; ++r) sum += std::pow(g[r * p.cols + c], 2);
      (*cols)[c] = beta * (*cols)[c] + (1 - beta) * sum / static_cast<double>(p.rows);
    }
    for (std::size_t i = 0; i < g.size(); ++i) {
      const double v = (*rows)[i / p.cols] * (*cols)[i % p.cols] / mean;
      d[i] = g[i] / std::sqrt(p.rows > 1 ? v : (*cols)[i]);
    }
    const double excess = std::max(1.0, root_mean_square(d));
    for (double& x : d) x *= (relative ? std::max(1e-3, root_mean_square(w)) : 1.0) / excess;
    return d;
  };
}

TEST(Optimizer, AdafactorIsTheTextbook) {
  for (const bool relative : {false, true}) {
    OptimizerSpec spec;
    spec.kind = OptimizerKind::adafactor;
    spec.adafactor.relative_step = relative;
    expect_textbook(spec, [&] { return plain_adafactor(relative); });
  }
}

TEST(Optimizer, AdafactorsFirstDirectionHasRootMeanSquareOneAtMost) {
  OptimizerSpec spec;
  spec.kind = OptimizerKind::adafactor;
  spec.weight_decay = 0.0;
  Trial trial(spec, test::one_matrix(8, 8));
  const std::vector<float> before = trial.weights;
  trial.step(trial.gradients(0), 1.0);
  std::vector<double> change(64);
  for (std::size_t i = 0; i < 64; ++i) {
    change[i] = static_cast<double>(trial.weights[i]) - static_cast<double>(before[i]);
  }
  EXPECT_LE(root_mean_square(change), 1.0 + 1e-6);
  EXPECT_GT(root_mean_square(change), 0.9);
}

/// Looks at nothing: its presence alone takes the general path.
class Onlooker final : public UpdateObserver {
 public:
  void on_weights(const WeightUpdate&) override {}

  void on_second_moment(const Parameter&, std::span<const float>, std::span<const float>) override {
  }
};

TEST(Optimizer, PlainAdamWHasTheBitsOfItsKernelWatchedOrNot) {
  Trial fused({}, test::small_parameters()), watched({}, test::small_parameters());
  std::vector<float> w = fused.weights, m(w.size()), v(w.size());
  Onlooker onlooker;
  double powers[2] = {1.0, 1.0};
  for (std::int64_t t = 0; t < 9; ++t) {
    const std::vector<float> g = fused.gradients(t);
    powers[0] *= 0.9;
    powers[1] *= 0.95;
    for (const Parameter& p : fused.parameters) {
      kernels<float>().adamw_update(
          {0.01, 0.9, 0.95, 1e-8, p.decays ? 0.1 : 0.0, 1.0 - powers[0], 1.0 - powers[1], 0.7},
          &w[p.offset], &g[p.offset], &m[p.offset], &v[p.offset], p.size());
    }
    fused.step(g, 0.01, nullptr, 0.7);
    watched.step(g, 0.01, &onlooker, 0.7);
  }
  EXPECT_EQ(fused.weights, w);
  EXPECT_EQ(watched.weights, w);
}

std::vector<OptimizerSpec> varied_specs() {
  std::vector<OptimizerSpec> specs;
  for (const auto kind : {OptimizerKind::adamw, OptimizerKind::sgd, OptimizerKind::adafactor,
                          OptimizerKind::muon, OptimizerKind::soap, OptimizerKind::shampoo}) {
    OptimizerSpec spec;
    spec.kind = kind;
    spec.soap.frequency = 3;
    specs.push_back(spec);
    spec.first_moment = parse_quantizer("e4m3fn+stochastic(8)");
    spec.second_moment = parse_quantizer("binary16+scale_binary32");
    spec.weights.master = parse_quantizer("bfloat16");
    spec.weights.storage = parse_quantizer("e4m3fn");
    spec.weights.rule = WeightRule::stochastic;
    specs.push_back(spec);
  }
  for (const auto rule : {WeightRule::kahan, WeightRule::collage_light, WeightRule::collage_plus}) {
    OptimizerSpec spec;
    spec.beta2 = 0.999;
    spec.weights = {std::nullopt, parse_quantizer("bfloat16"), rule};
    spec.arithmetic = spec.weights.storage;
    specs.push_back(spec);
  }
  return specs;
}

TEST(Optimizer, GoesOnFromSavedStateWithTheSameBits) {
  for (const OptimizerSpec& spec : varied_specs()) {
    Trial whole(spec, test::small_parameters()), resumed(spec, test::small_parameters());
    whole.steps_on_noise(20);
    StateMap state;
    whole.optimizer->visit_state(state);
    for (const auto& [name, values] : state.state) EXPECT_EQ(name.rfind("optimizer.", 0), 0U);
    state.start_restoring();
    resumed.optimizer->visit_state(state);
    resumed.weights = whole.weights;
    resumed.steps = whole.steps;
    whole.steps_on_noise(20);
    resumed.steps_on_noise(20);
    EXPECT_EQ(resumed.weights, whole.weights) << static_cast<int>(spec.kind);
  }
}

TEST(Optimizer, SpecsDiffer) {
  // Otherwise the test above says less than it seems to.
  std::vector<std::vector<float>> results;
  for (const OptimizerSpec& spec : varied_specs()) {
    Trial trial(spec, test::small_parameters());
    trial.steps_on_noise(40);
    for (const auto& other : results) EXPECT_NE(trial.weights, other);
    results.push_back(trial.weights);
  }
}

}  // namespace
}  // namespace halfulp::nn
