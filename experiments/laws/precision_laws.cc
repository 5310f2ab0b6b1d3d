// Laws of precision: Kumar, its rivals, Sun, Chen, Ouyang (QiD), Dremov.
#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/laws/families.h"
#include "experiments/laws/law_of.h"
#include "experiments/laws/parameter_kinds.h"

namespace halfulp::laws {

namespace {

constexpr double kExact = std::numeric_limits<double>::infinity();  // bits of an exact tensor
const char kKumar[] = "Kumar et al. 2024, arXiv 2411.04330";

const Variable kSize = {"N", "parameters", {}, {}};
const Variable kData = {"D", "training tokens", {}, {}};

/// ln(1 - exp(-bits/gamma + offset)): the share of a tensor that counts. NaN where it is negative.
template <typename T>
T log_share(double bits, const T& log_gamma, const T& shift) {
  if (std::isinf(bits)) return T(0.0);
  const T lost = exp(shift - bits * exp(-log_gamma));
  if (!(value_of(lost) < 1.0)) return T(std::numeric_limits<double>::quiet_NaN());
  return log(1.0 - lost);
}

std::vector<Variable> tensor_bits(const std::vector<std::string>& prefixes) {
  std::vector<Variable> variables;
  for (const std::string tensor : {"w", "a", "kv"}) {
    Variable bits = {"P_" + tensor, "bits of " + tensor, kExact, {}};
    for (const std::string& prefix : prefixes) bits.needed_by.push_back(prefix + tensor);
    variables.push_back(bits);
  }
  return variables;
}

/// Which of N and D the precision of training acts on, and whether offsets stand in the exponent.
struct KumarTraining {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 11;
  bool offsets = true;
  bool acts_on_data = false;

  LawInfo info() const {
    LawInfo info = {
        acts_on_data ? "effective_data" : (offsets ? "kumar_training" : "kumar_training_written"),
        acts_on_data ? "E + A/N^alpha + B/(D*f)^beta, f as in kumar_training"
                     : "E + A/(N*f)^alpha + B/D^beta, f = prod_x (1 - exp(-P_x/gamma_x"
                       " + n_x))",
        kKumar,
        "loss",
        {kSize, kData},
        {scale("A"), exponent("alpha"), scale("B"), exponent("beta"), floor_loss("E")}};
    for (const Variable& bits : tensor_bits({"gamma_", "n_"})) info.variables.push_back(bits);
    for (const std::string tensor : {"w", "a", "kv"}) {
      info.parameters.push_back(bits_scale("gamma_" + tensor));
      const Parameter shift = offset("n_" + tensor);
      info.parameters.push_back(offsets ? shift : held_at(shift, 0.0));
    }
    return info;
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    T share(0.0);
    for (std::size_t i = 0; i < 3; ++i)
      share += log_share(x.value[2 + i], u[5 + 2 * i], u[6 + 2 * i]);
    const T none(0.0);
    const T size = u[0] - u[1] * ((acts_on_data ? none : share) + x.log[0]);
    const T data = u[2] - u[3] * ((acts_on_data ? share : none) + x.log[1]);
    return log_sum_exp<T, 3>({size, data, u[4]});
  }
};

struct KumarPtq {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 5;

  LawInfo info() const {
    return {"kumar_ptq",
            "C_T*exp(-P_post/gamma_post + b)*D^gamma_D/N^gamma_N",
            kKumar,
            "gap",
            {kSize, kData, {"P_post", "bits after training", {}, {}}},
            {positive("C_T", {1e-6, 1e-3, 1.0}), bits_scale("gamma_post"),
             held_at(offset("b", "one with ln C_T"), 0.0), trend("gamma_D"), trend("gamma_N")}};
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    return u[0] - x.value[2] * exp(-u[1]) + u[2] + u[3] * x.log[1] - u[4] * x.log[0];
  }
};

/// Training in low precision and quantization after it (Eq. 9 of the paper).
struct KumarUnified {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 19;
  bool offsets = true;

