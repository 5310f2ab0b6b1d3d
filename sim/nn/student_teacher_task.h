// A residual network (the student) that learns the outputs of a random one (the teacher).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/nn/residual_network.h"
#include "sim/nn/training_task.h"

namespace halfulp::nn {

/// The teacher: `layers` times (linear to `hidden`, activation function, linear to the student's
/// width), without biases, norms and residuals; weights normal with standard deviation gain /
/// sqrt(inputs). Always in binary32.
struct TeacherConfig {
  std::size_t layers = 4;
  std::size_t hidden = 512;
  double gain = 0.57735026918962573;  ///< 1 / sqrt(3): the variance of PyTorch's default
};

struct StudentTeacherSpec {
  ResidualConfig model;
  ModelNumerics numerics;
  TeacherConfig teacher;
  double noise = 0.005;           ///< standard deviation of what is added to training targets
  std::size_t batch = 2048;       ///< fresh standard normal inputs in every update
  std::size_t evaluation = 8192;  ///< held-out inputs, without noise on their targets
};

/// Loss: mean squared error. Inputs and noise of an update depend on the seed and the step, the
/// teacher and the held-out inputs on the seed alone.
class StudentTeacherTask final : public TrainingTask {
 public:
  explicit StudentTeacherTask(const StudentTeacherSpec& spec);

  const std::vector<Parameter>& parameters() const override { return model_.parameters().list(); }

  std::span<float> weights() override { return model_.parameters().weights(); }

  std::span<float> gradients() override { return model_.parameters().gradients(); }

  void initialize(std::uint64_t seed) override;
  double loss_and_gradient(const StepKey& key) override;
  Evaluation evaluate(const StepKey& key) override;

  double samples_per_batch() const override { return static_cast<double>(spec_.batch); }

  void visit_state(StateVisitor& visitor) override { model_.visit_state(visitor); }

 private:
  /// Sub-streams of RandomPurpose::data.
  enum Stream : std::uint32_t { teacher = 32, train_inputs, train_noise, held_out_inputs };

  /// Inputs number first .. first + rows - 1 of a stream, and what the teacher makes of them.
  void make_batch(std::uint64_t seed, Stream stream, std::uint32_t step, std::size_t first,
                  std::size_t rows);

  StudentTeacherSpec spec_;
  ResidualNetwork<float> model_;
  std::vector<std::vector<float>> teacher_;  ///< out x in matrices
  AlignedVector<float> inputs_, targets_, raised_, wide_;
};

}  // namespace halfulp::nn
