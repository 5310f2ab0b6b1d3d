#include <cmath>

#include "sim/nn/direction.h"
#include "sim/nn/moments.h"
#include "sim/nn/symmetric_eigen.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

constexpr double kTolerance = 1e-7;  ///< of an eigenbasis

using Dense = AlignedVector<double>;

/// out (n x m) = a (n x k) b (k x m), sums over k ascending, each operation rounded.
Dense product(const Dense& a, const Dense& b, std::size_t n, std::size_t k, std::size_t m) {
  Dense out(n * m);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t l = 0; l < k; ++l) {
      const double factor = a[i * k + l];
      for (std::size_t j = 0; j < m; ++j) out[i * m + j] += factor * b[l * m + j];
    }
  }
  return out;
}

Dense transposed(const Dense& a, std::size_t rows, std::size_t cols) {
  Dense out(a.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) out[c * rows + r] = a[r * cols + c];
  }
  return out;
}

/// One side of a matrix: the running Gram matrix of its gradients and its eigenbasis, whose rows
/// are the eigenvectors. Empty for sides that keep the identity.
struct Side {
  std::size_t n = 0;
  Dense gram, basis;

  explicit Side(std::size_t size) : n(size), gram(size * size), basis(size * size) {
    for (std::size_t i = 0; i < size; ++i) basis[i * size + i] = 1.0;
  }

  void add(const Dense& square, double decay) {
    for (std::size_t i = 0; i < gram.size(); ++i) {
      gram[i] = decay * gram[i] + (1.0 - decay) * square[i];
    }
  }

  /// From the last basis, so that eigenvectors keep their places and second moments stay theirs.
  void refresh() {
    Dense rotated = product(product(basis, gram, n, n, n), transposed(basis, n, n), n, n, n);
    diagonalize(rotated, basis, n, kTolerance);
  }
};

struct Sides {
  Side left, right;
};

/// Gram matrices, bases and rotations in binary64; moments and the direction in binary32. The order
/// of an update: Gram matrices, bases (when due, and at the first update), moments, direction.
class Soap final : public DirectionRule {
 public:
  Soap(const OptimizerSpec& spec, const ParameterList& list)
      : spec_(spec),
        list_(list),
        others_(make_adam(spec, list)),
        m_("optimizer.soap_m", spec.first_moment, RandomPurpose::first_moment, list),
        v_("optimizer.soap_v", spec.second_moment, RandomPurpose::second_moment, list) {
    const auto side = [&](std::size_t n) { return Side(n <= spec_.soap.max_dimension ? n : 0); };
    for (const Parameter& p : list) {
      const bool is_matrix = is_hidden_matrix(p);
      sides_.push_back({side(is_matrix ? p.rows : 0), side(is_matrix ? p.cols : 0)});
    }
  }

  void begin() override {
    others_->begin();
    powers_[0] *= spec_.beta1;
    powers_[1] *= spec_.beta2;
    ++updates_;
  }

  void direction(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                 std::span<const float> weights, std::span<float> out) override {
    const Parameter& p = list_[index];
    if (!is_hidden_matrix(p)) return others_->direction(step, index, gradient, weights, out);
    const Dense g(gradient.begin(), gradient.end());
    update_sides(p, sides_[index], g);
    const std::span<float> m = m_.of(index);
    const auto beta1 = static_cast<float>(spec_.beta1);
    const auto rest1 = static_cast<float>(1.0 - spec_.beta1);
    for (std::size_t i = 0; i < m.size(); ++i) m[i] = beta1 * m[i] + rest1 * gradient[i];
    const Dense rotated_g = into_basis(p, sides_[index], g);
    const Dense rotated_m = into_basis(p, sides_[index], Dense(m.begin(), m.end()));
    const Dense direction = out_of_basis(p, sides_[index], adam(index, rotated_g, rotated_m));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(direction[i]);
    m_.requantize(step, index);
    v_.requantize(step, index);
  }

