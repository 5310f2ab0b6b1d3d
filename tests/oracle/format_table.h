// Rounding to any format of up to 17 bits by a table of its values, made once.
#pragma once

#include <cstdint>

#include "formats/format.h"
#include "formats/rounding.h"
#include "tests/oracle/value_table.h"

namespace halfulp::oracle {

/// ValueTable for floats and integers, OrderedTable for the others. Not for several threads.
Rounded rounded_to(const Format& format, const RoundSpec& spec, double x, std::uint64_t random);

}  // namespace halfulp::oracle
