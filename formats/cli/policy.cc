#include "formats/cli/policy.h"

#include <fmt/format.h>

#include "formats/cli/verbs.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp::cli {

namespace {

/// Takes the text before the next '+' that is not inside parentheses, and the '+'.
std::string_view take_part(std::string_view& text) {
  int depth = 0;
  std::size_t end = 0;
  for (; end < text.size() && (depth > 0 || text[end] != '+'); ++end) {
    depth += text[end] == '(' ? 1 : text[end] == ')' ? -1 : 0;
  }
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

/// Reads a rounding or an overflow policy into `spec`.
void read_option(std::string_view part, RoundSpec& spec) {
  RoundSpec rounded = spec;
  try {
    rounded.overflow = parse_overflow(part);
  } catch (const SpecError&) {
    rounded.random_bits = 0;
    parse_rounding(part, rounded);  // its complaint is the one shown
  }
  spec = rounded;
}

}  // namespace

Policy read_policy(std::string_view text, const Arguments& arguments) {
  Policy policy;
  policy.format = read_format(take_part(text));
  parse_rounding(arguments.value("--rounding", "nearest_even"), policy.spec);
  policy.spec.overflow = parse_overflow(arguments.value("--overflow", "saturate"));
  while (!text.empty()) read_option(take_part(text), policy.spec);
  check_round_spec(policy.format, policy.spec);
  return policy;
}

std::string to_text(const Policy& policy) {
  return fmt::format("{}+{}+{}", to_spec(policy.format), rounding_to_string(policy.spec),
                     to_string(policy.spec.overflow));
}

}  // namespace halfulp::cli
