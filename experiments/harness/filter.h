// --filter: which runs of a sweep are meant.
//
//   expression = both { "||" both }        both = term { "&&" term }
//   term       = "(" expression ")" | key ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value
//   value      = "text" | 'text' | number | true | false | word
//
// Keys are those of the experiment kind, and `seed` and `id`. Quantizers are compared in canonical
// form, so int4 finds every spelling of it.
#pragma once

#include <memory>
#include <string>

#include "experiments/harness/schema.h"
#include "experiments/harness/sweep.h"

namespace halfulp::harness {

class Filter {
 public:
  /// Throws ConfigError: one line with the column and, for a key, a suggestion.
  Filter(const std::string& text, const Schema& schema);
  ~Filter();
  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;

  bool matches(const RunPoint& point) const;

  struct Node;

 private:
  std::unique_ptr<Node> root_;
};

}  // namespace halfulp::harness
