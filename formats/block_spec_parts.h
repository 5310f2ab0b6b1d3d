// Pieces of the text of a block format, with their places for error messages. For block_spec.cc.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "formats/spec_parts.h"

namespace halfulp::block_spec {

using spec_parts::Part;
using spec_parts::split;
using spec_parts::trimmed;

inline spec_parts::Source source_of(std::string_view whole) { return {"block format", whole}; }

[[noreturn]] inline void fail(std::string_view whole, const Part& part,
                              const std::string& message) {
  spec_parts::fail(source_of(whole), part, message);
}

inline void in_part(std::string_view whole, const Part& part, const std::function<void()>& parse) {
  spec_parts::in_part(source_of(whole), part, parse);
}

inline int read_number(std::string_view whole, const Part& part, std::string_view what, int low,
                       int high) {
  return spec_parts::read_number(source_of(whole), part, what, low, high);
}

}  // namespace halfulp::block_spec
