// What the parsers of accumulators and of destinations share. For accumulator_spec.cc.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/accumulator.h"
#include "formats/spec_parts.h"

namespace halfulp::accumulator_spec {

using spec_parts::Part;
using spec_parts::Source;

/// "did you mean ...?", or all that is known.
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

/// NAME or NAME(arguments).
struct Call {
  std::string name;  ///< lower case
  Part name_part;
  std::optional<Part> arguments;
};

/// One kind of option, which may be given once.
class Slot {
 public:
  /// Throws SpecError for the second one.
  void claim(const Source& source, const Part& part, std::string_view kind);

  bool is_taken() const { return !first_.empty(); }

 private:
  std::string_view first_;
};

/// Reads parts of one text; every complaint is a SpecError with the column in the whole.
class Reader {
 public:
  Reader(std::string_view what, std::string_view text) : source_{what, text} {}

  const Source& source() const { return source_; }

  Part whole() const { return {source_.whole, 0}; }

  std::vector<Part> split(const Part& part, char separator) const;
  [[noreturn]] void fail(const Part& part, const std::string& message) const;
  void in_part(const Part& part, const std::function<void()>& parse) const;
  int number(const Part& part, std::string_view what, int low, int high) const;
  Format format(const Part& part) const;
  Call call(const Part& part) const;
  /// The index among `words`.
  std::size_t word(const Part& part, const std::vector<std::string>& words) const;
  /// FORMAT{+rounding|+overflow}.
  Destination destination(const Part& part) const;

  /// True when the part was a rounding or an overflow policy.
  bool read_policy(const Part& part, RoundSpec& spec, Slot& rounding, Slot& overflow) const;
  [[noreturn]] void refuse_option(const Part& part) const;
  [[noreturn]] void refuse_option(const Part& part, const std::vector<std::string>& names) const;

 private:
  bool read_rounding(const Part& part, RoundSpec& spec, Slot& rounding) const;

  Source source_;
};

/// Overflow::infinity where the format has an infinity, else saturate.
Overflow default_overflow(const Format& format);

}  // namespace halfulp::accumulator_spec
