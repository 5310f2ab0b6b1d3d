#include "formats/ordered_format.h"

#include <stdexcept>

namespace halfulp::ordered {

namespace {

[[noreturn]] void refuse() {
  throw std::invalid_argument("this family of formats is not built in");
}

}  // namespace

bool is_ordered(const Format& format) {
  return !std::holds_alternative<FloatFormat>(format) &&
         !std::holds_alternative<IntegerFormat>(format);
}

int width(const Format&) { refuse(); }

Number decode(const Format&, Code) { refuse(); }

Code encode(const Format&, const Number&) { refuse(); }

Number round_to(const Format&, const RoundSpec&, const WideNumber&, std::uint64_t, Flags&) {
  refuse();
}

Number max_finite(const Format&) { refuse(); }

Number lowest_finite(const Format&) { refuse(); }

Number min_positive(const Format&) { refuse(); }

int precision(const Format&) { refuse(); }

bool has_nan(const Format&) { refuse(); }

std::uint64_t finite_code_count(const Format&) { refuse(); }

bool fits_binary32(const Format&) { refuse(); }

std::string format_fault(const Format&) { refuse(); }

std::optional<Format> parse(std::string_view, int) { return std::nullopt; }

std::string to_spec(const Format&) { refuse(); }

}  // namespace halfulp::ordered
