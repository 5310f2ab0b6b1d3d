// ulp explain: why a number becomes the number it becomes.
#include <fmt/core.h>

#include <cstdio>
#include <optional>

#include "formats/cli/line_protocol.h"
#include "formats/cli/policy.h"
#include "formats/cli/verbs.h"
#include "formats/codec.h"
#include "formats/number_text.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp::cli {

namespace {

constexpr std::string_view kExplainHelp =
    "Why OPERAND becomes the number it becomes: its exact value, both neighbours in FORMAT,\n"
    "whether it is a tie, the policy, the result and its bits. OPERAND is a value or a code, as "
    "in\n"
    "`ulp help cast`. FORMAT may carry its policy: e4m3fn+toward_zero+nan.\n"
    "  --rounding R, --overflow O, --random HEX   as in `ulp help cast`\n"
    "  example: ulp explain 500 e4m3fn\n";

using Kind = Number::Kind;

void print_line(std::string_view name, const std::string& text) {
  fmt::print("  {:<12}{}\n", name, text);
}

Number rounded(const Format& format, Rounding rounding, const WideNumber& x) {
  Flags ignored;
  return round_to(format, {rounding, Overflow::saturate}, x, 0, ignored);
}

/// Every digit of `x`: it came from text, so 128 bits and perhaps more.
std::string exact_text(const WideNumber& x, std::string_view typed) {
  if (x.kind != Kind::finite) return std::string(typed);
  const int excess = std::max(0, bit_width(x.significand) - 64);
  const uint128 low = x.significand & low_code_bits(excess);
  const Number head{Kind::finite, x.negative, false, x.exponent + excess,
                    static_cast<std::uint64_t>(x.significand >> excess)};
  const bool whole = low == 0 && !x.sticky;
  return fmt::format("{} = {}{}", typed, to_hex_float(head), whole ? "" : "...");
}

/// A number just below |x|, for telling a tie from what lies above it.
WideNumber slightly_smaller(const WideNumber& x) {
  const int room = 128 - bit_width(x.significand);
  return {x.kind, x.negative, true, x.exponent - room, (x.significand << room) - 1};
}

/// A tie has few digits, so the last of 128 bits is free to tell what lies below.
bool is_tie(const Format& format, const WideNumber& x) {
  if (x.sticky) return false;
  const Number up = rounded(format, Rounding::nearest_away, x);
  const Number down = rounded(format, Rounding::nearest_away, slightly_smaller(x));
  return encode(format, up) != encode(format, down);
}

std::string described(const Format& format, const Number& x) {
  return fmt::format("{:<24}code {}", to_text(x), code_text(format, encode(format, x)));
}

/// The bits of the code in groups: sign, exponent and trailing significand for floats.
std::string bits_text(const Format& format, Code code) {
  std::string text;
  const auto* f = std::get_if<FloatFormat>(&format);
  for (int i = width(format) - 1; i >= 0; --i) {
    text += ((code >> i) & 1) != 0 ? '1' : '0';
    const bool ends_field =
        f != nullptr && ((f->is_signed && i == width(format) - 1) || i == f->trailing_bits);
    if (ends_field && i > 0) text += ' ';
  }
  return f == nullptr ? text : text + "   sign, exponent, trailing significand";
}

/// The same grid with room above its largest number, which shows what overflows; nothing where the
/// exponent field cannot grow.
std::optional<Format> with_more_range(const Format& format) {
  const auto* f = std::get_if<FloatFormat>(&format);
  if (f == nullptr || f->exponent_bits == 0 || f->exponent_bits > 13) return std::nullopt;
  FloatFormat wider = *f;
  wider.exponent_bits += 2;
  wider.non_finite = NonFinite::finite;
  return wider;
}

struct Neighbours {
  Number below;
  Number above;
  bool is_member;  ///< x itself is in the format
};

Neighbours neighbours_of(const Format& format, const WideNumber& x) {
  Flags flags;
  Number below = round_to(format, {Rounding::toward_negative, Overflow::saturate}, x, 0, flags);
  return {below, rounded(format, Rounding::toward_positive, x), !flags.inexact};
}

/// How far x lies from the lower to the upper neighbour.
void print_position(const Format& format, const Neighbours& near, const WideNumber& x) {
  if (is_tie(format, x)) {
    const Number even = rounded(format, Rounding::nearest_even, x);
    print_line("tie", "yes: nearest_even gives " + to_text(even) + ", nearest_away " +
                          to_text(rounded(format, Rounding::nearest_away, x)));
    return;
  }
  const Number nearest = rounded(format, Rounding::nearest_even, x);
  print_line("tie", "no: nearer to " + to_text(nearest));
  const double below = to_double(near.below);
  const double gap = to_double(near.above) - below;
  const Format binary64 = parse_format("binary64");
  const double value = to_double(rounded(binary64, Rounding::nearest_even, x));
  const double position = (value - below) / gap;
  if (position > 0 && position < 1) {
    print_line("position", fmt::format("{:.6g} of the gap of {:.6g}", position, gap));
  }
}

void print_neighbours(const Format& format, const WideNumber& x) {
  const Neighbours near = neighbours_of(format, x);
  if (near.is_member) {
    print_line("member", "yes: the format has this number");
    return;
  }
  const bool outside = encode(format, near.below) == encode(format, near.above);
  if (!outside) {
    print_line("below", described(format, near.below));
    print_line("above", described(format, near.above));
    print_position(format, near, x);
    return;
  }
  const Number end = x.negative ? lowest_finite(format) : max_finite(format);
  print_line(x.negative ? "lowest" : "largest", described(format, end));
  const std::optional<Format> wider = with_more_range(format);
  if (!wider || x.kind != Kind::finite) return;
  const Neighbours grid = neighbours_of(*wider, x);
  if (grid.is_member) {
    print_line("unbounded", to_text(grid.below) + " would be a number if the exponent went on");
    return;
  }
  print_line("unbounded", "between " + to_text(grid.below) + " and " + to_text(grid.above) +
                              " if the exponent went on");
  print_position(*wider, grid, x);
}

void explain(const Policy& policy, const Word& operand, std::uint64_t random) {
  const WideNumber x = read_operand(policy.format, operand);
  fmt::print("{} in {}\n", operand.text, to_text(policy));
  print_line("exact", exact_text(x, operand.text));
  if (x.kind == Kind::finite) print_neighbours(policy.format, x);
  Flags flags;
  const Number result = round_to(policy.format, policy.spec, x, random, flags);
  const Code code = encode(policy.format, result);
  print_line("result", described(policy.format, result));
  print_line("flags", to_string(flags));
  print_line("bits", bits_text(policy.format, code));
}

int run_explain(const Arguments& arguments) {
  if (arguments.positional().size() != 2) {
    throw UsageError("explain takes an operand and a FORMAT, for example: ulp explain 500 e4m3fn");
  }
  const std::string& typed = arguments.positional()[0];
  const Policy policy = read_policy(arguments.positional()[1], arguments);
  ResultOptions options = read_result_options(arguments, policy.format);
  options.spec = policy.spec;
  try {
    explain(policy, {typed, 1}, read_random(options, {}));
  } catch (const LineError& error) {
    throw UsageError(error.what());
  } catch (const OverflowError& error) {
    print_line("result", std::string("error: ") + error.what());
  }
  return 0;
}

}  // namespace

Verb explain_verb() {
  return {"explain",
          "OPERAND FORMAT [--rounding R] [--overflow O] [--random HEX]",
          "why a number becomes the number it becomes",
          kExplainHelp,
          {{"--rounding", true}, {"--overflow", true}, {"--random", true}},
          run_explain};
}

}  // namespace halfulp::cli
