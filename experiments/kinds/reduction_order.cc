#include "experiments/kinds/reduction_order.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/kinds/corpora.h"
#include "experiments/kinds/divergence.h"
#include "experiments/kinds/language_model_spec.h"
#include "experiments/kinds/model_spec.h"
#include "experiments/kinds/reduction_order_fields.h"
#include "experiments/kinds/trained_models.h"
#include "sim/elementary.h"

namespace halfulp {
namespace {

double number(std::size_t n) { return static_cast<double>(n); }

struct Task {
  std::size_t prompts, prompt_bytes, tokens;
  int end_byte;
};

Task task_of(const Config& config) {
  const auto size = [&](const char* key) { return static_cast<std::size_t>(config.integer(key)); };
  return {size("decode.prompts"), size("decode.prompt_bytes"), size("decode.tokens"),
          static_cast<int>(config.integer("decode.end_byte"))};
}

/// Evenly spaced windows of the held-out text, the same for every seed and arithmetic.
std::vector<std::uint8_t> prompts_of(const Corpus& corpus, const Task& task) {
  const std::vector<std::uint8_t>& text = corpus.held_out;
  if (text.size() < task.prompt_bytes) {
    throw DataError("corpus '" + corpus.name + "' has fewer held-out bytes than one prompt of " +
                    std::to_string(task.prompt_bytes) + "; use a shorter decode.prompt_bytes");
  }
  std::vector<std::uint8_t> prompts;
  for (std::size_t p = 0; p < task.prompts; ++p) {
    const std::size_t start = (text.size() - task.prompt_bytes) * p / task.prompts;
    const auto first = text.begin() + static_cast<std::ptrdiff_t>(start);
    prompts.insert(prompts.end(), first, first + static_cast<std::ptrdiff_t>(task.prompt_bytes));
  }
  return prompts;
}

/// 1 / sum exp(x - max), in binary64, elements ascending.
double largest_probability(std::span<const float> logits) {
  const double most = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0.0;
  for (const float x : logits) sum += pinned_exp(static_cast<double>(x) - most);
  return 1.0 / sum;
}

/// Largest minus second largest.
double gap(std::span<const float> logits) {
  float first = -std::numeric_limits<float>::infinity(), second = first;
  for (const float x : logits) {
    second = std::max(second, std::min(first, x));
    first = std::max(first, x);
  }
  return static_cast<double>(first) - static_cast<double>(second);
}

/// Decodes configuration by configuration and compares logits with those of the first one.
class Study {
 public:
  explicit Study(const Task& task) : task_(task) {}

  void decode(nn::Decoder& decoder, std::span<const std::uint8_t> prompts) {
    DecodedText text;
    text.probability.resize(task_.prompts * task_.tokens);
    shares_prefix_.assign(task_.prompts, true);
    text.bytes = nn::decode_greedily(
        decoder, prompts, task_.prompts, task_.tokens,
        [&](std::size_t row, std::size_t token, std::span<const float> logits) {
          text.probability[row * task_.tokens + token] = largest_probability(logits);
          if (outputs_.empty()) {
            keep(logits);
          } else {
            compare(row, token, logits);
          }
        });
    outputs_.push_back(std::move(text));
  }

  const std::vector<DecodedText>& outputs() const { return outputs_; }

  double largest_difference() const { return largest_; }

  double rms_difference() const { return std::sqrt(squares_ / number(compared_)); }

  double median_gap() const { return quantile(gaps_, 0.5); }

 private:
  /// Calls come token by token, and row by row within a token.
  void keep(std::span<const float> logits) {
    logits_.insert(logits_.end(), logits.begin(), logits.end());
    gaps_.push_back(gap(logits));
  }

  void compare(std::size_t row, std::size_t token, std::span<const float> logits) {
    const DecodedText& first = outputs_[0];
    const std::size_t place = row * task_.tokens + token;
    if (!shares_prefix_[row]) return;
    const float* kept = logits_.data() + (token * task_.prompts + row) * logits.size();
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double difference = static_cast<double>(logits[i]) - static_cast<double>(kept[i]);
      largest_ = std::max(largest_, std::abs(difference));
      squares_ += difference * difference;
    }
    compared_ += logits.size();
    const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
    shares_prefix_[row] = best == first.bytes[place];
  }

