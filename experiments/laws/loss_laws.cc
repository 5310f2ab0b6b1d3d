// Laws of size, data and training: Chinchilla and what is built on it.
#include <fmt/format.h>

#include "experiments/laws/families.h"
#include "experiments/laws/law_of.h"
#include "experiments/laws/parameter_kinds.h"

namespace halfulp::laws {

namespace {

const Variable kSize = {"N", "parameters", {}, {}};
const Variable kData = {"D", "training tokens", {}, {}};

struct Chinchilla {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 5;

  LawInfo info() const {
    return {"chinchilla",
            "E + A/N^alpha + B/D^beta",
            "Hoffmann et al. 2022, arXiv 2203.15556",
            "loss",
            {kSize, kData},
            {scale("A"), exponent("alpha"), scale("B"), exponent("beta"), floor_loss("E")}};
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    return log_sum_exp<T, 3>({u[0] - u[1] * x.log[0], u[2] - u[3] * x.log[1], u[4]});
  }
};

struct Quartet {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 8;

  LawInfo info() const {
    Parameter gamma = exponent("gamma", "outer exponent");
    gamma.positive = true;
    gamma.lower = 1e-3;
    gamma.starts = {0.25, 0.5, 1.0};
    return {"quartet",
            "E + (A/(N*eff_N)^alpha + B/(D*eff_D)^beta)^gamma",
            "Castro et al. 2025, arXiv 2505.14669",
            "loss",
            {kSize, kData},
            {scale("A"), exponent("alpha"), scale("B"), exponent("beta"), gamma, floor_loss("E"),
             efficiency("eff_N", "share of N that counts"),
             efficiency("eff_D", "share of D that counts")}};
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    const T size = u[0] - u[1] * (u[6] + x.log[0]);
    const T data = u[2] - u[3] * (u[7] + x.log[1]);
    return log_sum_exp<T, 2>({exp(u[4]) * log_sum_exp<T, 2>({size, data}), u[5]});
  }
};

struct Quest {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 6;

  LawInfo info() const {
    return {"quest",
            "E + A/(N*eff)^alpha + B/D^beta",
            "Panferov et al. 2025, arXiv 2502.05003",
            "loss",
            {kSize, kData},
            {scale("A"), exponent("alpha"), scale("B"), exponent("beta"), floor_loss("E"),
             efficiency("eff", "share of N that counts")}};
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    return log_sum_exp<T, 3>({u[0] - u[1] * (u[5] + x.log[0]), u[2] - u[3] * x.log[1], u[4]});
  }
};

struct SizeOnly {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 3;

  LawInfo info() const {
    return {"trilm", "E + A/N^alpha", "Kaushal et al. 2024, arXiv 2407.12327",
            "loss",  {kSize},         {scale("A"), exponent("alpha"), floor_loss("E")}};
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    return log_sum_exp<T, 2>({u[0] - u[1] * x.log[0], u[2]});
  }
};

struct Kaplan {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 4;

  LawInfo info() const {
    return {"kaplan",
            "(N_c/N)^alpha_N + (S_c/S)^alpha_S",
            "Kaplan et al. 2020, arXiv 2001.08361; Su et al. 2024, arXiv 2403.06563",
            "loss",
            {kSize, {"S", "optimizer steps (or tokens)", {}, {}}},
            {positive("N_c", {1e8, 1e12, 1e16}), trend("alpha_N"), positive("S_c", {1.0, 1e3, 1e6}),
             trend("alpha_S")}};
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    return log_sum_exp<T, 2>({u[1] * (u[0] - x.log[0]), u[3] * (u[2] - x.log[1])});
  }
};

struct StepLaw {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 3;
  bool batch = false;

  LawInfo info() const {
    Variable size = kSize;
    size.missing = 1.0;
    size.needed_by = {"a"};
    const std::string source = "Li et al. 2025, arXiv 2503.04715";
    Parameter factor = positive("c", {1e-4, 1.0, 1e4});
    if (batch) {
      return {"step_law_batch", "c*D^b", source, "batch", {kData}, {factor, trend("b")}};
    }
    return {"step_law",      "c*N^a*D^b",   source,
            "learning_rate", {size, kData}, {factor, trend("a"), trend("b")}};
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    return batch ? u[0] + u[1] * x.log[0] : u[0] + u[1] * x.log[0] + u[2] * x.log[1];
  }
};

/// A bowl in ln(rate) and ln(batch) whose bottom moves with N and D.
struct RateBatch {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 8;

