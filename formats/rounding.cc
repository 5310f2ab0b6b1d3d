#include "formats/rounding.h"

#include <array>
#include <charconv>
#include <span>
#include <vector>

#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp {

namespace {

constexpr std::array<std::string_view, 7> kRoundingNames = {
    "nearest_even",    "nearest_away", "toward_zero", "toward_positive",
    "toward_negative", "to_odd",       "stochastic"};

constexpr std::array<std::string_view, 7> kOverflowNames = {
    "infinity", "saturate", "nan", "wrap", "error", "propagate", "sat_none"};

constexpr std::array<std::string_view, 3> kVariantNames = {"truncate", "unbiased", "rounded"};

/// A spelling without separators, and the index of its enumerator.
struct Synonym {
  std::string_view spelling;
  std::size_t index;
};

constexpr Synonym kRoundingSynonyms[] = {
    {"rne", 0},
    {"even", 0},
    {"rn", 0},
    {"tietoeven", 0},
    {"tiestoeven", 0},
    {"nearesttiestoeven", 0},
    {"aprndconv", 0},
    {"roundtiestoeven", 0},
    {"rna", 1},
    {"halfaway", 1},
    {"away", 1},
    {"tiestoaway", 1},
    {"nearesttiestoaway", 1},
    {"aprndinf", 1},
    {"roundtiestoaway", 1},
    {"rz", 2},
    {"truncate", 2},
    {"trunc", 2},
    {"zero", 2},
    {"trnzero", 2},
    {"aptrnzero", 2},
    {"roundtowardzero", 2},
    {"ru", 3},
    {"up", 3},
    {"ceil", 3},
    {"rp", 3},
    {"roundtowardpositive", 3},
    {"rd", 4},
    {"down", 4},
    {"rm", 4},
    {"roundtowardnegative", 4},
    {"aptrn", 4},
    {"ro", 5},
    {"odd", 5},
    {"jam", 5},
    {"toodd", 5},
    {"sr", 6},
    {"rs", 6},
    {"stochasticweighted", 6},
    {"cvtrs", 6},
};

constexpr Synonym kOverflowSynonyms[] = {
    {"inf", 0},    {"overflowinf", 0}, {"ieee", 0},   {"sat", 1},   {"satfinite", 1},
    {"satmax", 1}, {"clamp", 1},       {"modulo", 3}, {"throw", 4}, {"satpropagate", 5},
    {"apsat", 1},  {"apwrap", 3},      {"ovfinf", 6},
};

constexpr std::size_t kNotFound = ~std::size_t{0};

std::size_t find_enumerator(std::string_view key, std::span<const std::string_view> names,
                            std::span<const Synonym> synonyms) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (key == without_separators(names[i])) return i;
  }
  for (const Synonym& synonym : synonyms) {
    if (key == synonym.spelling) return synonym.index;
  }
  return kNotFound;
}

[[noreturn]] void refuse_unknown(std::string_view kind, std::string_view text,
                                 std::span<const std::string_view> names, int column) {
  const std::vector<std::string> candidates(names.begin(), names.end());
  std::vector<std::string> near = nearest_names(text, candidates);
  if (near.empty()) {
    throw SpecError("unknown " + std::string(kind) + " '" + shortened(text) + "' at column " +
                        std::to_string(column) + "; known: " + joined(candidates),
                    column);
  }
  throw SpecError("unknown " + std::string(kind) + " '" + shortened(text) + "' at column " +
                      std::to_string(column) + "; did you mean " + joined(near) + "?",
                  column);
}

/// Names that two projects use for different modes.
void refuse_ambiguous_rounding(std::string_view key, int column) {
  const auto refuse = [&](const char* readings) {
    throw SpecError("rounding '" + std::string(key) + "' at column " + std::to_string(column) +
                        " has two readings: " + readings,
                    column);
  };
  if (key == "nearest") {
    refuse("nearest_even (IEEE 754) and nearest_away (QPyTorch, microxcaling)");
  }
  if (key == "trn") {
    refuse("toward_negative (AP_TRN, APyTypes) and toward_zero (AP_TRN_ZERO)");
  }
  if (key == "floor") refuse("toward_negative (IEEE 754) and toward_zero (microxcaling)");
}

/// A variant by its name or by its letter in IEEE P3109.
StochasticVariant take_variant(TextCursor& cursor) {
  constexpr std::array<std::string_view, 3> kLetters = {"a", "b", "c"};
  for (std::size_t i = 0; i < kVariantNames.size(); ++i) {
    if (cursor.take_word(kVariantNames[i]) || cursor.take_word(kLetters[i]))
      return static_cast<StochasticVariant>(i);
  }
  cursor.fail("expected truncate, unbiased or rounded (P3109's a, b, c)");
}

