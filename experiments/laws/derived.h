// What follows from a law: the optimal split of a budget, the optimal precision, critical data
// sizes, effective parameters, curves of equal loss. All by numeric minimization and bisection on
// the law itself, so that they hold for every law and for fitted constants.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "experiments/laws/law.h"

namespace halfulp::laws {

/// A law with all its constants.
class LossModel {
 public:
  /// Throws harness::ConfigError when a constant is missing or unknown.
  LossModel(std::shared_ptr<const Law> law, std::map<std::string, double> constants);

  const Law& law() const { return *law_; }

  const std::map<std::string, double>& constants() const { return constants_; }

  bool has(const std::string& variable) const;

  /// The prediction; NaN where the law has none. Variables that the law lacks are ignored.
  double operator()(const std::map<std::string, double>& variables) const;

 private:
  std::shared_ptr<const Law> law_;
  std::map<std::string, double> constants_;
  std::vector<double> internal_;
};

/// Variables with the same number of bits P in every tensor that the law knows: P, P_w, P_a, P_kv;
/// for laws of E and M the best split of P - 1 bits (real numbers). `tensors` chooses among w, a,
/// kv.
std::map<std::string, double> with_bits(const LossModel& model,
                                        std::map<std::string, double> variables, double bits,
                                        const std::string& tensors = "w,a,kv");

/// Where a function of one variable is smallest between `low` and `high`: the best of 400 places,
/// refined by golden section. NaN values count as infinite.
double smallest_at(const std::function<double(double)>& function, double low, double high);

struct ComputeOptimum {
  double N = 0.0, D = 0.0, loss = 0.0;
};

/// The smallest loss for N D = budget / cost, the other variables held.
ComputeOptimum compute_optimum(const LossModel& model, double budget, double cost,
                               const std::map<std::string, double>& held);

struct PrecisionOptimum {
  double bits = 0.0, N = 0.0, D = 0.0, loss = 0.0;
};

/// The bits (2 to 16) with the smallest loss for N D P = budget / cost; with `size` N is held, else
/// it is optimized too. A cost of 6/16 makes 16 bits cost 6 N D.
PrecisionOptimum precision_optimum(const LossModel& model, double budget, double cost,
                                   std::optional<double> size, const std::string& tensors,
                                   const std::map<std::string, double>& held = {});

/// The D from which on more data raise the loss, the other variables held; nothing when loss falls
/// up to D = 1e22.
std::optional<double> critical_data(const LossModel& model,
                                    const std::map<std::string, double>& held);

/// N'/N for which the law at exact precision has the loss of N at these bits.
double effective_share(const LossModel& model, double size, double data, double bits,
                       const std::string& tensors, const std::map<std::string, double>& held = {});

/// The D that gives `loss` at this N, the other variables held; nothing when no D below 1e22 does.
std::optional<double> data_for_loss(const LossModel& model, double loss,
                                    const std::map<std::string, double>& held);

struct BitSplit {
  double exponent_bits = 0.0, trailing_bits = 0.0, prediction = 0.0;
};

/// For laws of E and M: every split of `bits` - 1 into whole E >= 1 and M, by prediction.
std::vector<BitSplit> exponent_splits(const LossModel& model, double bits,
                                      const std::map<std::string, double>& held);

/// The best split into real numbers.
BitSplit best_split(const LossModel& model, double bits, const std::map<std::string, double>& held);

}  // namespace halfulp::laws