  LawInfo info() const {
    Variable size = kSize;
    Variable data = kData;
    Variable batch = {"batch", "tokens in a batch", 1.0, {"k_batch", "batch_c", "batch_D"}};
    size.missing = data.missing = 1.0;
    size.needed_by = {"rate_N"};
    data.needed_by = {"rate_D", "batch_D"};
    return {"rate_batch",
            "L0*exp(k_rate*ln(rate/(rate_c*N^rate_N*D^rate_D))^2 + "
            "k_batch*ln(batch/(batch_c*D^batch_D))^2)",
            "this project; optimum as in Li et al. 2025, arXiv 2503.04715",
            "loss",
            {{"rate", "peak learning rate", {}, {}}, batch, size, data},
            {positive("L0", {1.0, 3.0}, "loss at the bottom"),
             positive("k_rate", {1e-3, 1e-2, 0.1}), positive("rate_c", {1e-4, 1e-2, 1.0}),
             trend("rate_N"), trend("rate_D"), positive("k_batch", {1e-3, 1e-2, 0.1}),
             positive("batch_c", {1e2, 1e4, 1e6}), trend("batch_D")}};
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    const T rate = x.log[0] - (u[2] + u[3] * x.log[2] + u[4] * x.log[3]);
    const T batch = x.log[1] - (u[6] + u[7] * x.log[3]);
    return u[0] + exp(u[1]) * rate * rate + exp(u[5]) * batch * batch;
  }
};

struct DataMixing {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 2 + kMostDomains;
  std::size_t domains = 2;

  LawInfo info() const {
    LawInfo info = {fmt::format("data_mixing({})", domains),
                    "c + k*exp(t1*r1 + t2*r2 + ...)",
                    "Ye et al. 2024, arXiv 2403.16952",
                    "loss",
                    {},
                    {floor_loss("c"),
                     held_at(positive("k", {0.1, 1.0, 10.0}, "1 where shares sum to 1"), 1.0)}};
    for (std::size_t i = 1; i <= domains; ++i) {
      info.variables.push_back({fmt::format("r{}", i), "share of a domain", {}, {}});
      info.parameters.push_back(
          {fmt::format("t{}", i), false, -100.0, 100.0, {-3.0, -1.0, 0.0, 1.0}, {}, {}});
    }
    return info;
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    T sum = u[1];
    for (std::size_t i = 0; i < domains; ++i) sum += u[2 + i] * x.value[i];
    return log_sum_exp<T, 2>({u[0], sum});
  }
};

/// A change of the rate works off over the sum of rates after it. The warmup is a change from 0:
/// without it L0 would come out higher by B times the peak. Between two points of a curve, and in
/// the warmup, the rate changes at the middle of the sums.
struct MultiPower {
  static constexpr bool kWantsCurves = true;
  static constexpr std::size_t kParameters = 7;

  LawInfo info() const {
    return {"multi_power",
            "L0 + A*S^-alpha + B*sum_k (rate_k - rate_(k-1))*(1 - (1 + C*rate_k^-gamma*(S - "
            "S_k))^-beta)",
            "Luo et al. 2025, arXiv 2503.12811",
            "loss",
            {{"step", "training step", {}, {}}, {"rate", "learning rate", {}, {}}},
            {floor_loss("L0"), positive("A", {0.3, 1.0}), positive("alpha", {0.3, 0.6}),
             positive("B", {100.0, 500.0}), positive("C", {1.0, 3.0}), positive("beta", {0.4, 0.8}),
             positive("gamma", {0.4, 0.8})}};
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    const Curve& curve = *x.curve;
    const double sum_here = curve.rate_sum[x.place];
    const T power = exp(u[5]);
    const T rate_power = exp(u[6]);
    T annealed(0.0);
    for (std::size_t k = 0; k <= x.place; ++k) {
      const double rate_before = k == 0 ? 0.0 : curve.rate[k - 1];
      const double change = curve.rate[k] - rate_before;
      if (change == 0.0) continue;
      const double sum_before = k == 0 ? 0.0 : curve.rate_sum[k - 1];
      const double since = sum_here - 0.5 * (curve.rate_sum[k] + sum_before);
      const T scaled = exp(u[4] - rate_power * log(curve.rate[k])) * since;
      annealed += change * (1.0 - exp(-power * log(1.0 + scaled)));
    }
    return log(exp(u[0]) + exp(u[1] - exp(u[2]) * log(sum_here)) + exp(u[3]) * annealed);
  }
};

}  // namespace

std::vector<std::shared_ptr<const Law>> loss_laws() {
  return {law_of<Chinchilla>(),  law_of<Quartet>(),      law_of<Quest>(),       law_of<SizeOnly>(),
          law_of<Kaplan>(),      law_of(StepLaw{false}), law_of(StepLaw{true}), law_of<RateBatch>(),
          law_of(DataMixing{2}), law_of<MultiPower>()};
}

std::shared_ptr<const Law> data_mixing_law(std::size_t domains) {
  return law_of(DataMixing{domains});
}

}  // namespace halfulp::laws
