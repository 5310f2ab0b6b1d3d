// ulp explain: why a number becomes the number it becomes.
#include <fmt/core.h>

#include <cmath>
#include <cstdio>
#include <optional>
#include <stdexcept>

#include "formats/cli/facts.h"
#include "formats/cli/line_protocol.h"
#include "formats/cli/policy.h"
#include "formats/cli/verbs.h"
#include "formats/codec.h"
#include "formats/number_text.h"
#include "formats/properties.h"
#include "formats/round.h"
#include "formats/spacing.h"
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

/// What is explained: the word and the number that it spells.
struct Typed {
  const Word& word;
  WideNumber x;
};

Number rounded(const Format& format, Rounding rounding, const Typed& operand) {
  Flags ignored;
  return round_operand(format, {rounding, Overflow::saturate}, operand.word, operand.x, 0, ignored);
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
  const RoundSpec away{Rounding::nearest_away, Overflow::saturate};
  Flags ignored;
  const Number up = round_to(format, away, x, 0, ignored);
  const Number down = round_to(format, away, slightly_smaller(x), 0, ignored);
  return encode(format, up) != encode(format, down);
}

/// As to_text, or the leading bits where these tell neighbours apart and it does not.
std::string number_text(const Number& x, bool all_bits) {
  if (!all_bits || !x.sticky) return to_text(x);
  Number cut = x;
  cut.sticky = false;
  return to_hex_float(cut) + "...";
}

std::string described(const Format& format, const Number& x, bool all_bits = false) {
  return fmt::format("{:<23} code {}", number_text(x, all_bits),
                     code_text(format, encode(format, x)));
}

/// The bits of the code; for floats in groups with the names of the fields.
std::string bits_text(const Format& format, Code code) {
  std::string text;
  const auto* f = std::get_if<FloatFormat>(&format);
  for (int i = width(format) - 1; i >= 0; --i) {
    text += ((code >> i) & 1) != 0 ? '1' : '0';
    const bool ends_field =
        f != nullptr && ((f->is_signed && i == width(format) - 1) || i == f->trailing_bits);
    if (ends_field && i > 0) text += ' ';
  }
  if (f == nullptr) return text;
  return text + "   " +
         field_names({{"sign", f->is_signed ? 1 : 0},
                      {"exponent", f->exponent_bits},
                      {"trailing significand", f->trailing_bits}});
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
  bool all_bits;   ///< they differ, and to_text() does not tell
};

Neighbours neighbours_of(const Format& format, const Typed& operand) {
  Flags flags;
  const Number below = round_operand(format, {Rounding::toward_negative, Overflow::saturate},
                                     operand.word, operand.x, 0, flags);
  const Number above = rounded(format, Rounding::toward_positive, operand);
  const bool all_bits =
      encode(format, below) != encode(format, above) && to_text(below) == to_text(above);
  return {below, above, !flags.inexact, all_bits};
}

/// The families whose nearest rounding compares bit strings; empty for others.
std::string_view tapered_name(const Format& format) {
  if (std::holds_alternative<PositFormat>(format)) return "posits";
  return std::holds_alternative<TakumFormat>(format) ? "takums" : "";
}

/// Why the nearest number is it.
std::string nearest_text(const Format& format, const Neighbours& near, const Typed& operand,
                         const std::optional<GapPosition>& position) {
  const Number nearest = rounded(format, Rounding::nearest_even, operand);
  const std::string text = number_text(nearest, near.all_bits);
  const std::string_view family = tapered_name(format);
  if (family.empty()) return "no: nearer to " + text;
  if (near.below.kind == Kind::zero || near.above.kind == Kind::zero) {
    return fmt::format("no: {}, since {} never round to 0", text, family);
  }
  const int side = encode(format, nearest) == encode(format, near.above) ? 1 : -1;
  if (position && position->side * side > 0) return "no: nearer to " + text;
  return fmt::format("no: nearest by bit string is {} ({} compare bit strings, not values)", text,
                     family);
}

