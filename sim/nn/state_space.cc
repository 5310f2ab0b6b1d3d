#include "sim/nn/state_space.h"

#include <algorithm>
#include <cmath>

#include "sim/elementary.h"
#include "sim/nn/layer.h"
#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

/// softplus(-3) is a step of 0.05 positions at the start.
constexpr double kFirstStepBias = -3.0;

/// log(1 + e^x) in binary64.
double softplus(double x) { return std::max(x, 0.0) + pinned_log(1.0 + pinned_exp(-std::fabs(x))); }

double sigmoid(double x) { return 1.0 / (1.0 + pinned_exp(-x)); }

/// Columns first .. first + count - 1 of rows of `from_width` into those of `to_width` at `to`.
template <class T>
void copy_columns(const T* from, std::size_t from_width, T* to, std::size_t to_width,
                  std::size_t rows, std::size_t count) {
  for (std::size_t r = 0; r < rows; ++r) {
    std::copy_n(from + r * from_width, count, to + r * to_width);
  }
}

}  // namespace

std::vector<Parameter> state_space_parameters(const std::string& name, const StateSpaceShape& shape,
                                              double residual) {
  ParameterBuilder builder;
  const auto std_of = [](std::size_t inputs) {
    return 1.0 / std::sqrt(static_cast<double>(inputs));
  };
  builder.matrix(name + ".input", 2 * shape.inner, shape.width, std_of(shape.width));
  builder.matrix(name + ".convolution", kMixerTaps, shape.inner, std_of(kMixerTaps));
  builder.vector(name + ".convolution_bias", shape.inner, 0.0);
  builder.matrix(name + ".selection", shape.rank + 2 * shape.states, shape.inner,
                 std_of(shape.inner));
  builder.matrix(name + ".step", shape.inner, shape.rank, std_of(shape.rank));
  builder.vector(name + ".step_bias", shape.inner, kFirstStepBias);
  builder.vector(name + ".rate", shape.states * shape.inner, 0.0);
  builder.vector(name + ".skip", shape.inner, 1.0);
  builder.matrix(name + ".output", shape.width, shape.inner, residual * std_of(shape.inner));
  return builder.take();
}

std::vector<std::string> state_space_layer_names(const std::string& name) {
  return {name + ".input", name + ".selection", name + ".step", name + ".output"};
}

template <class T>
StateSpaceMixer<T>::StateSpaceMixer(const std::string& name, const StateSpaceShape& shape,
                                    const ModelParts<T>& parts, const QuantizerSpec& state,
                                    std::uint32_t index, std::size_t max_rows)
    : shape_(shape),
      parts_(parts),
      name_(name),
      input_(parts.linear(name + ".input")),
      selection_(parts.linear(name + ".selection")),
      step_layer_(parts.linear(name + ".step")),
      output_(parts.linear(name + ".output")),
      state_format_(state, RandomPurpose::state),
      index_(index) {
  const std::size_t e = shape.inner, cells = shape.states * e;
  for (auto* wide : {&split_, &gate_, &dgate_, &dsplit_}) wide->resize(max_rows * 2 * e);
  for (auto* row : {&convolved_, &s_, &selected_in_, &raw_step_, &step_, &gated_, &ds_, &dstep_}) {
    row->resize(max_rows * e);
  }
  for (auto* row : {&selected_, &dselected_})
    row->resize(max_rows * (shape.rank + 2 * shape.states));
  for (auto* row : {&low_, &dlow_}) row->resize(max_rows * shape.rank);
  for (auto* block : {&rate_, &dstate_, &drate_, &zeros_}) block->resize(cells);
  states_.resize(max_rows * cells);
  scratch_.resize(e);
}

template <class T>
ScanPosition<T> StateSpaceMixer<T>::position(std::size_t row) const {
  const std::size_t e = shape_.inner;
  const T* selected = selected_.data() + row * (shape_.rank + 2 * shape_.states);
  return {e,
          shape_.states,
          step_.data() + row * e,
          s_.data() + row * e,
          selected + shape_.rank,
          selected + shape_.rank + shape_.states,
          rate_.data()};
}

