// Probability distributions with mean 0 and variance 1: density, partial moments in closed form,
// and samples with pinned bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sim/random.h"

namespace halfulp {

/// All have variance 1: uniform on (-sqrt(3), sqrt(3)); Laplace with rate sqrt(2); Student's t
/// scaled by sqrt((degrees - 2) / degrees).
struct Distribution {
  enum class Kind : std::uint8_t { uniform, normal, laplace, student_t };
  Kind kind = Kind::normal;
  int degrees = 0;  ///< of freedom; student_t only, at least 3
  friend bool operator==(const Distribution&, const Distribution&) = default;
};

/// "uniform", "normal", "laplace", "student_t5".
std::string to_string(const Distribution& distribution);
/// Reads what to_string() prints. Throws SpecError.
Distribution parse_distribution(std::string_view text);

/// Largest magnitude with positive density; infinity but for the uniform distribution.
double support(const Distribution& distribution);

double density(const Distribution& distribution, double x);

/// Integrals over (x, infinity) for x >= 0: of the density p, of t p(t) and of t^2 p(t).
struct TailMoments {
  double probability, first, second;
};

TailMoments tail_moments(const Distribution& distribution, double x);

/// Sample `index` of `stream`, from random words 4 index to 4 index + 3: uniform and Laplace by the
/// inverse distribution function, normal by Box and Muller, Student's t by Bailey's polar form
/// (Math. Comp. 62, 1994). Uniform numbers have 52 bits, so |normal| < 8.6.
double sample(const Distribution& distribution, const RandomStream& stream, std::uint64_t index);

/// out[i] = sample(first_index + i) rounded to binary32.
void sample(const Distribution& distribution, const RandomStream& stream, std::uint64_t first_index,
            float* out, std::size_t n);

}  // namespace halfulp
