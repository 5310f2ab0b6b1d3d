// Command line of one verb: positional words and declared options.
#pragma once

#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace halfulp::cli {

/// Wrong use of the program: one line, exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Option {
  std::string_view name;  ///< "--from"
  bool takes_value = false;
};

class Arguments {
 public:
  /// Reads the words after the verb; `--name value` and `--name=value` are the same. Throws
  /// UsageError.
  Arguments(std::string_view verb, std::span<const Option> options,
            std::span<const std::string> words);

  bool has(std::string_view option) const { return options_.contains(std::string(option)); }

  /// The option's value, or `otherwise`.
  std::string value(std::string_view option, std::string_view otherwise) const;

  const std::vector<std::string>& positional() const { return positional_; }

 private:
  std::map<std::string, std::string> options_;
  std::vector<std::string> positional_;
};

}  // namespace halfulp::cli