  LawInfo info() const {
    LawInfo info = KumarTraining{offsets, false}.info();
    info.name = offsets ? "kumar_unified" : "kumar_unified_written";
    info.formula =
        "kumar_training + C_T*exp(-P_post/gamma_post + b)*D^gamma_D/(N*f)^gamma_N*prod_x (1 - "
        "exp(-C_x*(P_x - P_post)))";
    std::vector<std::string> needed = {"C_T", "gamma_post", "b", "gamma_D", "gamma_N"};
    for (std::size_t i = 2; i < 5; ++i) {
      const std::string name = "C_" + info.variables[i].name.substr(2);
      info.variables[i].needed_by.push_back(name);
      needed.push_back(name);
    }
    info.variables.push_back({"P_post", "bits after training", kExact, needed});
    for (const Parameter& parameter : KumarPtq{}.info().parameters) {
      info.parameters.push_back(parameter);
    }
    for (const std::string tensor : {"w", "a", "kv"}) {
      info.parameters.push_back(positive("C_" + tensor, {0.1, 1.0}));
    }
    return info;
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    T size = T(x.log[0]);
    for (std::size_t i = 0; i < 3; ++i)
      size += log_share(x.value[2 + i], u[5 + 2 * i], u[6 + 2 * i]);
    T gap = T(-std::numeric_limits<double>::infinity());
    const double after = x.value[5];
    if (after < std::min(std::min(x.value[2], x.value[3]), x.value[4])) {
      gap = u[11] - after * exp(-u[12]) + u[13] + u[14] * x.log[1] - u[15] * size;
      for (std::size_t i = 0; i < 3; ++i) {
        if (std::isinf(x.value[2 + i])) continue;
        gap += log(1.0 - exp(-exp(u[16 + i]) * (x.value[2 + i] - after)));
      }
    }
    return log_sum_exp<T, 4>({u[0] - u[1] * size, u[2] - u[3] * x.log[1], u[4], gap});
  }
};

/// Rivals of the effective parameter count: a sum or a product of powers of the bits.
struct PowerOfBits {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 11;
  bool multiplies = false;

  LawInfo info() const {
    LawInfo info = {multiplies ? "multiplicative" : "additive",
                    multiplies ? "E + (A/N^alpha + B/D^beta)*prod_x (1 + C_x/P_x^c_x)"
                               : "E + A/N^alpha + B/D^beta + sum_x C_x/P_x^c_x",
                    "rivals in Kumar et al. 2024, arXiv 2411.04330; this form is the project's",
                    "loss",
                    {kSize, kData},
                    {scale("A"), exponent("alpha"), scale("B"), exponent("beta"), floor_loss("E")}};
    for (const Variable& bits : tensor_bits({"C_", "c_"})) info.variables.push_back(bits);
    for (const std::string tensor : {"w", "a", "kv"}) {
      info.parameters.push_back(positive("C_" + tensor, {0.1, 1.0, 10.0}));
      info.parameters.push_back(positive("c_" + tensor, {1.0, 3.0}));
    }
    return info;
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    const T minus_infinity = T(-std::numeric_limits<double>::infinity());
    std::array<T, 3> bits = {minus_infinity, minus_infinity, minus_infinity};
    T factor(0.0);
    for (std::size_t i = 0; i < 3; ++i) {
      if (std::isinf(x.value[2 + i])) continue;
      bits[i] = u[5 + 2 * i] - exp(u[6 + 2 * i]) * x.log[2 + i];
      if (multiplies) factor += log_sum_exp<T, 2>({T(0.0), bits[i]});
    }
    const T size = u[0] - u[1] * x.log[0];
    const T data = u[2] - u[3] * x.log[1];
    if (multiplies) return log_sum_exp<T, 3>({size + factor, data + factor, u[4]});
    return log_sum_exp<T, 6>({size, data, u[4], bits[0], bits[1], bits[2]});
  }
};

struct Sun {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 8;
  bool gap_only = false;