  bool update_in_place(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                       std::span<float> weights) override {
    return !is_hidden_matrix(list_[index]) &&
           others_->update_in_place(step, index, gradient, weights);
  }

  void visit_state(StateVisitor& visitor) override {
    others_->visit_state(visitor);
    m_.visit_state(visitor);
    v_.visit_state(visitor);
    visitor.visit("optimizer.soap_beta_powers", std::span<double>(powers_));
    visitor.visit("optimizer.updates", std::span<std::int64_t>(&updates_, 1));
    for (std::size_t i = 0; i < sides_.size(); ++i) {
      if (!is_hidden_matrix(list_[i])) continue;
      const std::string name = "optimizer.soap." + list_[i].name;
      visitor.visit(name + ".left_gram", std::span<double>(sides_[i].left.gram));
      visitor.visit(name + ".left_basis", std::span<double>(sides_[i].left.basis));
      visitor.visit(name + ".right_gram", std::span<double>(sides_[i].right.gram));
      visitor.visit(name + ".right_basis", std::span<double>(sides_[i].right.basis));
    }
  }

 private:
  void update_sides(const Parameter& p, Sides& sides, const Dense& g) const {
    const Dense gt = transposed(g, p.rows, p.cols);
    const bool is_due = (updates_ - 1) % spec_.soap.frequency == 0;
    if (sides.left.n > 0) {
      sides.left.add(product(g, gt, p.rows, p.cols, p.rows), spec_.soap.decay);
      if (is_due) sides.left.refresh();
    }
    if (sides.right.n > 0) {
      sides.right.add(product(gt, g, p.cols, p.rows, p.cols), spec_.soap.decay);
      if (is_due) sides.right.refresh();
    }
  }

  static Dense into_basis(const Parameter& p, const Sides& sides, Dense x) {
    if (sides.left.n > 0) x = product(sides.left.basis, x, p.rows, p.rows, p.cols);
    if (sides.right.n == 0) return x;
    return product(x, transposed(sides.right.basis, p.cols, p.cols), p.rows, p.cols, p.cols);
  }

  static Dense out_of_basis(const Parameter& p, const Sides& sides, Dense x) {
    if (sides.left.n > 0) {
      x = product(transposed(sides.left.basis, p.rows, p.rows), x, p.rows, p.rows, p.cols);
    }
    if (sides.right.n == 0) return x;
    return product(x, sides.right.basis, p.rows, p.cols, p.cols);
  }

  /// Adam's direction from the rotated gradient and first moment, both rounded to binary32.
  Dense adam(std::size_t index, const Dense& gradient, const Dense& first) {
    const auto beta2 = static_cast<float>(spec_.beta2);
    const auto rest2 = static_cast<float>(1.0 - spec_.beta2);
    const auto scale1 = static_cast<float>(1.0 / (1.0 - powers_[0]));
    const auto scale2 = static_cast<float>(1.0 / (1.0 - powers_[1]));
    const auto epsilon = static_cast<float>(spec_.epsilon);
    const std::span<float> v = v_.of(index);
    Dense out(gradient.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto g = static_cast<float>(gradient[i]), m = static_cast<float>(first[i]);
      v[i] = beta2 * v[i] + rest2 * (g * g);
      out[i] = static_cast<double>((m * scale1) / (std::sqrt(v[i] * scale2) + epsilon));
    }
    return out;
  }

  OptimizerSpec spec_;
  const ParameterList& list_;
  std::unique_ptr<DirectionRule> others_;
  Moments m_, v_;
  std::vector<Sides> sides_;
  double powers_[2] = {1.0, 1.0};
  std::int64_t updates_ = 0;
};

}  // namespace

std::unique_ptr<DirectionRule> make_soap(const OptimizerSpec& spec, const ParameterList& list) {
  return std::make_unique<Soap>(spec, list);
}

}  // namespace halfulp::nn
