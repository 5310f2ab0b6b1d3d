#include "experiments/kinds/language_model_fields.h"

#include <string_view>

#include "experiments/kinds/checkpoint_fields.h"
#include "experiments/kinds/kept_weights.h"

namespace halfulp {

std::span<const Field> language_model_fields() {
  static const std::vector<Field> all = [] {
    std::vector<Field> fields;
    for (const auto group :
         {model_fields(), training_fields(), checkpoint_fields(), kept_weights_fields(),
          optimizer_fields(), precision_fields(), optimizer_precision_fields()}) {
      fields.insert(fields.end(), group.begin(), group.end());
    }
    return fields;
  }();
  return all;
}

std::vector<Field> with_training_fields(std::span<const Field> own) {
  std::vector<Field> all(own.begin(), own.end());
  for (const auto group : {model_fields(), training_fields(), optimizer_fields()}) {
    for (const Field& field : group) {
      if (!field.key.starts_with("evaluation.")) all.push_back(field);
    }
  }
  return all;
}

}  // namespace halfulp