  LawInfo info() const {
    const std::string gap = "(D^beta/N^alpha)*log2B/(gamma*(E + 0.5)^delta*(M + 0.5)^nu)";
    LawInfo info = {gap_only ? "sun_gap" : "sun",
                    gap_only ? gap : "n/N^alpha + d/D^beta + eps + " + gap,
                    "Sun et al. 2025, arXiv 2501.02423",
                    gap_only ? "gap" : "loss",
                    {kSize,
                     kData,
                     {"E", "exponent bits", {}, {}},
                     {"M", "trailing bits", {}, {}},
                     {"log2B", "log2 of the block; 13.1567 for a channel", {}, {}}},
                    {exponent("alpha"), exponent("beta"), positive("gamma", {1e2, 1e4}),
                     positive("delta", {1.0, 3.0}), positive("nu", {1.0, 3.0})}};
    if (!gap_only) {
      info.parameters.push_back(scale("n"));
      info.parameters.push_back(scale("d"));
      info.parameters.push_back(floor_loss("eps"));
    }
    return info;
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    const T gap = u[1] * x.log[1] - u[0] * x.log[0] + x.log[4] - u[2] -
                  exp(u[3]) * log(x.value[2] + 0.5) - exp(u[4]) * log(x.value[3] + 0.5);
    if (gap_only) return gap;
    return log_sum_exp<T, 4>({u[5] - u[0] * x.log[0], u[6] - u[1] * x.log[1], u[7], gap});
  }
};

struct Chen {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 9;
  bool gap_only = false;

  LawInfo info() const {
    const Variable group = {"G", "elements that share a scale", 2.0, {"gG"}};
    LawInfo info = {
        gap_only ? "chen_gap" : "chen",
        gap_only ? "k*D^gD*(log2 G)^gG/N^gN" : "E + A/N^alpha + B/D^beta + k*D^gD*(log2 G)^gG/N^gN",
        "Chen et al. 2025, arXiv 2505.14302",
        gap_only ? "gap" : "loss",
        {kSize, kData, group},
        {positive("k", {1e-3, 1e-1, 10.0}), trend("gD"), trend("gG"), trend("gN")}};
    if (!gap_only) {
      for (const Parameter& parameter :
           {scale("A"), exponent("alpha"), scale("B"), exponent("beta"), floor_loss("E")}) {
        info.parameters.push_back(parameter);
      }
    }
    return info;
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    const double group = log(x.log[2] / log(2.0));
    const T gap = u[0] + u[1] * x.log[1] + u[2] * group - u[3] * x.log[0];
    if (gap_only) return gap;
    return log_sum_exp<T, 4>({u[4] - u[5] * x.log[0], u[6] - u[7] * x.log[1], u[8], gap});
  }
};

struct Qid {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 4;

  LawInfo info() const {
    return {"qid",
            "k*D^b/(N^a*P^c)",
            "Ouyang et al. 2024, arXiv 2411.17691",
            "gap",
            {kSize, kData, {"P", "bits", {}, {}}},
            {positive("k", {1e-3, 1e-1, 10.0}), trend("b"), trend("a"), trend("c")}};
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    return u[0] + u[1] * x.log[1] - u[2] * x.log[0] - u[3] * x.log[2];
  }
};

struct QatShare {
  static constexpr bool kWantsCurves = false;
  static constexpr std::size_t kParameters = 1;

  LawInfo info() const {
    return {"qat_share",
            "exp(-a/ln(8*D/(N*P)))",
            "Dremov et al. 2025, arXiv 2509.22935",
            "share",
            {kSize, kData, {"P", "bits of the weights", {}, {}}},
            {positive("a", {1.0, 10.0})}};
  }

  template <typename T>
  T log_value(const Row& x, const T* u) const {
    return -exp(u[0]) / (log(8.0) + x.log[1] - x.log[0] - x.log[2]);
  }
};

}  // namespace

std::vector<std::shared_ptr<const Law>> precision_laws() {
  return {law_of(KumarTraining{true, false}),
          law_of(KumarTraining{false, false}),
          law_of(KumarTraining{true, true}),
          law_of(PowerOfBits{false}),
          law_of(PowerOfBits{true}),
          law_of<KumarPtq>(),
          law_of(KumarUnified{true}),
          law_of(KumarUnified{false}),
          law_of(Sun{false}),
          law_of(Sun{true}),
          law_of(Chen{false}),
          law_of(Chen{true}),
          law_of<Qid>(),
          law_of<QatShare>()};
}

}  // namespace halfulp::laws
