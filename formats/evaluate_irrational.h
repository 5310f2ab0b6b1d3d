// evaluate() (arithmetic.h) where leading bits do not decide: operands or values of the result's
// format are irrational.
#pragma once

#include <cstdint>
#include <span>

#include "formats/format.h"
#include "formats/number.h"
#include "formats/operand.h"
#include "formats/operations.h"
#include "formats/rounding.h"

namespace halfulp {

/// The result, rounded once, of an operation that computes or takes a sign; `operands` are as many
/// as it takes.
Number evaluate_irrational(Operation operation, std::span<const Operand> operands,
                           const Format& format, const RoundSpec& spec, std::uint64_t random,
                           Flags& flags);

}  // namespace halfulp
