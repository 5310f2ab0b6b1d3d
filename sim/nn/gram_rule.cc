#include "sim/nn/gram_rule.h"

#include "sim/random_purpose.h"

namespace halfulp::nn {

GramRule::GramRule(const std::string& name, const OptimizerSpec& spec, const ParameterList& list)
    : spec_(spec),
      list_(list),
      name_("optimizer." + name),
      others_(make_adam(spec, list)),
      m_(name_ + "_m", spec.first_moment, RandomPurpose::first_moment, list),
      v_(name_ + "_v", spec.second_moment, RandomPurpose::second_moment, list) {
  for (const Parameter& p : list) {
    const bool is_matrix = is_hidden_matrix(p);
    bases_.emplace_back(is_matrix ? p.rows : 0, is_matrix ? p.cols : 0, spec_.soap);
  }
}

void GramRule::begin() {
  others_->begin();
  powers_[0] *= spec_.beta1;
  powers_[1] *= spec_.beta2;
  ++updates_;
}

void GramRule::direction(const UpdateStep& step, std::size_t index, std::span<const float> gradient,
                         std::span<const float> weights, std::span<float> out) {
  if (!is_hidden_matrix(list_[index])) {
    return others_->direction(step, index, gradient, weights, out);
  }
  bases_[index].add(DenseMatrix(gradient.begin(), gradient.end()));
  matrix_direction(index, gradient, m_.of(index), v_.of(index), out);
  m_.requantize(step, index);
  v_.requantize(step, index);
}

bool GramRule::update_in_place(const UpdateStep& step, std::size_t index,
                               std::span<const float> gradient, std::span<float> weights) {
  return !is_hidden_matrix(list_[index]) &&
         others_->update_in_place(step, index, gradient, weights);
}

void GramRule::visit_state(StateVisitor& visitor) {
  others_->visit_state(visitor);
  m_.visit_state(visitor);
  v_.visit_state(visitor);
  visitor.visit(name_ + "_beta_powers", std::span<double>(powers_));
  visitor.visit("optimizer.updates", std::span<std::int64_t>(&updates_, 1));
  for (std::size_t i = 0; i < bases_.size(); ++i) {
    if (is_hidden_matrix(list_[i])) bases_[i].visit_bases(name_ + "." + list_[i].name, visitor);
  }
}

}  // namespace halfulp::nn
