#include "experiments/kinds/checkpoint_fields.h"

#include <algorithm>
#include <array>

#include "sim/nn/counters.h"

namespace halfulp {
namespace {

using enum FieldType;

constexpr double kLow = -1e308, kHigh = 1e308;

constexpr std::array kFields = {
    Field{"train.checkpoint_every", integer, "0",
          "updates between checkpoints, from which an interrupted run goes on; 0: none", 0, 1e9, "",
          false},
    Field{"train.keep_checkpoints", boolean, "false",
          "keep the state after the last update, for `weights`", kLow, kHigh, "", false},
    Field{"train.initial_weights", text, "",
          "safetensors file of the weights to start from; empty: drawn from the seed"},
    Field{"train.evaluate_only", boolean, "false", "no update: evaluates the initial weights"},

    Field{"evaluation.counters_every", integer, "0",
          "updates between those whose tensors are counted; 0: none", 0, 1e9},
    Field{"evaluation.counters", text_list,
          "saturation,underflow,zero,amax,scale,kurtosis,sqnr,unchanged",
          "what is counted of each tensor"},
};

}  // namespace

std::span<const Field> checkpoint_fields() { return kFields; }

std::vector<ConfigIssue> check_checkpoint_fields(const Config& config) {
  std::vector<ConfigIssue> issues;
  std::string known;
  for (const auto& info : nn::counter_table()) {
    known += (known.empty() ? "" : ", ") + std::string(info.key);
  }
  for (const std::string& name : config.text_list("evaluation.counters")) {
    const auto& table = nn::counter_table();
    if (std::none_of(table.begin(), table.end(),
                     [&](const nn::CounterInfo& info) { return info.key == name; })) {
      issues.push_back({"evaluation.counters", "'" + name + "' is none of " + known});
    }
  }
  return issues;
}

}  // namespace halfulp
