#include "experiments/kinds/dot_products.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <variant>

#include "formats/accumulator_spec.h"
#include "formats/spec.h"
#include "sim/random_purpose.h"

namespace halfulp {

namespace {

RandomStream stream_of(std::uint64_t seed, RandomPurpose purpose, std::uint32_t tensor,
                       std::uint32_t step) {
  return {seed, static_cast<std::uint32_t>(purpose), tensor, step};
}

}  // namespace

DotProducts::DotProducts(OperandSource left, OperandSource right,
                         const AccumulatorSpec& accumulator, BatchShape shape, float start,
                         std::uint64_t seed)
    : left_(std::move(left)),
      right_(std::move(right)),
      gemm_(accumulator),
      shape_(shape),
      start_(start),
      seed_(seed) {}

Batch DotProducts::draw(std::uint32_t index) const {
  const auto [rows, columns, length] = shape_;
  Batch batch;
  batch.left.resize(rows * length);
  batch.right.resize(columns * length);
  batch.start.assign(shape_.count(), start_);
  batch.results.resize(shape_.count());
  batch.exact.resize(shape_.count());
  const Matrix a = {batch.left.data(), rows, length, length};
  const Matrix b = {batch.right.data(), columns, length, length};
  left_.fill(stream_of(seed_, RandomPurpose::samples, 0, index), a);
  right_.fill(stream_of(seed_, RandomPurpose::samples, 1, index), b);
  exact_products(a, b, batch.exact.data());
  for (DoublePair& sum : batch.exact) sum = sum + static_cast<double>(start_);
  return batch;
}

void DotProducts::accumulate(Batch& batch, std::uint32_t index) const {
  add_terms(batch, index, 0, shape_.length, batch.start, batch.results);
}

void DotProducts::add_terms(const Batch& batch, std::uint32_t index, std::size_t from,
                            std::size_t to, const std::vector<float>& before,
                            std::vector<float>& after) const {
  const auto [rows, columns, length] = shape_;
  const ConstMatrix a = {batch.left.data() + from, rows, to - from, length};
  const ConstMatrix b = {batch.right.data() + from, columns, to - from, length};
  const bool is_whole = from == 0 && to == length;
  const auto part = static_cast<std::uint32_t>(is_whole ? 2 : 3 + from);
  gemm_.nt(a, b, {after.data(), rows, columns, columns}, {before.data(), rows, columns, columns},
           stream_of(seed_, RandomPurpose::rounding, part, index));
}

void check_accumulator_runs(const Config& config, std::vector<ConfigIssue>& issues) {
  try {
    const AccumulatedGemm gemm(parse_accumulator(config.text("accumulator")));
  } catch (const SpecError& error) {
    issues.push_back({"accumulator", error.what()});
  }
}

void check_no_scales(const Config& config, std::string_view key, std::vector<ConfigIssue>& issues) {
  const QuantizerSpec spec = parse_quantizer(config.text(key));
  if (!spec.block && spec.scale == ScaleRule::unscaled) return;
  const AccumulatorSpec accumulator = parse_accumulator(config.text("accumulator"));
  const bool depends = std::holds_alternative<AlignedSum>(accumulator.method) ||
                       std::holds_alternative<IntegerFormat>(sum_destination(accumulator).format);
  if (!depends) return;
  issues.push_back(
      {std::string(key),
       fmt::format("'{}' has scales, by which hardware multiplies finished sums and which would "
                   "reach '{}' in the operands here; {}",
                   config.text(key), config.text("accumulator"),
                   spec.block ? "use the format of its elements, +unscaled" : "add +unscaled")});
}

std::size_t resumable_step(const AccumulatorSpec& accumulator) {
  if (accumulator.promotion || accumulator.result || accumulator.addend_last) return 0;
  if (const auto* rounded = std::get_if<RoundedSum>(&accumulator.method)) {
    const bool in_sequence = rounded->order.order == Order::sequential;
    return in_sequence ? static_cast<std::size_t>(rounded->every) : 0;
  }
  const auto* aligned = std::get_if<AlignedSum>(&accumulator.method);
  return aligned == nullptr ? 0 : static_cast<std::size_t>(aligned->terms);
}

}  // namespace halfulp