/// Names that tell the variant: P3109's letters and gfloat's.
struct StochasticName {
  std::string_view key;
  StochasticVariant variant;
};

constexpr StochasticName kStochasticNames[] = {
    {"stochastica", StochasticVariant::truncate},
    {"stochasticfastest", StochasticVariant::truncate},
    {"stochasticb", StochasticVariant::unbiased},
    {"stochasticfast", StochasticVariant::unbiased},
    {"stochasticc", StochasticVariant::rounded},
};

const StochasticName* find_stochastic(std::string_view key) {
  for (const StochasticName& name : kStochasticNames) {
    if (name.key == key) return &name;
  }
  return nullptr;
}

int take_random_bits(TextCursor& cursor) {
  if (cursor.take_word("bits")) cursor.expect('=');
  return cursor.take_integer("the number of random bits", 1, 32);
}

/// (N) behind a name that tells the variant.
void parse_named_stochastic(TextCursor& cursor, StochasticVariant variant, RoundSpec& spec) {
  cursor.expect('(');
  const int random_bits = take_random_bits(cursor);
  cursor.expect(')');
  cursor.expect_end();
  spec.rounding = Rounding::stochastic;
  spec.random_bits = random_bits;
  spec.variant = variant;
}

/// The arguments of stochastic(N[,variant]).
void parse_stochastic_arguments(TextCursor& cursor, RoundSpec& spec) {
  spec.random_bits = take_random_bits(cursor);
  if (cursor.take(',')) {
    spec.variant = take_variant(cursor);
  }
  cursor.expect(')');
  cursor.expect_end();
}

}  // namespace

std::string_view to_string(Rounding rounding) {
  return kRoundingNames[static_cast<std::size_t>(rounding)];
}

std::string_view to_string(Overflow overflow) {
  return kOverflowNames[static_cast<std::size_t>(overflow)];
}

std::string rounding_to_string(const RoundSpec& spec) {
  std::string text(to_string(spec.rounding));
  if (spec.rounding != Rounding::stochastic) return text;
  text += "(" + std::to_string(spec.random_bits);
  if (spec.variant != StochasticVariant::truncate) {
    text += "," + std::string(kVariantNames[static_cast<std::size_t>(spec.variant)]);
  }
  return text + ")";
}

std::string to_string(const Flags& flags) {
  std::vector<std::string> names;
  if (flags.inexact) names.emplace_back("inexact");
  if (flags.overflow) names.emplace_back("overflow");
  if (flags.underflow) names.emplace_back("underflow");
  if (flags.invalid) names.emplace_back("invalid");
  if (flags.divide_by_zero) names.emplace_back("divzero");
  return names.empty() ? "-" : joined(names, ",");
}

void parse_rounding(std::string_view text, RoundSpec& spec) {
  TextCursor cursor(text, "rounding");
  const int column = cursor.column();
  const std::string_view word = cursor.take_until("(");
  const std::string key = without_separators(lower_case(word));
  refuse_ambiguous_rounding(key, column);
  if (const auto* named = find_stochastic(key)) {
    parse_named_stochastic(cursor, named->variant, spec);
    return;
  }
  const std::size_t index = find_enumerator(key, kRoundingNames, kRoundingSynonyms);
  if (index == kNotFound) refuse_unknown("rounding", word, kRoundingNames, column);

  RoundSpec parsed = spec;
  parsed.rounding = static_cast<Rounding>(index);
  parsed.random_bits = 0;
  parsed.variant = StochasticVariant::truncate;
  if (parsed.rounding != Rounding::stochastic) {
    cursor.expect_end();
  } else if (cursor.take('(')) {
    parse_stochastic_arguments(cursor, parsed);
  } else {
    cursor.fail("expected the number of random bits, as in stochastic(16),");
  }
  spec = parsed;
}

Overflow parse_overflow(std::string_view text) {
  TextCursor cursor(text, "overflow");
  const int column = cursor.column();
  const std::string_view word = cursor.take_until("");
  const std::size_t index =
      find_enumerator(without_separators(lower_case(word)), kOverflowNames, kOverflowSynonyms);
  if (index == kNotFound) refuse_unknown("overflow policy", word, kOverflowNames, column);
  return static_cast<Overflow>(index);
}

}  // namespace halfulp
