// A format as one line of JSON: what `ulp list --json` and `ulp show --json` print.
#pragma once

#include <string>

#include "formats/format.h"

namespace halfulp::cli {

/// {"name":"e4m3fn","bits":8,"family":"float","exponent_bits":4,...,"max":448,...}: the parameters
/// of its family, then properties; names and source of a named format. Numbers that binary64 cannot
/// hold are texts.
std::string format_json(const Format& format);

}  // namespace halfulp::cli
