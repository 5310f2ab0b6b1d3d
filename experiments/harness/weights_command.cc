#include "experiments/harness/weights_command.h"

#include <fmt/format.h>

#include <filesystem>

#include "experiments/store/checkpoint_file.h"
#include "experiments/store/config_text.h"
#include "experiments/store/io_error.h"
#include "experiments/store/model_weights.h"

namespace halfulp::harness {
namespace {

Safetensors content_of(const Sweep& sweep, const RunPoint& point, const nn::Checkpoint& checkpoint,
                       TensorType type) {
  Safetensors content;
  content.metadata = {{"format", "halfulp"},
                      {"run_id", point.id},
                      {"experiment", std::string(sweep.kind->name)},
                      {"seed", std::to_string(point.seed)},
                      {"updates", std::to_string(nn::updates_of(checkpoint))},
                      {"numerics", sweep.kind->numerics(point.config)},
                      {"config", canonical_toml(point.config)}};
  const auto& weights = nn::state_of<float>(checkpoint, "weights");
  content.tensors = named_tensors(weights, checkpoint.tensors, type);
  return content;
}

}  // namespace

std::string write_weights(const Sweep& sweep, const Plan& plan,
                          const std::vector<std::size_t>& selected, const RunFolder& folder,
                          TensorType type, std::vector<std::string>& problems) {
  const std::string to = folder.path() + "/weights";
  std::string text;
  for (const std::size_t index : selected) {
    const RunPoint& point = plan.points[index];
    const std::string from = folder.checkpoint_file(point.id);
    if (!std::filesystem::exists(from)) {
      problems.push_back(
          fmt::format("run {} has no checkpoint; train.keep_checkpoints=true keeps one (remove {} "
                      "to run it again)",
                      point.id, folder.run_file(point.id)));
      continue;
    }
    const CheckpointFile file = read_checkpoint(from);
    if (file.identity.run_id != point.id) {
      throw IoError(fmt::format("{}: is of run {}", from, file.identity.run_id));
    }
    std::filesystem::create_directories(to);
    const std::string path = fmt::format("{}/{}.safetensors", to, point.id);
    try {
      write_safetensors(path, content_of(sweep, point, file.checkpoint, type));
    } catch (const nn::CheckpointError& error) {
      throw IoError(fmt::format("{}: {}", from, error.what()));
    }
    text += path + "\n";
  }
  return text;
}

}  // namespace halfulp::harness
