#include <algorithm>
#include <array>

#include "experiments/kind.h"
#include "experiments/kinds/accumulation_error.h"
#include "experiments/kinds/approximate_multiplication.h"
#include "experiments/kinds/function_error.h"
#include "experiments/kinds/gemm_error.h"
#include "experiments/kinds/overflow_length.h"
#include "experiments/kinds/post_training_quantization.h"
#include "experiments/kinds/quantization_error.h"
#include "experiments/kinds/reduction_order.h"
#include "experiments/kinds/train_classifier.h"
#include "experiments/kinds/train_language_model.h"
#include "experiments/kinds/train_student_teacher.h"

namespace halfulp {

std::span<const ExperimentKind> experiment_kinds() {
  static const std::array kinds = {accumulation_error_kind(),   approximate_multiplication_kind(),
                                   function_error_kind(),       gemm_error_kind(),
                                   overflow_length_kind(),      post_training_quantization_kind(),
                                   quantization_error_kind(),   reduction_order_kind(),
                                   train_classifier_kind(),     train_language_model_kind(),
                                   train_student_teacher_kind()};
  return kinds;
}

const ExperimentKind* find_experiment_kind(std::string_view name) {
  const auto kinds = experiment_kinds();
  const auto found =
      std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.name == name; });
  return found == kinds.end() ? nullptr : &*found;
}

}  // namespace halfulp
