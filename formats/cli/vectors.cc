// ulp vectors: golden vectors of an operation, for checking hardware and other libraries.
#include <fmt/core.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <optional>
#include <random>
#include <stdexcept>

#include "formats/arithmetic.h"
#include "formats/cli/line_protocol.h"
#include "formats/cli/verbs.h"
#include "formats/codec.h"
#include "formats/power_sum.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp::cli {

namespace {

constexpr std::string_view kVectorsHelp =
    "Golden vectors, one a line: operand codes, R where rounding is stochastic, result code, "
    "flags,\n"
    "separated by tabs; lines with # say what they are. All operand tuples where they have up to\n"
    "24 bits together, else samples, one operand in four of them a corner (zero, ends, infinity,\n"
    "NaN, powers of two and their neighbours). Same options, same lines on every machine.\n"
    "Results that do not exist are -, with `error` (out of range under that policy) or `refused`\n"
    "(too large to wrap: its last bits are not computed) in place of flags.\n"
    "  --op OP          an operation of `ulp help eval`, or cast\n"
    "  --format FORMAT  of the result, and of the operands without --from\n"
    "  --from FORMATS   of the operands: one for all, or one for each, separated by commas\n"
    "  --samples N      samples, though all would be possible (10000 where they are not)\n"
    "  --seed S         of the samples and of R (0)\n"
    "  --rounding R, --overflow O   as in `ulp help cast`\n"
    "  example: ulp vectors --op fma --format bfloat16 --from e4m3fn,e5m2,bfloat16 --samples "
    "1000\n";

constexpr int kMostEnumeratedBits = 24;
constexpr std::uint64_t kDefaultSamples = 10'000;

/// What is computed: an operation, or a conversion where there is none.
struct Job {
  std::optional<Operation> operation;
  std::vector<Format> operands;
  Format result;
  RoundSpec spec;
};

/// Numbers where mistakes hide, as codes: zeros, ends, neighbours of powers, infinities, NaN.
std::vector<Code> corner_codes(const Format& format) {
  std::vector<Number> numbers = {max_finite(format), lowest_finite(format), min_positive(format),
                                 min_normal(format)};
  for (const int exponent : {-1, 0, 1, 2}) {
    Flags ignored;
    numbers.push_back(
        round_to(format, {}, Number{Number::Kind::finite, false, false, exponent, 1}, 0, ignored));
  }
  std::vector<Code> codes = {0, low_code_bits(width(format)), Code{1} << (width(format) - 1)};
  if (has_infinity(format)) codes.push_back(encode(format, {Number::Kind::infinity}));
  if (has_nan(format)) codes.push_back(encode(format, {Number::Kind::nan}));
  for (const Number& x : numbers) codes.push_back(encode(format, x));
  const std::size_t centres = codes.size();
  for (std::size_t i = 0; i < centres; ++i) {
    codes.push_back((codes[i] + 1) & low_code_bits(width(format)));
    codes.push_back((codes[i] - 1) & low_code_bits(width(format)));
  }
  return codes;
}

class Vectors {
 public:
  Vectors(const Job& job, std::uint64_t seed) : job_(job), generator_(seed) {}

  /// Writes all operand tuples in ascending order of their codes, the last operand fastest.
  void enumerate() {
    int bits = 0;
    for (const Format& format : job_.operands) bits += width(format);
    for (std::uint64_t index = 0; index < std::uint64_t{1} << bits; ++index) {
      std::uint64_t rest = index;
      for (std::size_t i = job_.operands.size(); i-- > 0;) {
        codes_[i] = rest & low_bits_of(i);
        rest >>= width(job_.operands[i]);
      }
      write();
    }
    flush();
  }

  /// Writes `count` tuples: an operand is a corner one time in four, else any code.
  void sample(std::uint64_t count) {
    std::vector<std::vector<Code>> corners;
    for (const Format& format : job_.operands) corners.push_back(corner_codes(format));
    for (std::uint64_t n = 0; n < count; ++n) {
      for (std::size_t i = 0; i < job_.operands.size(); ++i) {
        const std::uint64_t word = generator_();
        codes_[i] = word % 4 == 0 ? corners[i][(word >> 2) % corners[i].size()]
                                  : ((Code{generator_()} << 64) | generator_()) & low_bits_of(i);
      }
      write();
    }
    flush();
  }

 private:
  Code low_bits_of(std::size_t i) const { return low_code_bits(width(job_.operands[i])); }

  Number compute(std::uint64_t random, Flags& flags) const {
    std::array<Operand, 3> operands;
    for (std::size_t i = 0; i < job_.operands.size(); ++i) {
      operands[i] = operand_of(job_.operands[i], codes_[i]);
    }
    if (!job_.operation) {
      PowerSum value;
      value.add(operands[0]);
      return value.round(job_.result, job_.spec, random, flags);
    }
    return evaluate(*job_.operation, std::span<const Operand>(operands).first(job_.operands.size()),
                    job_.result, job_.spec, random, flags);
  }

