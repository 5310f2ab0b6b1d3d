// A format with what the name leaves open, as the verbs that compare and explain take it:
// FORMAT{+rounding|+overflow}, for example e4m3fn+stochastic(8)+nan.
#pragma once

#include <string>
#include <string_view>

#include "formats/cli/arguments.h"
#include "formats/format.h"
#include "formats/rounding.h"

namespace halfulp::cli {

struct Policy {
  Format format;
  RoundSpec spec;
};

/// Options --rounding and --overflow of `arguments` (where the verb has them) are the defaults of
/// what `text` does not say. Throws SpecError, UsageError.
Policy read_policy(std::string_view text, const Arguments& arguments);

/// "e4m3fn+nearest_even+saturate".
std::string to_text(const Policy& policy);

}  // namespace halfulp::cli
