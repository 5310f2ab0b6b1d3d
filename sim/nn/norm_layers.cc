// Norms as stages: over the channels of a pixel, or over a batch.
#include <algorithm>
#include <cmath>

#include "sim/nn/layer.h"
#include "sim/nn/tensor_rounding.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

constexpr double kEpsilon = 1e-5, kMomentum = 0.1;

template <class T>
class ChannelNorm final : public Layer<T> {
 public:
  ChannelNorm(Norm kind, const std::string& name, std::size_t pixels, std::size_t channels,
              ParameterSet<T>& parameters, const LayerFunctions<T>& functions,
              const ModelNumerics& numerics, std::uint32_t index)
      : kind_(kind),
        pixels_(pixels),
        channels_(channels),
        gain_(parameters.weight(name + ".gain")),
        gain_gradient_(parameters.gradient(name + ".gain")),
        functions_(functions),
        parameter_format_(numerics.tensors.norm_parameter, RandomPurpose::tensors),
        used_(2 * channels),
        index_(index) {
    if (kind != Norm::layer_norm) return;
    bias_ = parameters.weight(name + ".bias");
    bias_gradient_ = parameters.gradient(name + ".bias");
  }

  void forward(T* x, T* y, std::size_t rows, const StepKey& key) override {
    mean_.resize(rows * pixels_);
    rstd_.resize(rows * pixels_);
    round_parameters(key);
    functions_.norm(kind_, x, used_.data(), bias_ == nullptr ? nullptr : used_.data() + channels_,
                    y, mean_.data(), rstd_.data(), rows * pixels_, channels_, index_, key);
  }

  void backward(const T* x, T* dy, T* dx, std::size_t rows, const StepKey&) override {
    std::fill_n(dx, rows * pixels_ * channels_, T{0});
    std::fill_n(gain_gradient_, channels_, T{0});
    if (bias_gradient_ != nullptr) std::fill_n(bias_gradient_, channels_, T{0});
    kernels<T>().norm_backward(kind_, x, used_.data(), mean_.data(), rstd_.data(), dy, dx,
                               gain_gradient_, bias_gradient_, rows * pixels_, channels_);
  }

 private:
  /// Gradients pass straight through. Random: as TensorRounding, tensor index 2 index + 0 or 1.
  void round_parameters(const StepKey& key) {
    const T* const given[2] = {gain_, bias_};
    for (std::uint32_t i = 0; i < 2 && given[i] != nullptr; ++i) {
      parameter_format_.copy({given[i], 1, channels_, channels_},
                             {used_.data() + i * channels_, 1, channels_, channels_},
                             (2 * index_ + i) * 16 + TensorRounding<T>::norm_parameter, key);
    }
  }

  Norm kind_;
  std::size_t pixels_, channels_;
  T *gain_, *gain_gradient_;
  T *bias_ = nullptr, *bias_gradient_ = nullptr;
  const LayerFunctions<T>& functions_;
  TensorQuantizer<T> parameter_format_;
  AlignedVector<T> used_;  ///< gain and bias as the norm reads them
  std::uint32_t index_;
  AlignedVector<T> mean_, rstd_;
};

template <class T>
class BatchNorm final : public Layer<T> {
 public:
  BatchNorm(const std::string& name, std::size_t pixels, std::size_t channels,
            ParameterSet<T>& parameters)
      : name_(name),
        pixels_(pixels),
        channels_(channels),
        gain_(parameters.weight(name + ".gain")),
        gain_gradient_(parameters.gradient(name + ".gain")),
        bias_(parameters.weight(name + ".bias")),
        bias_gradient_(parameters.gradient(name + ".bias")),
        mean_(channels),
        rstd_(channels),
        running_mean_(channels, 0.0F),
        running_variance_(channels, 1.0F) {}

  void forward(T* x, T* y, std::size_t rows, const StepKey& key) override {
    const std::size_t n = rows * pixels_;
    if (key.is_evaluation()) {
      take_running();
    } else {
      take_batch(x, n);
    }
    for (std::size_t r = 0; r < n; ++r, x += channels_, y += channels_) {
      for (std::size_t c = 0; c < channels_; ++c) {
        y[c] = (x[c] - mean_[c]) * rstd_[c] * gain_[c] + bias_[c];
      }
    }
  }

