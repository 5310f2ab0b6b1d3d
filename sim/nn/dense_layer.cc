// Linear layers with a bias, and activation functions.
#include <algorithm>

#include "sim/nn/layer.h"

namespace halfulp::nn {

template <class T>
void column_sums(const T* x, T* sums, std::size_t rows, std::size_t cols) {
  std::fill_n(sums, cols, T{0});
  for (std::size_t r = 0; r < rows; ++r, x += cols) {
    for (std::size_t c = 0; c < cols; ++c) sums[c] += x[c];
  }
}

template <class T>
void add_bias(const T* bias, T* y, std::size_t rows, std::size_t cols) {
  for (std::size_t r = 0; r < rows; ++r, y += cols) {
    for (std::size_t c = 0; c < cols; ++c) y[c] += bias[c];
  }
}

namespace {

template <class T>
class Dense final : public Layer<T> {
 public:
  Dense(const std::string& name, std::size_t in, std::size_t out, const Affine<T>& affine,
        const LayerPolicy& policy, std::uint32_t index)
      : out_(out),
        affine_(affine),
        linear_(name, in, out, affine.weight, affine.weight_gradient, policy.linear(name),
                policy.switch_to(), index) {}

  void forward(T* x, T* y, std::size_t rows, const StepKey& key) override {
    linear_.forward(x, y, rows, key);
    if (affine_.bias != nullptr) add_bias(affine_.bias, y, rows, out_);
  }

  void backward(const T* x, T* dy, T* dx, std::size_t rows, const StepKey& key) override {
    if (affine_.bias != nullptr) column_sums(dy, affine_.bias_gradient, rows, out_);
    linear_.backward(x, dy, dx, rows, false, key);
  }

  void visit_state(StateVisitor& visitor) override { linear_.visit_state(visitor); }

 private:
  std::size_t out_;
  Affine<T> affine_;
  LinearLayer<T> linear_;
};

template <class T>
class Relu final : public Layer<T> {
 public:
  explicit Relu(std::size_t size) : size_(size) {}

  void forward(T* x, T* y, std::size_t rows, const StepKey&) override {
    const std::size_t n = rows * size_;
    for (std::size_t i = 0; i < n; ++i) y[i] = x[i] > T{0} ? x[i] : T{0};
  }

  void backward(const T* x, T* dy, T* dx, std::size_t rows, const StepKey&) override {
    const std::size_t n = rows * size_;
    for (std::size_t i = 0; i < n; ++i) dx[i] = x[i] > T{0} ? dy[i] : T{0};
  }

 private:
  std::size_t size_;
};

template <class T>
class Gelu final : public Layer<T> {
 public:
  Gelu(std::size_t size, const LayerFunctions<T>& functions, std::uint32_t index)
      : size_(size), functions_(functions), index_(index) {}

  void forward(T* x, T* y, std::size_t rows, const StepKey& key) override {
    functions_.gelu(x, y, rows * size_, index_, key);
  }

  void backward(const T* x, T* dy, T* dx, std::size_t rows, const StepKey&) override {
    kernels<T>().gelu_backward(x, dy, dx, rows * size_);
  }

 private:
  std::size_t size_;
  const LayerFunctions<T>& functions_;
  std::uint32_t index_;
};

template <class T>
class Swiglu final : public Layer<T> {
 public:
  Swiglu(std::size_t size, const LayerFunctions<T>& functions, std::uint32_t index)
      : size_(size), functions_(functions), index_(index) {}

  void forward(T* x, T* y, std::size_t rows, const StepKey& key) override {
    functions_.swiglu(x, y, rows, size_, index_, key);
  }

  void backward(const T* x, T* dy, T* dx, std::size_t rows, const StepKey&) override {
    kernels<T>().swiglu_backward(x, dy, dx, rows, size_);
  }

 private:
  std::size_t size_;
  const LayerFunctions<T>& functions_;
  std::uint32_t index_;
};

}  // namespace

template <class T>
LayerPtr<T> make_dense(const std::string& name, std::size_t in, std::size_t out,
                       const Affine<T>& affine, const LayerPolicy& policy, std::uint32_t index) {
  return std::make_unique<Dense<T>>(name, in, out, affine, policy, index);
}

template <class T>
LayerPtr<T> make_unit_function(UnitFunction function, std::size_t size,
                               const LayerFunctions<T>& functions, std::uint32_t index) {
  switch (function) {
    case UnitFunction::relu:
      return std::make_unique<Relu<T>>(size);
    case UnitFunction::gelu:
      return std::make_unique<Gelu<T>>(size, functions, index);
    case UnitFunction::swiglu:
      return std::make_unique<Swiglu<T>>(size, functions, index);
  }
  return nullptr;
}

// NOLINTBEGIN(bugprone-macro-parentheses): T is a type
#define HALFULP_INSTANTIATE(T)                                                                    \
  template void column_sums<T>(const T*, T*, std::size_t, std::size_t);                           \
  template void add_bias<T>(const T*, T*, std::size_t, std::size_t);                              \
  template LayerPtr<T> make_dense<T>(const std::string&, std::size_t, std::size_t,                \
                                     const Affine<T>&, const LayerPolicy&, std::uint32_t);        \
  template LayerPtr<T> make_unit_function<T>(UnitFunction, std::size_t, const LayerFunctions<T>&, \
                                             std::uint32_t);
// NOLINTEND(bugprone-macro-parentheses)
HALFULP_INSTANTIATE(float)
HALFULP_INSTANTIATE(double)
#undef HALFULP_INSTANTIATE

}  // namespace halfulp::nn
