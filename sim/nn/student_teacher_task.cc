#include "sim/nn/student_teacher_task.h"

#include <algorithm>
#include <cmath>

#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp::nn {
namespace {

void fill_normal(const RandomStream& stream, std::uint64_t first, std::size_t n, double std,
                 float* out) {
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<float>(std * random_normal(stream, first + i));
  }
}

std::size_t raised_width(const StudentTeacherSpec& spec) {
  return spec.model.function == UnitFunction::swiglu ? 2 * spec.teacher.hidden
                                                     : spec.teacher.hidden;
}

}  // namespace

StudentTeacherTask::StudentTeacherTask(const StudentTeacherSpec& spec)
    : spec_(spec), model_(spec.model, spec.numerics, spec.batch) {
  const std::size_t n = spec.batch * spec.model.width;
  inputs_.resize(n);
  targets_.resize(n);
  raised_.resize(spec.batch * raised_width(spec));
  wide_.resize(spec.batch * spec.teacher.hidden);
}

void StudentTeacherTask::initialize(std::uint64_t seed) {
  model_.parameters().initialize(seed);
  const std::size_t width = spec_.model.width, hidden = spec_.teacher.hidden;
  teacher_.clear();
  for (std::uint32_t i = 0; i < 2 * spec_.teacher.layers; ++i) {
    const bool raises = i % 2 == 0;
    const std::size_t in = raises ? width : hidden, out = raises ? raised_width(spec_) : width;
    teacher_.emplace_back(in * out);
    fill_normal({seed, static_cast<std::uint32_t>(RandomPurpose::data), Stream::teacher, i}, 0,
                in * out, spec_.teacher.gain / std::sqrt(static_cast<double>(in)),
                teacher_.back().data());
  }
}

void StudentTeacherTask::make_batch(std::uint64_t seed, Stream stream, std::uint32_t step,
                                    std::size_t first, std::size_t rows) {
  const std::size_t width = spec_.model.width, hidden = spec_.teacher.hidden;
  const std::size_t raised = raised_width(spec_);
  fill_normal({seed, static_cast<std::uint32_t>(RandomPurpose::data), stream, step}, first * width,
              rows * width, 1.0, inputs_.data());
  std::copy_n(inputs_.data(), rows * width, targets_.data());
  const LayerFunctions<float> functions(FunctionNumerics{});
  const auto function = make_unit_function<float>(spec_.model.function, hidden, functions, 0);
  for (std::size_t i = 0; i < teacher_.size(); i += 2) {
    matmul_nt<float>({targets_.data(), rows, width, width},
                     {teacher_[i].data(), raised, width, width},
                     {raised_.data(), rows, raised, raised});
    function->forward(raised_.data(), wide_.data(), rows, {});
    matmul_nt<float>({wide_.data(), rows, hidden, hidden},
                     {teacher_[i + 1].data(), width, hidden, hidden},
                     {targets_.data(), rows, width, width});
  }
}

double StudentTeacherTask::loss_and_gradient(const StepKey& key) {
  make_batch(key.seed, Stream::train_inputs, key.step, 0, spec_.batch);
  if (spec_.noise > 0.0) {
    const RandomStream stream = {key.seed, static_cast<std::uint32_t>(RandomPurpose::data),
                                 Stream::train_noise, key.step};
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      targets_[i] += static_cast<float>(spec_.noise * random_normal(stream, i));
    }
  }
  return model_.loss_and_gradient(inputs_.data(), targets_.data(), spec_.batch, key);
}

Evaluation StudentTeacherTask::evaluate(const StepKey& key) {
  double sum = 0.0;
  for (std::size_t done = 0; done < spec_.evaluation;) {
    const std::size_t rows = std::min(spec_.batch, spec_.evaluation - done);
    make_batch(key.seed, Stream::held_out_inputs, 0, done, rows);
    sum += model_.loss(inputs_.data(), targets_.data(), rows, key) * static_cast<double>(rows);
    done += rows;
  }
  return {sum / static_cast<double>(spec_.evaluation)};
}

}  // namespace halfulp::nn
