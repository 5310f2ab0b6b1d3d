#include "experiments/kinds/trained_models.h"

#include <map>
#include <string>
#include <utility>

#include "experiments/kinds/corpora.h"
#include "experiments/kinds/language_model_spec.h"

namespace halfulp {

const nn::TrainResult& trained_model(const Config& config, std::int64_t seed) {
  static std::map<std::pair<std::string, std::int64_t>, nn::TrainResult> models;
  const std::pair key = {training_key(config), seed};
  const auto found = models.find(key);
  if (found != models.end()) return found->second;
  nn::TrainResult trained =
      nn::train(binary32_train_spec(config), *shared_corpus(config),
                static_cast<std::uint64_t>(seed), [](std::int64_t, double) {});
  return models.emplace(key, std::move(trained)).first->second;
}

}  // namespace halfulp
