#include "experiments/kinds/ptq_weights.h"

#include <algorithm>
#include <optional>

#include "experiments/kinds/corpora.h"
#include "experiments/kinds/language_model_spec.h"
#include "experiments/kinds/ptq_layers.h"
#include "experiments/kinds/stored_bits.h"
#include "sim/nn/gptq.h"
#include "sim/nn/operand_quantizer.h"
#include "sim/nn/transformer.h"
#include "sim/quantile_fit.h"
#include "sim/random.h"
#include "sim/random_purpose.h"

namespace halfulp {
namespace {

nn::StepKey key_of(std::int64_t seed, const nn::OperandObserver* observer = nullptr) {
  return {static_cast<std::uint64_t>(seed), nn::StepKey::kEvaluation, observer};
}

/// Windows of the training text and the model that reads them.
class Calibration {
 public:
  Calibration(const Config& config, std::int64_t seed, const nn::TrainSpec& spec)
      : spec_(spec), seed_(seed), model_(spec.model, spec.numerics, spec.sequences) {
    const std::vector<std::uint8_t>& text = shared_corpus(config)->train;
    const std::size_t context = spec.model.context;
    const RandomStream stream = {static_cast<std::uint64_t>(seed),
                                 static_cast<std::uint32_t>(RandomPurpose::calibration), 0, 0};
    const auto wanted = static_cast<std::size_t>(config.integer("ptq.calibration_sequences"));
    for (std::size_t s = 0; s < wanted; ++s) {
      const auto at = static_cast<std::ptrdiff_t>(random_below(stream, s, text.size() - context));
      inputs_.insert(inputs_.end(), text.begin() + at,
                     text.begin() + at + static_cast<std::ptrdiff_t>(context));
    }
  }

  /// Of the inputs of `layer` in a model with these weights.
  std::vector<double> hessian(const nn::Parameter& layer, const std::vector<float>& weights) {
    std::copy(weights.begin(), weights.end(), model_.weights().begin());
    nn::LayerHessian sum(layer.cols);
    const nn::OperandObserver observer = [&](const nn::LinearOperand& operand) {
      const bool is_input = operand.role == nn::LinearOperand::Role::input;
      if (is_input && operand.layer == layer.name) sum.add(operand.tensor);
    };
    const std::size_t context = spec_.model.context, all = inputs_.size() / context;
    for (std::size_t done = 0; done < all;) {
      const std::size_t count = std::min(spec_.sequences, all - done);
      model_.logits(inputs_.data() + done * context, count, key_of(seed_, &observer));
      done += count;
    }
    return sum.value();
  }

 private:
  nn::TrainSpec spec_;
  std::int64_t seed_;
  nn::Transformer<float> model_;
  std::vector<std::uint8_t> inputs_;
};

/// The quantizer with its codebook fitted to a tensor.
nn::OperandSpec fitted(nn::OperandSpec spec, ConstMatrix weights) {
  Format& format = spec.quantizer.block ? spec.quantizer.block->element : spec.quantizer.format;
  format = fitted_quantiles(weights, std::get<CodebookFormat>(format).book->values.size());
  spec.quantizer.format = format;
  return spec;
}

void round_plainly(const nn::OperandSpec& spec, Matrix weights, std::int64_t seed,
                   std::uint32_t layer) {
  const nn::OperandSpec own = nn::with_reduction(spec, false);
  if (nn::is_plain(own) && Quantizer(own.quantizer).is_identity()) return;
  nn::OperandQuantizer quantizer(own, false);
  nn::OperandCall call = {.is_training = false};
  call.rounding = {static_cast<std::uint64_t>(seed),
                   static_cast<std::uint32_t>(RandomPurpose::rounding), layer, 0};
  quantizer.quantize(weights, weights, call);
}

class Quantization {
 public:
  Quantization(const Config& config, std::int64_t seed, const nn::TrainSpec& evaluation)
      : config_(config),
        seed_(seed),
        spec_(nn::parse_operand(config.text("ptq.weight"))),
        rest_(parse_quantizer(config.text("ptq.rest"))),
        fits_(config.text("ptq.codebook") == "quantiles"),
        is_flat_(config.text("ptq.layout") == "flat") {
    if (config.text("ptq.method") == "gptq") calibration_.emplace(config, seed, evaluation);
  }

  void quantize(const nn::Parameter& layer, QuantizedWeights& result) {
    const Matrix matrix = {result.weights.data() + layer.offset, layer.rows, layer.cols,
                           layer.cols};
    const std::vector<float> before(matrix.data, matrix.data + layer.size());
    const nn::OperandSpec spec = fits_ ? fitted(spec_, matrix) : spec_;
    if (calibration_) {
      nn::GptqSpec gptq = {spec, config_.real("ptq.damping"),
                           config_.text("ptq.order") == "by_diagonal",
                           config_.text("ptq.group_scales") == "static"};
      try {
        nn::gptq(gptq, matrix, calibration_->hessian(layer, result.weights));
      } catch (const nn::HessianError& error) {
        throw nn::HessianError(layer.name + ": " + error.what());
      }
    } else {
      const Matrix line = {matrix.data, 1, layer.size(), layer.size()};
      round_plainly(spec, is_flat_ ? line : matrix, seed_, number_++);
    }
    result.errors += error_sums(before.data(), matrix.data, before.size());
    count(layer, spec.quantizer, result.stored);
  }

  void leave(const nn::Parameter& layer, QuantizedWeights& result) {
    const Matrix matrix = {result.weights.data() + layer.offset, layer.rows, layer.cols,
                           layer.cols};
    round_plainly(rest_, matrix, seed_, number_++);
    const double size = static_cast<double>(layer.size());
    result.stored.parameters += size;
    result.stored.bits += stored_bits(rest_, layer.rows, layer.cols);
  }

 private:
  void count(const nn::Parameter& layer, const QuantizerSpec& spec, StoredWeights& stored) const {
    const double size = static_cast<double>(layer.size());
    const std::size_t rows = is_flat_ ? 1 : layer.rows, cols = layer.size() / rows;
    double bits = stored_bits(spec, rows, cols);
    // A fitted codebook is stored with its tensor, in binary32.
    if (fits_) {
      const Format& format = spec.block ? spec.block->element : spec.format;
      bits += 32.0 * static_cast<double>(std::get<CodebookFormat>(format).book->values.size());
    }
    stored.parameters += size;
    stored.quantized += size;
    stored.bits += bits;
    stored.quantized_bits += bits;
    stored.scales += scale_count(spec, rows, cols);
  }

  const Config& config_;
  std::int64_t seed_;
  nn::OperandSpec spec_;
  QuantizerSpec rest_;
  bool fits_, is_flat_;
  std::optional<Calibration> calibration_;
  std::uint32_t number_ = 0;
};

}  // namespace

QuantizedWeights quantize_after_training(const Config& config, std::int64_t seed,
                                         const nn::TrainSpec& evaluation,
                                         const std::vector<std::string>& layers,
                                         const std::vector<float>& weights) {
  QuantizedWeights result = {weights, {}, {}};
  Quantization quantization(config, seed, evaluation);
  for (const nn::Parameter& layer : block_layers(evaluation.model)) {
    const bool is_chosen = std::find(layers.begin(), layers.end(), layer.name) != layers.end();
    if (is_chosen) {
      quantization.quantize(layer, result);
    } else {
      quantization.leave(layer, result);
    }
  }
  return result;
}

}  // namespace halfulp
