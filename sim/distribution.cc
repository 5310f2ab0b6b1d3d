#include "sim/distribution.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "formats/spec.h"
#include "sim/elementary.h"
#include "sim/special.h"

namespace halfulp {
namespace {

using Kind = Distribution::Kind;

constexpr double kSqrt2 = 1.4142135623730950488;
constexpr double kSqrt3 = 1.7320508075688772935;
constexpr double kInverseSqrtTwoPi = 0.39894228040143267794;
constexpr double kTwoPi = 6.2831853071795864769;
constexpr int kMaxDegrees = 100;

/// X = k T has variance 1.
double student_scale(int degrees) { return std::sqrt((degrees - 2.0) / degrees); }

TailMoments uniform_tail(double x) {
  if (x >= kSqrt3) return {0.0, 0.0, 0.0};
  return {(kSqrt3 - x) / (2.0 * kSqrt3), (3.0 - x * x) / (4.0 * kSqrt3),
          (3.0 * kSqrt3 - x * x * x) / (6.0 * kSqrt3)};
}

TailMoments normal_tail(double x) {
  const double p = 0.5 * pinned_erfc(x / kSqrt2);
  const double first = kInverseSqrtTwoPi * pinned_exp(-0.5 * x * x);
  return {p, first, x * first + p};
}

TailMoments laplace_tail(double x) {
  const double p = 0.5 * pinned_exp(-kSqrt2 * x);
  return {p, (x + 1.0 / kSqrt2) * p, (x * x + kSqrt2 * x + 1.0) * p};
}

/// t p(t) has the antiderivative -(n + t^2) / (n - 1) p(t); by parts, t^2 p(t) leads to the tail
/// of n - 2 degrees of freedom.
TailMoments student_tail(int degrees, double x) {
  const double n = degrees;
  const double k = student_scale(degrees);
  const double t = x / k;
  const double first = (n + t * t) / (n - 1.0) * student_t_density(degrees, t);
  const double second = t * first + n / (n - 2.0) * student_t_tail(degrees - 2, t * k);
  return {student_t_tail(degrees, t), k * first, k * k * second};
}

/// (j + 1/2) 2^-52 with j from the high word and 20 bits of the low one; exact.
double unit(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t j = std::uint64_t{high} << 20 | low >> 12;
  return (static_cast<double>(j) + 0.5) * 0x1p-52;
}

double from_words(const Distribution& distribution, const std::uint32_t* words) {
  const double u = unit(words[0], words[1]);
  const auto cosine = [&] { return pinned_cos(kTwoPi * unit(words[2], words[3])); };
  switch (distribution.kind) {
    case Kind::uniform:
      return kSqrt3 * (2.0 * u - 1.0);
    case Kind::normal:
      return std::sqrt(-2.0 * pinned_log(u)) * cosine();
    case Kind::laplace: {
      const double magnitude = -pinned_log(u) / kSqrt2;
      return (words[2] & 1U) != 0 ? -magnitude : magnitude;
    }
    case Kind::student_t:
      break;
  }
  const double n = distribution.degrees;
  const double power = pinned_exp(-2.0 / n * pinned_log(u));
  return student_scale(distribution.degrees) * std::sqrt(n * (power - 1.0)) * cosine();
}

}  // namespace

std::string to_string(const Distribution& distribution) {
  switch (distribution.kind) {
    case Kind::uniform:
      return "uniform";
    case Kind::normal:
      return "normal";
    case Kind::laplace:
      return "laplace";
    case Kind::student_t:
      break;
  }
  return "student_t" + std::to_string(distribution.degrees);
}

Distribution parse_distribution(std::string_view text) {
  for (const Kind kind : {Kind::uniform, Kind::normal, Kind::laplace}) {
    if (text == to_string(Distribution{kind})) return {kind};
  }
  for (int degrees = 3; degrees <= kMaxDegrees; ++degrees) {
    const Distribution candidate = {Kind::student_t, degrees};
    if (text == to_string(candidate)) return candidate;
  }
  throw SpecError("unknown distribution '" + std::string(text) +
                      "'; known: uniform, normal, laplace, student_tN with N from 3 to 100",
                  1);
}

double support(const Distribution& distribution) {
  return distribution.kind == Kind::uniform ? kSqrt3 : std::numeric_limits<double>::infinity();
}

double density(const Distribution& distribution, double x) {
  switch (distribution.kind) {
    case Kind::uniform:
      return std::fabs(x) < kSqrt3 ? 0.5 / kSqrt3 : 0.0;
    case Kind::normal:
      return kInverseSqrtTwoPi * pinned_exp(-0.5 * x * x);
    case Kind::laplace:
      return 0.5 * kSqrt2 * pinned_exp(-kSqrt2 * std::fabs(x));
    case Kind::student_t:
      break;
  }
  const double k = student_scale(distribution.degrees);
  return student_t_density(distribution.degrees, x / k) / k;
}

TailMoments tail_moments(const Distribution& distribution, double x) {
  if (x == std::numeric_limits<double>::infinity()) return {0.0, 0.0, 0.0};
  switch (distribution.kind) {
    case Kind::uniform:
      return uniform_tail(x);
    case Kind::normal:
      return normal_tail(x);
    case Kind::laplace:
      return laplace_tail(x);
    case Kind::student_t:
      break;
  }
  return student_tail(distribution.degrees, x);
}

double sample(const Distribution& distribution, const RandomStream& stream, std::uint64_t index) {
  std::uint32_t words[4];
  random_words(stream, 4 * index, words, 4);
  return from_words(distribution, words);
}

void sample(const Distribution& distribution, const RandomStream& stream, std::uint64_t first_index,
            float* out, std::size_t n) {
  constexpr std::size_t kChunk = 1024;
  std::uint32_t words[4 * kChunk];
  for (std::size_t done = 0; done < n; done += kChunk) {
    const std::size_t count = std::min(kChunk, n - done);
    random_words(stream, 4 * (first_index + done), words, 4 * count);
    for (std::size_t i = 0; i < count; ++i) {
      out[done + i] = static_cast<float>(from_words(distribution, words + 4 * i));
    }
  }
}

}  // namespace halfulp
