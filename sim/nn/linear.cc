#include "sim/nn/linear.h"
#include "sim/random_purpose.h"

#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

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
  for (const QuantizerSpec* spec :
       {&numerics_.fprop_input, &numerics_.fprop_weight, &numerics_.dgrad_grad_output,
        &numerics_.dgrad_weight, &numerics_.wgrad_grad_output, &numerics_.wgrad_input}) {
    quantizers_.emplace_back(*spec);
    if (!std::is_same_v<T, float> && !quantizers_.back().is_identity()) {
      throw std::invalid_argument("quantizers need a binary32 model");
    }
  }
  using Form = EmulatedProduct::Form;
  const LinearNumerics& own = numerics_;
  products_.emplace_back(Form::nt, own.fprop, own.fprop_input, own.fprop_weight);
  products_.emplace_back(Form::nn, own.dgrad, own.dgrad_grad_output, own.dgrad_weight);
  products_.emplace_back(Form::tn, own.wgrad, own.wgrad_grad_output, own.wgrad_input);
  for (const EmulatedProduct& product : products_) {
    if (!std::is_same_v<T, float> && !product.is_binary32_chain()) {
      throw std::invalid_argument("accumulators need a binary32 model");
    }
  }
  if (!quantizers_[fprop_weight].is_identity()) quantized_weight_.resize(in * out);
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
  return wants_grid(first) || (spec(first) == spec(second) && wants_grid(second));
}

template <class T>
auto Linear<T>::quantize(Operand operand, const T* in, T* out, std::size_t rows, std::size_t cols,
                         bool as_grid, const StepKey& key) -> Seen {
  const Quantizer& quantizer = quantizers_[operand];
  if (quantizer.is_identity()) return {in, {}};
  if constexpr (std::is_same_v<T, float>) {
    const RandomStream stream = {key.seed, static_cast<std::uint32_t>(RandomPurpose::rounding),
                                 index_ * 8 + operand, key.step};
    const ConstMatrix from = {in, rows, cols, cols};
    const Matrix to = {out, rows, cols, cols};
    const QuantizationWatch watch(key, name_, kOperandNames[operand], from);
    if (!as_grid) {
      quantizer.quantize(from, to, stream);
      watch.quantized(quantizer, to);
      return {out, {}};
    }
    const auto [scale_rows, scale_cols] = quantizer.scale_shape(rows, cols);
    scales_[operand].resize(scale_rows * scale_cols);
    const Matrix scales = {scales_[operand].data(), scale_rows, scale_cols, scale_cols};
    quantizer.quantize_to_grid(from, to, scales, stream);
    watch.quantized(quantizer, to, scales);
    return {out, scales};
  }
  return {out, {}};
}

template <class T>
auto Linear<T>::kept(Operand first, Operand second, const T* data, std::size_t rows,
                     std::size_t cols) const -> Seen {
  if (!is_kept_as_grid(first, second)) return {data, {}};
  const auto [scale_rows, scale_cols] = quantizers_[first].scale_shape(rows, cols);
  return {data, {scales_[first].data(), scale_rows, scale_cols, scale_cols}};
}

template <class T>
auto Linear<T>::in_form(Operand operand, const Seen& tensor, std::size_t rows, std::size_t cols,
                        std::size_t slot) const -> Seen {
  if (tensor.scales.data == nullptr || wants_grid(operand)) return tensor;
  T* values = scratch<T>(slot, rows * cols);
  if constexpr (std::is_same_v<T, float>) {
    quantizers_[operand].apply_scales({tensor.data, rows, cols, cols}, tensor.scales,
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
  const bool shared = spec(fprop_input) == spec(wgrad_input);
  T* target = shared || quantizers_[fprop_input].is_identity() ? x : scratch<T>(kLeft, rows * in_);
  const Seen input =
      quantize(fprop_input, x, target, rows, in_, is_kept_as_grid(fprop_input, wgrad_input), key);
  const Seen weight = quantize(fprop_weight, weight_, quantized_weight_.data(), out_, in_,
                               is_kept_as_grid(fprop_weight, dgrad_weight), key);
  multiply(fprop, in_form(fprop_input, input, rows, in_, kLeft),
           in_form(fprop_weight, weight, out_, in_, kRight), y, rows, key);
}

template <class T>
void Linear<T>::backward(const T* x, T* dy, T* dx, std::size_t rows, bool keep_dy,
                         const StepKey& key) {
  show(LinearOperand::Role::grad_output, dy, rows, out_, key);
  const bool shared_dy = spec(dgrad_grad_output) == spec(wgrad_grad_output);
  const auto quantized_dy = [&](Operand operand, bool as_grid) {
    T* target = shared_dy && !keep_dy ? dy : scratch<T>(kLeft, rows * out_);
    return quantize(operand, dy, target, rows, out_, as_grid, key);
  };
  Seen grad_output =
      quantized_dy(dgrad_grad_output, is_kept_as_grid(dgrad_grad_output, wgrad_grad_output));
  if (dx != nullptr) {
    const bool shared =
        spec(fprop_weight) == spec(dgrad_weight) && !quantizers_[dgrad_weight].is_identity();
    const Seen weight = shared
                            ? kept(fprop_weight, dgrad_weight, quantized_weight_.data(), out_, in_)
                            : quantize(dgrad_weight, weight_, scratch<T>(kRight, in_ * out_), out_,
                                       in_, wants_grid(dgrad_weight), key);
    multiply(dgrad, in_form(dgrad_grad_output, grad_output, rows, out_, kValues),
             in_form(dgrad_weight, weight, out_, in_, kRight), dx, rows, key);
  }
  if (!shared_dy) grad_output = quantized_dy(wgrad_grad_output, wants_grid(wgrad_grad_output));
  const bool shared_input = spec(fprop_input) == spec(wgrad_input);
  const Seen input = shared_input ? kept(fprop_input, wgrad_input, x, rows, in_)
                                  : quantize(wgrad_input, x, scratch<T>(kRight, rows * in_), rows,
                                             in_, wants_grid(wgrad_input), key);
  multiply(wgrad, in_form(wgrad_grad_output, grad_output, rows, out_, kValues),
           in_form(wgrad_input, input, rows, in_, kRight), gradient_, rows, key);
}

template class Linear<float>;
template class Linear<double>;

}  // namespace halfulp::nn
