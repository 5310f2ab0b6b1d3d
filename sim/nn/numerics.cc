#include "sim/nn/numerics.h"

#include <charconv>

namespace halfulp::nn {
namespace {

/// Glob match with `*` for any run of characters.
bool matches(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (text.substr(0, star) != pattern.substr(0, star)) return false;
  pattern.remove_prefix(star + 1);
  text.remove_prefix(star);
  for (std::size_t skip = 0; skip <= text.size(); ++skip) {
    if (matches(pattern, text.substr(skip))) return true;
  }
  return false;
}

/// "blocks.-1" becomes "blocks.<last>"; other patterns stay.
std::string count_from_the_end(std::string_view pattern, std::size_t blocks) {
  constexpr std::string_view kPrefix = "blocks.-";
  if (pattern.substr(0, kPrefix.size()) != kPrefix) return std::string(pattern);
  const std::string_view rest = pattern.substr(kPrefix.size());
  std::size_t back = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), back);
  if (error != std::errc() || back == 0 || back > blocks) return std::string(pattern);
  return "blocks." + std::to_string(blocks - back) +
         std::string(rest.substr(static_cast<std::size_t>(end - rest.data())));
}

}  // namespace

LinearNumerics binary32_numerics() {
  const QuantizerSpec exact = parse_quantizer("binary32");
  return {exact, exact, exact, exact, exact, exact};
}

bool keeps_high_precision(const std::vector<std::string>& patterns, std::string_view layer,
                          std::size_t blocks) {
  for (const std::string& raw : patterns) {
    const std::string pattern = count_from_the_end(raw, blocks);
    if (matches(pattern, layer) || matches(pattern + ".*", layer)) return true;
  }
  return false;
}

}  // namespace halfulp::nn
