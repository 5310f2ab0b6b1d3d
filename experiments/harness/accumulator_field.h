// Values of FieldType::accumulator: a spec string, or a TOML table that stands for one.
//
//   { format = "e8m13", rounding = "toward_zero", order = "blocked(32)", product = "e5m10",
//     promote = 128, outer = "binary32" }
//   { aligned = { terms = 16, bits = 25 }, format = "binary32", rounding = "toward_zero" }
//   { preset = "h100", operands = ["e4m3fn", "e5m2"] }
#pragma once

#include <optional>
#include <string>

#include "experiments/config.h"
#include "experiments/harness/diagnostics.h"
#include "experiments/harness/toml_tree.h"

namespace halfulp::harness {

/// The canonical spec of `node`, a text or a table, or one of the field's choices. Adds complaints
/// at the place of the key or value that is wrong and returns nothing when there are any.
std::optional<Value> read_accumulator(const Field& field, const TomlNode& node,
                                      Diagnostics& diagnostics);

}  // namespace halfulp::harness
