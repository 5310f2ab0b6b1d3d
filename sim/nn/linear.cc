#include "sim/nn/linear.h"
#include "sim/random_purpose.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

#include "formats/properties.h"
#include "sim/hadamard.h"
#include "sim/nn/kernels.h"
#include "sim/nn/quantization_watch.h"

namespace halfulp::nn {
namespace {

// Numbers of scratch memories: quantized copies of a layer's left and right operands, and values
// made from a grid that stays.
constexpr std::size_t kLeft = 0, kRight = 1, kValues = 2;

/// By Operand.
constexpr std::string_view kOperandNames[] = {"fprop_input",       "fprop_weight",
                                              "dgrad_grad_output", "dgrad_weight",
                                              "wgrad_grad_output", "wgrad_input"};

constexpr std::string_view kScaledLayer = "mlp.down";  ///< of smooth_swiglu

/// Scratch shared by all layers of a thread: copies that live for one product.
template <class T>
T* scratch(std::size_t slot, std::size_t n) {
  thread_local AlignedVector<T> buffers[3];
  if (buffers[slot].size() < n) buffers[slot].resize(n);
  return buffers[slot].data();
}

/// Blocks run along the dimension that the product sums over: the input features in fprop, the
/// output features in dgrad, the rows of the batch in wgrad.
LinearNumerics along_reductions(const LinearNumerics& numerics) {
  return {with_reduction(numerics.fprop_input, false),
          with_reduction(numerics.fprop_weight, false),
          with_reduction(numerics.dgrad_grad_output, false),
          with_reduction(numerics.dgrad_weight, true),
          with_reduction(numerics.wgrad_grad_output, true),
          with_reduction(numerics.wgrad_input, true),
          numerics.fprop,
          numerics.dgrad,
          numerics.wgrad};
}

}  // namespace

template <class T>
Linear<T>::Linear(std::string name, std::size_t in, std::size_t out, T* weight, T* gradient,
                  const LinearNumerics& numerics, std::uint32_t index)
    : name_(std::move(name)),
      in_(in),
      out_(out),
      weight_(weight),
      gradient_(gradient),
      numerics_(along_reductions(numerics)),
      index_(index) {
  for (const auto& faults : {operand_faults(numerics), rotation_faults(numerics, in, out, 0)}) {
    if (faults.empty()) continue;
    throw std::invalid_argument(name_ + ", " + halfulp::nn::to_string(faults[0].operand) + ": " +
                                faults[0].message);
  }
  const bool scales_channels = name_.size() >= kScaledLayer.size() &&
                               name_.substr(name_.size() - kScaledLayer.size()) == kScaledLayer;
  for (const Operand operand : kOperands) {
    operands_.emplace_back(operand_of(numerics_, operand), scales_channels);
    if (!std::is_same_v<T, float> && !operands_.back().is_identity()) {
      throw std::invalid_argument("quantizers need a binary32 model");
    }
  }
  using Form = EmulatedProduct::Form;
  const auto view = [&](Operand operand) { return product_quantizer(spec(operand)); };
  products_.emplace_back(Form::nt, numerics.fprop, view(fprop_input), view(fprop_weight));
  products_.emplace_back(Form::nn, numerics.dgrad, view(dgrad_grad_output), view(dgrad_weight));
  products_.emplace_back(Form::tn, numerics.wgrad, view(wgrad_grad_output), view(wgrad_input));
  for (const EmulatedProduct& product : products_) {
    if (!std::is_same_v<T, float> && !product.is_binary32_chain()) {
      throw std::invalid_argument("accumulators need a binary32 model");
    }
  }
  if (!operands_[fprop_weight].is_identity()) quantized_weight_.resize(in * out);
}

template <class T>
void Linear<T>::set_learned(const LearnedScales& weight, const LearnedScales& input) {
  const auto check = [&](Operand operand, const LearnedScales& scales, std::size_t rows) {
    const OperandQuantizer& own = operands_[operand];
    if (!own.is_learned() || scales.values.size() == own.learned_count(rows, in_)) return;
    throw std::invalid_argument(name_ +
                                ": scales are learned from the first update to the last, "
                                "of the same units");
  };
  check(fprop_weight, weight, out_);
  check(fprop_input, input, 1);
  learned_weight_ = weight;
  learned_input_ = input;
}

template <class T>
void Linear<T>::visit_state(const std::string& prefix, StateVisitor& visitor) {
  for (const Operand operand : kOperands) {
    operands_[operand].visit_state(prefix + name_ + "." + halfulp::nn::to_string(operand), visitor);
  }
}

template <class T>
void Linear<T>::show(LinearOperand::Role role, const T* data, std::size_t rows, std::size_t cols,
                     const StepKey& key) const {
  if constexpr (std::is_same_v<T, float>) {
    if (key.observer != nullptr) (*key.observer)({name_, role, {data, rows, cols, cols}});
  }
}

template <class T>
bool Linear<T>::wants_grid(Operand operand) const {
  const EmulatedProduct& product = products_[operand / 2];
  const bool is_left = operand % 2 == 0;
  return (is_left ? product.a_use() : product.b_use()) != ScaleUse::in_operand;
}

template <class T>
bool Linear<T>::is_kept_as_grid(Operand first, Operand second) const {
  return wants_grid(first) || (shares(first, second) && wants_grid(second));
}

template <class T>
float* Linear<T>::given_scales(Operand operand) {
  const bool is_weight = operand == fprop_weight || operand == dgrad_weight;
  if (!is_propagated(spec(operand))) {
    return (is_weight ? learned_weight_ : learned_input_).values.data();
  }
  if (is_gradient(operand)) return &propagated_.gradient;
  return is_weight ? &propagated_.weight : &propagated_.input;
}

template <class T>
OperandCall Linear<T>::call_of(Operand operand, const RandomStream& stream, const StepKey& key) {
  OperandCall call = {.rounding = stream, .is_training = !key.is_evaluation()};
  const OperandSpec& own = spec(operand);
  const bool is_forward = operand == fprop_input || operand == fprop_weight;
  const bool is_weight = operand == fprop_weight || operand == dgrad_weight;
  call.keeps_slopes = call.is_training && is_forward;
  call.given = given_scales(operand);
  if (own.channels.rule == ChannelRule::smooth) {
    call.channel_factors = (is_weight ? divisors_ : multipliers_).data();
  }
  const auto n = static_cast<std::size_t>(own.hadamard.n);
  if (n == 0) return call;
  std::vector<float>& signs = signs_[operand / 2];
  switch (own.hadamard.signs) {
    case SignRule::fixed:
      signs.assign(n, 1.0F);
      break;
    case SignRule::random:
      signs = random_signs({key.seed, static_cast<std::uint32_t>(RandomPurpose::hadamard),
                            index_ * 4 + operand / 2, key.step},
                           n);
      break;
    case SignRule::transformer_engine:
      signs.assign(transformer_engine_signs().begin(), transformer_engine_signs().end());
      break;
  }
  call.signs = signs;
  return call;
}

template <class T>
auto Linear<T>::quantize(Operand operand, const T* in, T* out, std::size_t rows, std::size_t cols,
                         bool as_grid, const StepKey& key) -> Seen {
  OperandQuantizer& own = operands_[operand];
  if (own.is_identity()) return {in, {}};
  if constexpr (std::is_same_v<T, float>) {
    const RandomStream stream = {key.seed, static_cast<std::uint32_t>(RandomPurpose::rounding),
                                 index_ * 8 + operand, key.step};
    const ConstMatrix from = {in, rows, cols, cols};
    const Matrix to = {out, rows, cols, cols};
    Matrix scales;
    if (as_grid) {
      const auto [scale_rows, scale_cols] = own.quantizer().scale_shape(rows, cols);
      scales_[operand].resize(scale_rows * scale_cols);
      scales = {scales_[operand].data(), scale_rows, scale_cols, scale_cols};
    }
    QuantizationWatch watch(key, name_, kOperandNames[operand]);
    if (!own.is_plain()) {
      OperandCall call = call_of(operand, stream, key);
      call.scales = scales;
      call.watch = &watch;
      own.quantize(from, to, call);
      return {out, scales};
    }
    watch.before(from);
    if (as_grid) {
      own.quantizer().quantize_to_grid(from, to, scales, stream);
    } else {
      own.quantizer().quantize(from, to, stream);
    }
    watch.after(own.quantizer(), to, scales);
    return {out, scales};
  }
  return {out, {}};
}

template <class T>
void Linear<T>::find_channels(const T* x, std::size_t rows) {
  if constexpr (std::is_same_v<T, float>) {
    const ChannelSpec& own = spec(fprop_input).channels;
    if (own.rule != ChannelRule::smooth) return;
    smoothing_scales({x, rows, in_, in_}, {weight_, out_, in_, in_}, own, divisors_);
    multipliers_.resize(in_);
    for (std::size_t c = 0; c < in_; ++c) multipliers_[c] = 1.0F / divisors_[c];
  }
}

template <class T>
void Linear<T>::pass_back(Operand forward, Operand used, T* gradient, std::size_t rows,
                          const StepKey& key) {
  if constexpr (std::is_same_v<T, float>) {
    if (spec(used).channels.rule == ChannelRule::smooth) {
      const Matrix all = {gradient, rows, in_, in_};
      multiply_columns(all, (forward == fprop_weight ? divisors_ : multipliers_).data(), all);
    }
    OperandQuantizer& own = operands_[forward];
    if (!own.has_slopes() || key.is_evaluation()) return;
    const bool is_weight = forward == fprop_weight;
    // Elements that share a learned step: of the weight, or of one sample of the input.
    const std::size_t elements =
        own.is_learned() ? (is_weight ? rows : 1) * in_ / own.learned_count(rows, in_) : 1;
    const bool is_step = own.spec().scaling.source == ScaleSource::learned;
    const double largest = to_double(max_finite(own.spec().quantizer.format));
    const double factor = is_step ? 1.0 / std::sqrt(static_cast<double>(elements) * largest) : 1.0;
    own.backward(gradient, rows, in_,
                 (is_weight ? learned_weight_ : learned_input_).gradients.data(), factor);
  }
}

template <class T>
auto Linear<T>::kept(Operand first, Operand second, const T* data, std::size_t rows,
                     std::size_t cols) const -> Seen {
  if (!is_kept_as_grid(first, second)) return {data, {}};
  const auto [scale_rows, scale_cols] = quantizer(first).scale_shape(rows, cols);
  return {data, {scales_[first].data(), scale_rows, scale_cols, scale_cols}};
}

template <class T>
auto Linear<T>::in_form(Operand operand, const Seen& tensor, std::size_t rows, std::size_t cols,
                        std::size_t slot) const -> Seen {
  if (tensor.scales.data == nullptr || wants_grid(operand)) return tensor;
  T* values = scratch<T>(slot, rows * cols);
  if constexpr (std::is_same_v<T, float>) {
    quantizer(operand).apply_scales({tensor.data, rows, cols, cols}, tensor.scales,
                                    {values, rows, cols, cols});
  }
  return {values, {}};
}

template <class T>
void Linear<T>::multiply(Product product, const Seen& a, const Seen& b, T* c, std::size_t rows,
                         const StepKey& key) const {
  // As stored: the input is rows x in, the weight out x in, the output rows x out.
  const std::size_t a_cols = product == fprop ? in_ : out_;
  const std::size_t b_rows = product == wgrad ? rows : out_;
  const std::size_t c_rows = product == wgrad ? out_ : rows;
  const std::size_t c_cols = product == fprop ? out_ : in_;
  if constexpr (std::is_same_v<T, float>) {
    if (!products_[product].is_binary32_chain()) {
      const RandomStream stream = {key.seed,
                                   static_cast<std::uint32_t>(RandomPurpose::accumulation),
                                   index_ * 4 + product, key.step};
      return products_[product].run({{a.data, rows, a_cols, a_cols}, a.scales},
                                    {{b.data, b_rows, in_, in_}, b.scales},
                                    {c, c_rows, c_cols, c_cols}, stream);
    }
  }
  const View<const T> left = {a.data, rows, a_cols, a_cols}, right = {b.data, b_rows, in_, in_};
  const View<T> result = {c, c_rows, c_cols, c_cols};
  switch (product) {
    case fprop:
      return matmul_nt<T>(left, right, result);
    case dgrad:
      return matmul_nn<T>(left, right, result);
    case wgrad:
      return matmul_tn<T>(left, right, result);
  }
}

template <class T>
void Linear<T>::forward(T* x, T* y, std::size_t rows, const StepKey& key) {
  show(LinearOperand::Role::input, x, rows, in_, key);
  show(LinearOperand::Role::weight, weight_, out_, in_, key);
  const bool shared = shares(fprop_input, wgrad_input);
  find_channels(x, rows);
  T* target = shared || operands_[fprop_input].is_identity() ? x : scratch<T>(kLeft, rows * in_);
  const Seen input =
      quantize(fprop_input, x, target, rows, in_, is_kept_as_grid(fprop_input, wgrad_input), key);
  const Seen weight = quantize(fprop_weight, weight_, quantized_weight_.data(), out_, in_,
                               is_kept_as_grid(fprop_weight, dgrad_weight), key);
  multiply(fprop, in_form(fprop_input, input, rows, in_, kLeft),
           in_form(fprop_weight, weight, out_, in_, kRight), y, rows, key);
  scale_by(product_factors_.output, y, rows * out_);
}

template <class T>
void Linear<T>::backward(const T* x, T* dy, T* dx, std::size_t rows, bool keep_dy,
                         const StepKey& key) {
  show(LinearOperand::Role::grad_output, dy, rows, out_, key);
  for (LearnedScales* scales : {&learned_weight_, &learned_input_}) {
    std::fill(scales->gradients.begin(), scales->gradients.end(), 0.0F);
  }
  const bool shared_dy = shares(dgrad_grad_output, wgrad_grad_output);
  const auto quantized_dy = [&](Operand operand, bool as_grid) {
    T* target = shared_dy && !keep_dy ? dy : scratch<T>(kLeft, rows * out_);
    return quantize(operand, dy, target, rows, out_, as_grid, key);
  };
  Seen grad_output =
      quantized_dy(dgrad_grad_output, is_kept_as_grid(dgrad_grad_output, wgrad_grad_output));
  if (dx != nullptr) {
    const bool shared =
        shares(fprop_weight, dgrad_weight) && !operands_[dgrad_weight].is_identity();
    const Seen weight = shared
                            ? kept(fprop_weight, dgrad_weight, quantized_weight_.data(), out_, in_)
                            : quantize(dgrad_weight, weight_, scratch<T>(kRight, in_ * out_), out_,
                                       in_, wants_grid(dgrad_weight), key);
    multiply(dgrad, in_form(dgrad_grad_output, grad_output, rows, out_, kValues),
             in_form(dgrad_weight, weight, out_, in_, kRight), dx, rows, key);
    scale_by(product_factors_.grad_input, dx, rows * in_);
    pass_back(fprop_input, dgrad_weight, dx, rows, key);
  }
  if (!shared_dy) grad_output = quantized_dy(wgrad_grad_output, wants_grid(wgrad_grad_output));
  const bool shared_input = shares(fprop_input, wgrad_input);
  const Seen input = shared_input ? kept(fprop_input, wgrad_input, x, rows, in_)
                                  : quantize(wgrad_input, x, scratch<T>(kRight, rows * in_), rows,
                                             in_, wants_grid(wgrad_input), key);
  multiply(wgrad, in_form(wgrad_grad_output, grad_output, rows, out_, kValues),
           in_form(wgrad_input, input, rows, in_, kRight), gradient_, rows, key);
  scale_by(product_factors_.grad_weight, gradient_, out_ * in_);
  pass_back(fprop_weight, wgrad_input, gradient_, out_, key);
}

template class Linear<float>;
template class Linear<double>;

}  // namespace halfulp::nn
