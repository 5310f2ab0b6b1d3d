#include "experiments/kinds/reduction_order_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "experiments/kinds/language_model_fields.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

using enum FieldType;

constexpr std::array kOwnFields = {
    Field{"arithmetic", choice, "bf16",
          "bf16, fp16, fp32: weights and the result of every operation; layercast: weights in "
          "bfloat16, everything else in binary32",
          0, 0, "bf16|fp16|fp32|layercast"},
    Field{"reduction.split_k", text_list, "1,2,4,8",
          "parts that a sum of products is cut into; every combination of the lists under "
          "reduction is one configuration"},
    Field{"reduction.batch", text_list, "8,16,32",
          "batch sizes; by_batch deals a sum to 32 / batch lanes, a power of two rounded down"},
    Field{"reduction.order", text_list, "by_batch",
          "order within a part: by_batch, sequential, pairwise, blocked(n), interleaved(n)"},
    Field{"reduction.permutation", text_list, "0",
          "seeds of random orders of the terms; 0: ascending"},
    Field{"reduction.sums", choice, "binary32",
          "format that each addition within a part is rounded to; results: that of the operations",
          0, 0, "binary32|results"},
    Field{"reduction.partial_sums", choice, "binary32",
          "format of the sums of parts and of their additions; results: that of the operations", 0,
          0, "binary32|results"},
    Field{"decode.prompts", integer, "64", "prompts, evenly spaced over the held-out text", 1, 1e6},
    Field{"decode.prompt_bytes", integer, "32", "length of a prompt", 1, 65536},
    Field{"decode.tokens", integer, "32", "bytes written after each prompt", 1, 65536},
    Field{"decode.end_byte", integer, "10",
          "byte that ends an output, for its length alone (10: newline); -1: none", -1, 255},
};

/// A whole number that is at least `least`.
std::optional<std::uint64_t> count_from(const std::string& text, std::uint64_t least) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least) return {};
  return value;
}

/// "sequential", "pairwise", "blocked(8)", "interleaved(8)".
std::optional<SumOrder> order_from(const std::string& text) {
  if (text == "sequential") return SumOrder{};
  if (text == "pairwise") return SumOrder{Order::pairwise, 0};
  for (const auto& [name, order] :
       {std::pair{"blocked(", Order::blocked}, std::pair{"interleaved(", Order::interleaved}}) {
    if (!text.starts_with(name) || !text.ends_with(')')) continue;
    const std::string inside = text.substr(std::string_view(name).size());
    const auto length = count_from(inside.substr(0, inside.size() - 1), 1);
    if (length && *length <= 65536) return SumOrder{order, static_cast<int>(*length)};
  }
  return {};
}

class Reader {
 public:
  Reader(const Config& config, std::vector<ConfigIssue>* issues)
      : config_(config), issues_(issues) {}

  std::vector<std::uint64_t> counts(const char* key, std::uint64_t least) {
    std::vector<std::uint64_t> values;
    for (const std::string& text : list(key)) {
      const auto value = count_from(text, least);
      if (value) {
        values.push_back(*value);
      } else {
        report(key, fmt::format("'{}' is not a whole number from {} on", text, least));
      }
    }
    return values;
  }

  /// Nothing stands for by_batch.
  std::vector<std::optional<SumOrder>> orders(const char* key) {
    std::vector<std::optional<SumOrder>> values;
    for (const std::string& text : list(key)) {
      const auto order = order_from(text);
      if (order || text == "by_batch") {
        values.push_back(order);
      } else {
        report(key, fmt::format("no order '{}'; there are by_batch, sequential, pairwise, "
                                "blocked(n), interleaved(n)",
                                text));
      }
    }
    return values;
  }

 private:
  std::vector<std::string> list(const char* key) {
    std::vector<std::string> texts = config_.text_list(key);
    if (texts.empty()) report(key, "the list is empty; give one value at least");
    return texts;
  }

  void report(const char* key, std::string message) {
    if (issues_ == nullptr) throw std::invalid_argument(fmt::format("{}: {}", key, message));
    issues_->push_back({key, std::move(message)});
  }

  const Config& config_;
  std::vector<ConfigIssue>* issues_;
};

}  // namespace

std::span<const Field> reduction_order_fields() {
  static const std::vector<Field> fields = with_training_fields(kOwnFields);
  return fields;
}

std::vector<nn::Reduction> reductions_of(const Config& config, std::vector<ConfigIssue>* issues) {
  Reader reader(config, issues);
  const auto splits = reader.counts("reduction.split_k", 1);
  const auto batches = reader.counts("reduction.batch", 1);
  const auto orders = reader.orders("reduction.order");
  const auto permutations = reader.counts("reduction.permutation", 0);
  std::vector<nn::Reduction> all;
  for (const std::uint64_t split : splits) {
    for (const std::uint64_t batch : batches) {
      for (const auto& order : orders) {
        for (const std::uint64_t permutation : permutations) {
          all.push_back({order ? *order : nn::order_of_batch(batch), split, permutation});
        }
      }
    }
  }
  return all;
}

nn::InferenceArithmetic inference_arithmetic(const Config& config) {
  const std::string& name = config.text("arithmetic");
  const bool is_half = name == "bf16" || name == "fp16";
  const Format narrow = parse_format(name == "fp16" ? "binary16" : "bfloat16");
  const Format wide = parse_format("binary32");
  const Format results = is_half ? narrow : wide;
  return {.weights = name == "fp32" ? wide : narrow,
          .results = results,
          .sums = config.text("reduction.sums") == "results" ? results : wide,
          .partial_sums = config.text("reduction.partial_sums") == "results" ? results : wide};
}

std::string reduction_order_numerics(const Config& config) {
  const nn::InferenceArithmetic arithmetic = inference_arithmetic(config);
  std::vector<std::string> names;
  for (const nn::Reduction& reduction : reductions_of(config)) names.push_back(to_text(reduction));
  return fmt::format(
      "training=binary32; weights={}; results={} nearest_even infinity; sums={} fused "
      "nearest_even; "
      "partial_sums={}; norms, softmax, rotation, activation=binary32 inside; orders=[{}]; "
      "choice=largest_logit; random=philox4x32-10",
      to_spec(arithmetic.weights), to_spec(arithmetic.results), to_spec(arithmetic.sums),
      to_spec(arithmetic.partial_sums), fmt::join(names, ", "));
}

}  // namespace halfulp
