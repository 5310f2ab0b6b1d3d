#include <algorithm>
#include <cmath>
#include <string>

#include "sim/elementary.h"
#include "sim/nn/direction.h"
#include "sim/nn/moments.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

constexpr float kSquareFloor = 1e-30F;  ///< added to squared gradients
constexpr double kLeastStep = 1e-3;     ///< of relative steps

/// The second moments that are kept: rows and columns of each matrix, all of each vector.
ParameterList factor_list(const ParameterList& list) {
  ParameterList factors;
  std::size_t next = 0;
  const auto push = [&](const std::string& name, std::size_t size) {
    factors.push_back({name, next, 1, size, 0.0, 0.0, false});
    next += (size + 15) / 16 * 16;
  };
  for (const Parameter& p : list) {
    if (p.rows > 1) {
      push(p.name + ".rows", p.rows);
      push(p.name + ".columns", p.cols);
    } else {
      push(p.name, p.size());
    }
  }
  return factors;
}

/// Root mean square: squares added ascending in binary64.
double rms(std::span<const float> x) {
  double sum = 0.0;
  for (const float value : x) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum / static_cast<double>(x.size()));
}

class Adafactor final : public DirectionRule {
 public:
  Adafactor(const OptimizerSpec& spec, const ParameterList& list)
      : spec_(spec.adafactor),
        list_(list),
        factor_list_(factor_list(list)),
        factors_("optimizer.factors", spec.second_moment, RandomPurpose::second_moment,
                 factor_list_) {
    std::size_t next = 0;
    for (const Parameter& p : list) {
      first_factor_.push_back(next);
      next += p.rows > 1 ? 2 : 1;
    }
  }

  void begin() override { ++updates_; }

  void direction(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                 std::span<const float> weights, std::span<float> out) override {
    const Parameter& p = list_[index];
    if (p.rows > 1) {
      divide_by_factors(p, first_factor_[index], gradient, out);
      factors_.requantize(step, first_factor_[index] + 1);
    } else {
      divide_by_root(first_factor_[index], gradient, out);
    }
    factors_.requantize(step, first_factor_[index]);
    const double excess = std::max(1.0, rms(out) / spec_.clip);
    const double size = spec_.relative_step ? std::max(kLeastStep, rms(weights)) : 1.0;
    const auto factor = static_cast<float>(size / excess);
    for (float& value : out) value *= factor;
  }

  void visit_state(StateVisitor& visitor) override {
    factors_.visit_state(visitor);
    visitor.visit("optimizer.updates", std::span<std::int64_t>(&updates_, 1));
  }

 private:
  /// 1 - t^-decay.
  double beta2() const {
    return 1.0 - pinned_exp(-spec_.decay * pinned_log(static_cast<double>(updates_)));
  }

  void decay(std::span<float> moment, std::span<const double> squares) const {
    const auto kept = static_cast<float>(beta2()), rest = static_cast<float>(1.0 - beta2());
    for (std::size_t i = 0; i < moment.size(); ++i) {
      moment[i] = kept * moment[i] + rest * static_cast<float>(squares[i]);
    }
  }

  void divide_by_factors(const Parameter& p, std::size_t factor, std::span<const float> gradient,
                         std::span<float> out) {
    std::vector<double> rows(p.rows), columns(p.cols);
    for (std::size_t r = 0; r < p.rows; ++r) {
      for (std::size_t c = 0; c < p.cols; ++c) {
        const float g = gradient[r * p.cols + c];
        const double square = static_cast<double>(g * g + kSquareFloor);
        rows[r] += square;
        columns[c] += square;
      }
    }
    const std::span<float> row = factors_.of(factor), column = factors_.of(factor + 1);
    decay(row, rows);
    decay(column, columns);
    double total = 0.0;
    for (const float value : row) total += static_cast<double>(value);
    const auto all = static_cast<float>(total);
    for (std::size_t r = 0; r < p.rows; ++r) {
      const float share = row[r] / all;
      for (std::size_t c = 0; c < p.cols; ++c) {
        out[r * p.cols + c] = gradient[r * p.cols + c] / std::sqrt(share * column[c]);
      }
    }
  }

  void divide_by_root(std::size_t factor, std::span<const float> gradient, std::span<float> out) {
    std::vector<double> squares(gradient.size());
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      squares[i] = static_cast<double>(gradient[i] * gradient[i] + kSquareFloor);
    }
    const std::span<float> v = factors_.of(factor);
    decay(v, squares);
    for (std::size_t i = 0; i < gradient.size(); ++i) out[i] = gradient[i] / std::sqrt(v[i]);
  }

  OptimizerSpec::Adafactor spec_;
  const ParameterList& list_;
  ParameterList factor_list_;
  Moments factors_;
  std::vector<std::size_t> first_factor_;
  std::int64_t updates_ = 0;
};

}  // namespace

std::unique_ptr<DirectionRule> make_adafactor(const OptimizerSpec& spec,
                                              const ParameterList& list) {
  return std::make_unique<Adafactor>(spec, list);
}

}  // namespace halfulp::nn