template <class T>
void StateSpaceMixer<T>::convolve(std::size_t sequences, std::size_t positions) {
  const std::size_t e = shape_.inner;
  const T* taps = parts_.weight(name_ + ".convolution");
  const T* bias = parts_.weight(name_ + ".convolution_bias");
  for (std::size_t row = 0; row < sequences * positions; ++row) {
    T* y = convolved_.data() + row * e;
    std::copy_n(bias, e, y);
    const std::size_t seen = std::min(row % positions + 1, kMixerTaps);
    for (std::size_t k = 0; k < seen; ++k) {
      const T* x = split_.data() + (row - k) * 2 * e;
      for (std::size_t c = 0; c < e; ++c) y[c] += taps[k * e + c] * x[c];
    }
  }
}

/// From ds_, the gradient of convolved_, to the x of dsplit_ and the taps.
template <class T>
void StateSpaceMixer<T>::convolve_back(std::size_t sequences, std::size_t positions) {
  const std::size_t e = shape_.inner;
  const T* taps = parts_.weight(name_ + ".convolution");
  T* dtaps = parts_.gradient(name_ + ".convolution");
  std::fill_n(dtaps, kMixerTaps * e, T{0});
  column_sums(ds_.data(), parts_.gradient(name_ + ".convolution_bias"), sequences * positions, e);
  for (std::size_t row = 0; row < sequences * positions; ++row) {
    T* dx = dsplit_.data() + row * 2 * e;
    std::fill_n(dx, e, T{0});
    const std::size_t left = std::min(positions - row % positions, kMixerTaps);
    for (std::size_t k = 0; k < left; ++k) {
      const T* dy = ds_.data() + (row + k) * e;
      const T* x = split_.data() + row * 2 * e;
      for (std::size_t c = 0; c < e; ++c) {
        dx[c] += taps[k * e + c] * dy[c];
        dtaps[k * e + c] += x[c] * dy[c];
      }
    }
  }
}

template <class T>
void StateSpaceMixer<T>::make_steps(std::size_t rows, const StepKey& key) {
  const std::size_t e = shape_.inner, wide = shape_.rank + 2 * shape_.states;
  copy_columns(selected_.data(), wide, low_.data(), shape_.rank, rows, shape_.rank);
  step_layer_.forward(low_.data(), raw_step_.data(), rows, key);
  add_bias(static_cast<const T*>(parts_.weight(name_ + ".step_bias")), raw_step_.data(), rows, e);
  for (std::size_t i = 0; i < rows * e; ++i) {
    step_[i] = static_cast<T>(softplus(static_cast<double>(raw_step_[i])));
  }
  const T* rate = parts_.weight(name_ + ".rate");
  for (std::size_t n = 0; n < shape_.states; ++n) {
    for (std::size_t i = n * e; i < (n + 1) * e; ++i) {
      rate_[i] =
          static_cast<T>(-static_cast<double>(n + 1) * pinned_exp(static_cast<double>(rate[i])));
    }
  }
}

/// Random: tensor number index * 2^20 + row, so the rows of a batch stay below 2^20.
template <class T>
void StateSpaceMixer<T>::round_state(T* state, std::size_t row, const StepKey& key) const {
  const auto number = (index_ << 20) + static_cast<std::uint32_t>(row);
  state_format_.apply({state, shape_.states, shape_.inner, shape_.inner}, number, key);
}

template <class T>
void StateSpaceMixer<T>::scan(std::size_t sequences, std::size_t positions, const StepKey& key) {
  const std::size_t e = shape_.inner, cells = shape_.states * e;
  const T* skip = parts_.weight(name_ + ".skip");
  for (std::size_t row = 0; row < sequences * positions; ++row) {
    T* after = states_.data() + row * cells;
    const T* before = row % positions == 0 ? zeros_.data() : after - cells;
    state_space_kernels<T>().advance(position(row), before, after);
    round_state(after, row, key);
    state_space_kernels<T>().read(position(row), after, skip, gate_.data() + row * 2 * e + e);
  }
}

