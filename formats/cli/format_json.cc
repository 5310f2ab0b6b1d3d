#include "formats/cli/format_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <string_view>
#include <vector>

#include "formats/named_formats.h"
#include "formats/number_text.h"
#include "formats/properties.h"
#include "formats/spec.h"

namespace halfulp::cli {

namespace {

/// A number where binary64 holds it, else its hexadecimal text.
std::string json_number(const Number& x) {
  const std::string text = to_text(x);
  const bool plain = x.kind == Number::Kind::zero || std::isfinite(to_double(x));
  return plain && text.find('x') == std::string::npos ? text : "\"" + text + "\"";
}

struct Parameters {
  std::string operator()(const FloatFormat& f) const {
    constexpr std::string_view kLayouts[] = {"ieee", "fn", "fnuz", "finite", "p3109", "p3109,inf"};
    return fmt::format(
        "\"family\":\"float\",\"exponent_bits\":{},\"trailing_bits\":{},\"bias\":{},"
        "\"layout\":\"{}\",\"signed\":{}",
        f.exponent_bits, f.trailing_bits, f.bias, kLayouts[static_cast<std::size_t>(f.non_finite)],
        f.is_signed);
  }

  std::string operator()(const IntegerFormat& f) const {
    return fmt::format("\"family\":\"integer\",\"symmetric\":{},\"fraction_bits\":{},\"signed\":{}",
                       f.symmetric, f.fraction_bits, f.is_signed);
  }

  std::string operator()(const PositFormat& f) const {
    return fmt::format("\"family\":\"posit\",\"exponent_bits\":{},\"signed\":true",
                       f.exponent_bits);
  }

  std::string operator()(const TakumFormat& f) const {
    return fmt::format("\"family\":\"takum\",\"logarithmic\":{},\"signed\":true", f.logarithmic);
  }

  std::string operator()(const LogarithmicFormat& f) const {
    return fmt::format("\"family\":\"logarithmic\",\"fraction_bits\":{},\"signed\":true",
                       f.fraction_bits);
  }

  std::string operator()(const CodebookFormat&) const { return "\"family\":\"codebook\""; }
};

}  // namespace

std::string format_json(const Format& format) {
  std::string text = fmt::format(
      "{{\"name\":\"{}\",\"bits\":{},{},\"max\":{},\"lowest\":{},\"min_positive\":{},"
      "\"precision\":{}",
      to_spec(format), width(format), std::visit(Parameters{}, format),
      json_number(max_finite(format)), json_number(lowest_finite(format)),
      json_number(min_positive(format)), precision(format));
  if (const NamedFormat* row = find_named_format(format)) {
    std::vector<std::string> aliases;
    for (const std::string_view alias : row->aliases) {
      aliases.push_back("\"" + std::string(alias) + "\"");
    }
    text +=
        fmt::format(",\"aliases\":[{}],\"source\":\"{}\"", fmt::join(aliases, ","), row->source);
  }
  return text + "}";
}

}  // namespace halfulp::cli