/// How far x lies from the lower to the upper neighbour.
void print_position(const Format& format, const Neighbours& near, const Typed& operand) {
  const std::optional<GapPosition> position = position_in_gap(operand.x, near.below, near.above);
  if (is_tie(format, operand.x)) {
    const bool is_half = tapered_name(format).empty() || (position && position->side == 0);
    print_line(
        "tie",
        fmt::format("yes{}: nearest_even gives {}, nearest_away {}",
                    is_half ? "" : ", of bit strings",
                    number_text(rounded(format, Rounding::nearest_even, operand), near.all_bits),
                    number_text(rounded(format, Rounding::nearest_away, operand), near.all_bits)));
    if (is_half) return;
  } else {
    print_line("tie", nearest_text(format, near, operand, position));
  }
  if (!position || position->share <= 0 || position->share >= 1) return;
  const bool has_gap = position->gap > 0 && std::isfinite(position->gap);
  print_line("position", fmt::format("{:.6g} of the gap{}", position->share,
                                     has_gap ? fmt::format(" of {:.6g}", position->gap) : ""));
}

/// What the number would lie between if the exponent had no end.
void print_unbounded(const Format& format, const Typed& operand) {
  const std::optional<Format> wider = with_more_range(format);
  if (!wider) return;
  const Neighbours grid = neighbours_of(*wider, operand);
  if (grid.is_member) {
    print_line("unbounded", to_text(grid.below) + " would be a number if the exponent went on");
    return;
  }
  if (encode(*wider, grid.below) == encode(*wider, grid.above)) return;  // beyond that range too
  print_line("unbounded", "between " + to_text(grid.below) + " and " + to_text(grid.above) +
                              " if the exponent went on");
  print_position(*wider, grid, operand);
}

/// For a number that every mode takes to `only`: beyond an end, or where small numbers are missing.
void print_outside(const Format& format, const Number& only, const Typed& operand) {
  const auto* f = std::get_if<FloatFormat>(&format);
  const bool negative = operand.x.negative;
  const auto is_only = [&](const Number& end) {
    return encode(format, only) == encode(format, end);
  };
  if (f != nullptr && only.kind == Kind::zero && (f->is_signed || !negative)) {
    print_line("flushed", "numbers below " + to_text(min_normal(format)) + " are read as zero");
  } else if (is_only(max_finite(format)) && !(negative && is_only(lowest_finite(format)))) {
    print_line("largest", described(format, max_finite(format)));
    print_unbounded(format, operand);
  } else if (negative && !lowest_finite(format).negative) {
    print_line("lowest", described(format, only) + "; there are no negative numbers");
  } else if (f != nullptr && !f->has_zero && (!negative || !is_only(lowest_finite(format)))) {
    print_line("smallest", described(format, only) + "; there is no zero");
  } else {
    print_line("lowest", described(format, only));
    if (negative) print_unbounded(format, operand);
  }
}

/// Returns whether the neighbours need all their bits to differ.
bool print_neighbours(const Format& format, const Typed& operand) {
  const Neighbours near = neighbours_of(format, operand);
  if (near.is_member) {
    print_line("member", "yes: the format has this number");
  } else if (encode(format, near.below) == encode(format, near.above)) {
    print_outside(format, near.below, operand);
  } else {
    print_line("below", described(format, near.below, near.all_bits));
    print_line("above", described(format, near.above, near.all_bits));
    print_position(format, near, operand);
  }
  return near.all_bits;
}

void explain(const Policy& policy, const Word& word, std::uint64_t random) {
  const Typed operand{word, read_operand(policy.format, word)};
  fmt::print("{} in {}\n", word.text, to_text(policy));
  print_line("exact", exact_text(operand.x, word.text));
  const bool all_bits = operand.x.kind == Kind::finite && print_neighbours(policy.format, operand);
  Flags flags;
  const Number result = round_operand(policy.format, policy.spec, word, operand.x, random, flags);
  const Code code = encode(policy.format, result);
  print_line("result", described(policy.format, result, all_bits));
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
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
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