  /// One line: operand codes, R where rounding is stochastic, result code, flags.
  void write() {
    const auto out = std::back_inserter(buffer_);
    for (std::size_t i = 0; i < job_.operands.size(); ++i) {
      fmt::format_to(out, "{}\t", code_text(job_.operands[i], codes_[i]));
    }
    std::uint64_t random = 0;
    if (job_.spec.rounding == Rounding::stochastic) {
      random = generator_() >> (64 - job_.spec.random_bits);
      fmt::format_to(out, "0x{:0{}x}\t", random, (job_.spec.random_bits + 3) / 4);
    }
    Flags flags;
    try {
      const Number result = compute(random, flags);
      const bool is_truth = job_.operation && is_predicate(*job_.operation);
      fmt::format_to(out, "{}\t{}\n",
                     is_truth ? (result.kind == Number::Kind::zero ? "0x0" : "0x1")
                              : code_text(job_.result, encode(job_.result, result)),
                     to_string(flags));
    } catch (const OverflowError&) {
      fmt::format_to(out, "-\terror\n");
    } catch (const std::invalid_argument&) {  // beyond what is computed modulo the range
      fmt::format_to(out, "-\trefused\n");
    }
    constexpr std::size_t kLarge = 1 << 16;
    if (buffer_.size() >= kLarge) flush();
  }

  void flush() {
    std::fwrite(buffer_.data(), 1, buffer_.size(), stdout);
    buffer_.clear();
  }

  const Job& job_;
  std::mt19937_64 generator_;  ///< its sequence is fixed by the C++ standard
  std::array<Code, 3> codes_{};
  fmt::memory_buffer buffer_;
};

std::uint64_t count_option(const Arguments& arguments, std::string_view name,
                           std::uint64_t otherwise) {
  if (!arguments.has(name)) return otherwise;
  const std::string text = arguments.value(name, "");
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw UsageError(fmt::format("{} takes a whole number, not '{}'", name, text));
  }
  return value;
}

Job read_job(const Arguments& arguments) {
  if (!arguments.has("--op") || !arguments.has("--format")) {
    throw UsageError(
        "vectors takes --op and --format, for example: ulp vectors --op add --format "
        "e4m3fn");
  }
  Job job;
  const std::string operation = arguments.value("--op", "");
  if (operation != "cast") job.operation = parse_operation(operation);
  job.result = read_format(arguments.value("--format", ""));
  const auto arity = static_cast<std::size_t>(job.operation ? describe(*job.operation).arity : 1);
  if (!job.operation && !arguments.has("--from")) {
    throw UsageError("cast needs --from FORMAT, the format of the operands");
  }
  job.operands = read_operand_formats(arguments, arity, job.result);
  job.spec = read_result_options(arguments, job.result).spec;
  return job;
}

void print_heading(const Job& job, std::string_view how) {
  fmt::print("# {} of", job.operation ? describe(*job.operation).name : "cast");
  for (const Format& format : job.operands) fmt::print(" {}", to_spec(format));
  fmt::print(" to {}+{}+{}, {}\n", to_spec(job.result), rounding_to_string(job.spec),
             to_string(job.spec.overflow), how);
  fmt::print("# ");
  for (std::size_t i = 0; i < job.operands.size(); ++i) fmt::print("{}\t", "xyz"[i]);
  fmt::print("{}result\tflags\n", job.spec.rounding == Rounding::stochastic ? "R\t" : "");
}

int run_vectors(const Arguments& arguments) {
  if (!arguments.positional().empty()) {
    throw UsageError("vectors takes options only, for example: --op add --format e4m3fn");
  }
  const Job job = read_job(arguments);
  int bits = 0;
  for (const Format& format : job.operands) bits += width(format);
  const std::uint64_t seed = count_option(arguments, "--seed", 0);
  Vectors vectors(job, seed);
  if (bits <= kMostEnumeratedBits && !arguments.has("--samples")) {
    print_heading(job, fmt::format("all {}", std::uint64_t{1} << bits));
    vectors.enumerate();
    return 0;
  }
  const std::uint64_t samples = count_option(arguments, "--samples", kDefaultSamples);
  print_heading(job, fmt::format("{} samples, seed {}", samples, seed));
  vectors.sample(samples);
  return 0;
}

}  // namespace

Verb vectors_verb() {
  return {"vectors",
          "--op OP --format FORMAT [--from FORMATS] [--samples N] [--seed S] [--rounding R]"
          " [--overflow O]",
          "golden vectors of an operation",
          kVectorsHelp,
          {{"--op", true},
           {"--format", true},
           {"--from", true},
           {"--samples", true},
           {"--seed", true},
           {"--rounding", true},
           {"--overflow", true}},
          run_vectors};
}

}  // namespace halfulp::cli
