#include "formats/cli/accumulators.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string>

#include "formats/accumulator_spec.h"
#include "formats/cli/facts.h"
#include "formats/named_accumulators.h"
#include "formats/spelling.h"

namespace halfulp::cli {

namespace {

constexpr std::array<std::string_view, 4> kMethods = {"aligned", "kahan", "two_sum", "exact"};

/// The lower-case name before the first bracket or option.
std::string head_of(std::string_view text) {
  TextCursor cursor(text, "accumulator");
  return lower_case(cursor.take_until("(+"));
}

std::string list_of(const std::vector<std::string_view>& names, std::string_view separator,
                    std::string_view quote) {
  std::string text;
  for (const std::string_view name : names) {
    text += text.empty() ? "" : separator;
    text.append(quote).append(name).append(quote);
  }
  return text;
}

}  // namespace

bool names_accumulator(std::string_view text) {
  const std::string head = head_of(text);
  return find_named_accumulator(head) != nullptr ||
         std::find(kMethods.begin(), kMethods.end(), head) != kMethods.end();
}

void print_accumulator(std::string_view text) {
  const AccumulatorSpec spec = parse_accumulator(text);
  fmt::print("{}\n", to_spec(spec));
  const NamedAccumulator* row = find_named_accumulator(head_of(text));
  if (row == nullptr) return;
  print_fact("preset", std::string(row->name));
  print_fact("rule", std::string(row->summary));
  if (!row->operands.empty()) print_fact("operands", list_of(row->operands, " ", ""));
  if (!row->aliases.empty()) print_fact("also read", list_of(row->aliases, " ", ""));
  const bool is_hardware = !row->operands.empty();
  print_fact("source", is_hardware ? fmt::format("{} ({})", row->source, kAsPublished)
                                   : std::string(row->source));
}

void print_accumulators(bool markdown) {
  if (!markdown) {
    for (const NamedAccumulator& row : named_accumulators()) {
      fmt::print("{:<23} {}\n{:<23} {}\n", row.name, row.summary, "", row.source);
    }
    fmt::print("Rules of matrix engines {}.\n", kAsPublished);
    return;
  }
  fmt::print("| preset | operands | rule | also read | source |\n|---|---|---|---|---|\n");
  for (const NamedAccumulator& row : named_accumulators()) {
    fmt::print("| `{}` | {} | {} | {} | {} |\n", row.name, list_of(row.operands, " ", "`"),
               row.summary, list_of(row.aliases, " ", "`"), row.source);
  }
}

}  // namespace halfulp::cli