  /// With h = (x - mean) rstd: dx = gain rstd (dy - (sum(dy) + h sum(dy h)) / n).
  void backward(const T* x, T* dy, T* dx, std::size_t rows, const StepKey&) override {
    const std::size_t n = rows * pixels_;
    column_sums(dy, bias_gradient_, n, channels_);
    std::fill_n(gain_gradient_, channels_, T{0});
    for (std::size_t r = 0; r < n; ++r) {
      for (std::size_t c = 0; c < channels_; ++c) {
        const std::size_t i = r * channels_ + c;
        gain_gradient_[c] += dy[i] * ((x[i] - mean_[c]) * rstd_[c]);
      }
    }
    const T share = T{1} / static_cast<T>(n);
    for (std::size_t r = 0; r < n; ++r) {
      for (std::size_t c = 0; c < channels_; ++c) {
        const std::size_t i = r * channels_ + c;
        const T h = (x[i] - mean_[c]) * rstd_[c];
        const T shift = (bias_gradient_[c] + h * gain_gradient_[c]) * share;
        dx[i] = gain_[c] * rstd_[c] * (dy[i] - shift);
      }
    }
  }

  void visit_state(StateVisitor& visitor) override {
    visitor.visit(name_ + ".running_mean", std::span<float>(running_mean_));
    visitor.visit(name_ + ".running_variance", std::span<float>(running_variance_));
  }

 private:
  void take_running() {
    for (std::size_t c = 0; c < channels_; ++c) {
      mean_[c] = static_cast<T>(running_mean_[c]);
      rstd_[c] = T{1} / std::sqrt(static_cast<T>(running_variance_[c]) + static_cast<T>(kEpsilon));
    }
  }

  void take_batch(const T* x, std::size_t n) {
    column_sums(x, mean_.data(), n, channels_);
    for (T& mean : mean_) mean /= static_cast<T>(n);
    std::fill(rstd_.begin(), rstd_.end(), T{0});
    for (std::size_t r = 0; r < n; ++r, x += channels_) {
      for (std::size_t c = 0; c < channels_; ++c) {
        const T d = x[c] - mean_[c];
        rstd_[c] += d * d;
      }
    }
    const auto follow = [](float& running, T now) {
      const double kept = static_cast<double>(running);
      running = static_cast<float>(kept + kMomentum * (static_cast<double>(now) - kept));
    };
    for (std::size_t c = 0; c < channels_; ++c) {
      const T squares = rstd_[c];
      follow(running_mean_[c], mean_[c]);
      follow(running_variance_[c], squares / static_cast<T>(std::max<std::size_t>(n - 1, 1)));
      rstd_[c] = T{1} / std::sqrt(squares / static_cast<T>(n) + static_cast<T>(kEpsilon));
    }
  }

  std::string name_;
  std::size_t pixels_, channels_;
  T *gain_, *gain_gradient_, *bias_, *bias_gradient_;
  AlignedVector<T> mean_, rstd_;
  AlignedVector<float> running_mean_, running_variance_;
};

}  // namespace

template <class T>
LayerPtr<T> make_batch_norm(const std::string& name, std::size_t pixels, std::size_t channels,
                            ParameterSet<T>& parameters) {
  return std::make_unique<BatchNorm<T>>(name, pixels, channels, parameters);
}

template <class T>
LayerPtr<T> make_channel_norm(Norm kind, const std::string& name, std::size_t pixels,
                              std::size_t channels, ParameterSet<T>& parameters,
                              const LayerFunctions<T>& functions, const ModelNumerics& numerics,
                              std::uint32_t index) {
  return std::make_unique<ChannelNorm<T>>(kind, name, pixels, channels, parameters, functions,
                                          numerics, index);
}

#define HALFULP_INSTANTIATE(T)                                                                  \
  template LayerPtr<T> make_batch_norm<T>(const std::string&, std::size_t, std::size_t,         \
                                          ParameterSet<T>&);                                    \
  template LayerPtr<T> make_channel_norm<T>(Norm, const std::string&, std::size_t, std::size_t, \
                                            ParameterSet<T>&, const LayerFunctions<T>&,         \
                                            const ModelNumerics&, std::uint32_t);
HALFULP_INSTANTIATE(float)
HALFULP_INSTANTIATE(double)
#undef HALFULP_INSTANTIATE

}  // namespace halfulp::nn
