#include "formats/cli/arguments.h"

#include <algorithm>

#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp::cli {

namespace {

[[noreturn]] void refuse_option(std::string_view verb, std::string_view name,
                                std::span<const Option> options) {
  std::vector<std::string> known;
  for (const Option& option : options) known.emplace_back(option.name);
  const std::vector<std::string> near = nearest_names(name, known);
  throw UsageError("unknown option '" + shortened(name) + "' for " + std::string(verb) +
                   (near.empty() ? "; see ulp help " + std::string(verb)
                                 : "; did you mean " + joined(near, " or ") + "?"));
}

}  // namespace

Arguments::Arguments(std::string_view verb, std::span<const Option> options,
                     std::span<const std::string> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!word.starts_with("--")) {
      positional_.push_back(word);
      continue;
    }
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string name = word.substr(0, equals);
    const auto option = std::find_if(options.begin(), options.end(),
                                     [&](const Option& known) { return known.name == name; });
    if (option == options.end()) refuse_option(verb, name, options);
    const bool has_value = equals < word.size();
    if (has_value && !option->takes_value) throw UsageError("option " + name + " takes no value");
    if (has_value) {
      options_[name] = word.substr(equals + 1);
    } else if (!option->takes_value) {
      options_[name] = "";
    } else if (i + 1 < words.size()) {
      options_[name] = words[++i];
    } else {
      throw UsageError("option " + name + " needs a value");
    }
  }
}

std::string Arguments::value(std::string_view option, std::string_view otherwise) const {
  const auto found = options_.find(std::string(option));
  return found == options_.end() ? std::string(otherwise) : found->second;
}

}  // namespace halfulp::cli