template <class T>
void StateSpaceMixer<T>::scan_back(std::size_t sequences, std::size_t positions) {
  const std::size_t e = shape_.inner, cells = shape_.states * e;
  const std::size_t wide = shape_.rank + 2 * shape_.states;
  const T* skip = parts_.weight(name_ + ".skip");
  T* dskip = parts_.gradient(name_ + ".skip");
  std::fill_n(dskip, e, T{0});
  std::fill(drate_.begin(), drate_.end(), T{0});
  for (std::size_t s = 0; s < sequences; ++s) {
    std::fill(dstate_.begin(), dstate_.end(), T{0});
    for (std::size_t t = positions; t-- > 0;) {
      const std::size_t row = s * positions + t;
      const T* after = states_.data() + row * cells;
      T* dselected = dselected_.data() + row * wide + shape_.rank;
      state_space_kernels<T>().back(position(row), t == 0 ? zeros_.data() : after - cells, after,
                                    skip, dgate_.data() + row * 2 * e + e, dstate_.data(),
                                    dstep_.data() + row * e, ds_.data() + row * e, dselected,
                                    dselected + shape_.states, drate_.data(), dskip,
                                    scratch_.data());
    }
  }
  T* dexponent = parts_.gradient(name_ + ".rate");
  for (std::size_t i = 0; i < cells; ++i) dexponent[i] = drate_[i] * rate_[i];
}

template <class T>
void StateSpaceMixer<T>::forward(T* u, T* out, std::size_t sequences, std::size_t positions,
                                 const LayerFunctions<T>& functions, const StepKey& key) {
  const std::size_t rows = sequences * positions, e = shape_.inner;
  input_.forward(u, split_.data(), rows, key);
  convolve(sequences, positions);
  state_space_kernels<T>().silu_forward(convolved_.data(), s_.data(), rows * e);
  std::copy_n(s_.data(), rows * e, selected_in_.data());
  selection_.forward(selected_in_.data(), selected_.data(), rows, key);
  make_steps(rows, key);
  copy_columns(split_.data() + e, 2 * e, gate_.data(), 2 * e, rows, e);
  scan(sequences, positions, key);
  functions.swiglu(gate_.data(), gated_.data(), rows, e, index_, key);
  output_.forward(gated_.data(), out, rows, key);
}

template <class T>
void StateSpaceMixer<T>::backward(const T* u, T* dout, T* du, std::size_t sequences,
                                  std::size_t positions, const StepKey& key) {
  const std::size_t rows = sequences * positions, e = shape_.inner;
  const std::size_t wide = shape_.rank + 2 * shape_.states;
  T* dgated = dstep_.data();  // free until the scan
  output_.backward(gated_.data(), dout, dgated, rows, true, key);
  kernels<T>().swiglu_backward(gate_.data(), dgated, dgate_.data(), rows, e);
  copy_columns(dgate_.data(), 2 * e, dsplit_.data() + e, 2 * e, rows, e);
  scan_back(sequences, positions);
  for (std::size_t i = 0; i < rows * e; ++i) {
    dstep_[i] *= static_cast<T>(sigmoid(static_cast<double>(raw_step_[i])));
  }
  column_sums(dstep_.data(), parts_.gradient(name_ + ".step_bias"), rows, e);
  step_layer_.backward(low_.data(), dstep_.data(), dlow_.data(), rows, false, key);
  copy_columns(dlow_.data(), shape_.rank, dselected_.data(), wide, rows, shape_.rank);
  selection_.backward(selected_in_.data(), dselected_.data(), raw_step_.data(), rows, false, key);
  kernels<T>().add(ds_.data(), raw_step_.data(), ds_.data(), rows * e);
  state_space_kernels<T>().silu_backward(convolved_.data(), ds_.data(), ds_.data(), rows * e);
  convolve_back(sequences, positions);
  input_.backward(u, dsplit_.data(), du, rows, false, key);
}

template class StateSpaceMixer<float>;
template class StateSpaceMixer<double>;

}  // namespace halfulp::nn