  Task task_;
  std::vector<DecodedText> outputs_;
  std::vector<float> logits_;  ///< of the first configuration: token, row, vocabulary
  std::vector<double> gaps_;
  std::vector<bool> shares_prefix_;  ///< by row: no byte differs from the first configuration's
  double largest_ = 0.0, squares_ = 0.0;
  std::size_t compared_ = 0;
};

std::vector<Metric> metrics_of(const Task& task, const Study& study,
                               const DivergenceStatistics& found) {
  std::vector<double> indices;
  for (const std::size_t first : found.first_difference) {
    if (first < task.tokens) indices.push_back(number(first));
  }
  double mean = std::numeric_limits<double>::quiet_NaN();
  if (!indices.empty()) {
    mean = 0.0;
    for (const double index : indices) mean += index;
    mean /= number(indices.size());
  }
  return {
      {"diverged_share", found.diverged_share, "1",
       "prompts for which not all configurations write the same"},
      {"pair_diverged_share", found.pair_share, "1",
       "prompts for which two configurations write different texts, mean over pairs"},
      {"divergence_rate", found.rate, "1",
       "diverged prompts over tokens written until they diverge or end"},
      {"div_index_mean", mean, "tokens",
       "Div_Index: first token that is not the same in all configurations, from 0, mean over "
       "diverged prompts"},
      {"div_index_p10", quantile(indices, 0.1), "tokens", "Div_Index, 0.1-quantile"},
      {"div_index_median", quantile(indices, 0.5), "tokens", "Div_Index, median"},
      {"div_index_p90", quantile(indices, 0.9), "tokens", "Div_Index, 0.9-quantile"},
      {"top1_probability_std", found.probability_std, "1",
       "Avg_Std@top1_prob: standard deviation over configurations of the chosen byte's "
       "probability, mean over tokens before the first difference"},
      {"length_std", found.length_std, "bytes",
       "Avg_Std@Output_Length: standard deviation over configurations of the bytes up to the end "
       "symbol, mean over prompts; NaN without one"},
      {"logit_difference_max", study.largest_difference(), "1",
       "largest difference of a logit from the first configuration's after equal text"},
      {"logit_difference_rms", study.rms_difference(), "1",
       "root mean square difference of logits from the first configuration's after equal text"},
      {"logit_gap_median", study.median_gap(), "1",
       "largest minus second largest logit in the first configuration, median over tokens"},
      {"configurations", number(study.outputs().size()), "1", "orders of addition compared"},
  };
}

/// Share of prompts that have diverged after 1, 2, ... tokens.
Curve diverged_by_token(const Task& task, const DivergenceStatistics& found) {
  Curve curve{
      "diverged_by_token", "1", "share of prompts that diverged within so many tokens", {}, {}};
  for (std::size_t t = 1; t <= task.tokens; ++t) {
    const auto count = std::count_if(found.first_difference.begin(), found.first_difference.end(),
                                     [&](std::size_t first) { return first < t; });
    curve.steps.push_back(static_cast<std::int64_t>(t));
    curve.values.push_back(static_cast<double>(count) / number(task.prompts));
  }
  return curve;
}

/// Share of prompts on which each further configuration differs from the first.
Curve diverged_by_configuration(const Task& task, const Study& study) {
  Curve curve{"diverged_from_first",
              "1",
              "share of prompts that a configuration continues otherwise than the first one, by "
              "its number from 0",
              {},
              {}};
  for (std::size_t c = 0; c < study.outputs().size(); ++c) {
    std::size_t different = 0;
    for (std::size_t p = 0; p < task.prompts; ++p) {
      const auto text = [&](std::size_t i) {
        return std::span(study.outputs()[i].bytes).subspan(p * task.tokens, task.tokens);
      };
      if (first_difference(text(0), text(c)) < task.tokens) ++different;
    }
    curve.steps.push_back(static_cast<std::int64_t>(c));
    curve.values.push_back(number(different) / number(task.prompts));
  }
  return curve;
}

RunResult run(const Config& config, std::int64_t seed, const StopRules&, RunObserver& observer) {
  const Task task = task_of(config);
  const auto corpus = shared_corpus(config);
  const std::vector<std::uint8_t> prompts = prompts_of(*corpus, task);
  const nn::TrainResult& trained = trained_model(config, seed);
  RunResult result;
  result.facts = {{"corpus", corpus->name}, {"corpus_checksum", corpus->checksum}};
  if (trained.diverged) {
    result.status = RunStatus::diverged;
    result.reason = trained.reason;
    return result;
  }
  Study study(task);
  std::vector<std::string> names;
  const std::vector<nn::Reduction> reductions = reductions_of(config);
  for (const nn::Reduction& reduction : reductions) {
    nn::Decoder decoder(binary32_train_spec(config).model, trained.weights,
                        inference_arithmetic(config), reduction, task.prompts);
    study.decode(decoder, prompts);
    names.push_back(to_text(reduction));
    observer.progress(static_cast<std::int64_t>(names.size()),
                      static_cast<std::int64_t>(reductions.size()), study.largest_difference());
  }
  const DivergenceStatistics found =
      divergence_statistics(study.outputs(), task.tokens, task.end_byte);
  result.metrics = metrics_of(task, study, found);
  result.metrics.push_back({"validation_loss", trained.validation_loss, "nats/byte",
                            "cross entropy on held-out text of the model in binary32"});
  result.curves = {diverged_by_token(task, found), diverged_by_configuration(task, study)};
  result.facts.emplace_back("orders", fmt::format("{}", fmt::join(names, ", ")));
  return result;
}

std::vector<ConfigIssue> check(const Config& config) {
  std::vector<ConfigIssue> issues = check_model_and_data(config);
  if (!nn::has_standard_forward(model_config(config).parameterization)) {
    issues.push_back({"model.parameterization", "decoding knows the standard one without factors"});
  }
  const std::vector<nn::Reduction> all = reductions_of(config, &issues);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (std::find(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i), all[i]) ==
        all.begin() + static_cast<std::ptrdiff_t>(i)) {
      continue;
    }
    issues.push_back({"reduction.order", fmt::format("two configurations are '{}'; remove a batch, "
                                                     "order or permutation that changes nothing",
                                                     to_text(all[i]))});
    break;
  }
  if (all.size() == 1) {
    issues.push_back({"reduction.split_k", "one configuration has nothing to differ from"});
  }
  const Task task = task_of(config);
  const std::int64_t positions =
      config.integer("decode.prompt_bytes") + config.integer("decode.tokens") - 1;
  if (positions > config.integer("model.context")) {
    issues.push_back(
        {"decode.tokens",
         fmt::format("{} bytes after prompts of {} need {} positions, model.context "
                     "has {}",
                     task.tokens, task.prompt_bytes, positions, config.integer("model.context"))});
  }
  return issues;
}

void prepare(std::span<const Config> configs) {
  for (const Config& config : configs) shared_corpus(config);
}

void prepare_run(const Config& config, std::int64_t seed) { trained_model(config, seed); }

/// Without the training, which happens once for each seed before the runs.
double estimate_seconds(const Config& config) {
  const nn::TrainSpec spec = binary32_train_spec(config);
  const Task task = task_of(config);
  constexpr double kFlopsPerSecond = 20e9, kSecondsPerByte = 10e-6;
  const double written = number(task.prompts) * number(task.prompt_bytes + task.tokens);
  const double per_byte =
      2.0 * number(nn::total_parameters(spec.model)) / kFlopsPerSecond + kSecondsPerByte;
  return number(reductions_of(config).size()) * written * per_byte;
}

}  // namespace

ExperimentKind reduction_order_kind() {
  return {.name = "reduction_order",
          .summary =
              "decodes greedily with a trained transformer under several orders of addition; "
              "reports where the outputs part",
          .fields = reduction_order_fields(),
          .check = check,
          .estimate_seconds = estimate_seconds,
          .numerics = reduction_order_numerics,
          .prepare = prepare,
          .run = run,
          .progress_name = "largest logit difference",
          .prepare_run = prepare_run};
}

}  // namespace halfulp
