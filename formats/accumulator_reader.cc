#include "formats/accumulator_reader.h"

#include "formats/properties.h"
#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp::accumulator_spec {

namespace {

/// Of a destination; options of an accumulator too.
const std::vector<std::string> kPolicyNames = {
    "nearest_even",    "nearest_away", "toward_zero", "toward_positive",
    "toward_negative", "to_odd",       "stochastic",  "infinity",
    "saturate",        "nan",          "wrap",        "error"};
const std::vector<std::string> kOptionNames = {
    "every",   "sequential", "pairwise", "blocked",     "interleaved", "flush",
    "product", "promote",    "result",   "addend_last", "shared_draws"};

}  // namespace

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  const std::vector<std::string> near = nearest_names(word, known);
  return near.empty() ? "known: " + joined(known) : "did you mean " + joined(near) + "?";
}

Overflow default_overflow(const Format& format) {
  return has_infinity(format) ? Overflow::infinity : Overflow::saturate;
}

void Slot::claim(const Source& source, const Part& part, std::string_view kind) {
  if (is_taken()) {
    spec_parts::fail(source, part,
                     "second " + std::string(kind) + " '" + shortened(part.text) + "' (after '" +
                         shortened(first_) + "')");
  }
  first_ = part.text;
}

std::vector<Part> Reader::split(const Part& part, char separator) const {
  return spec_parts::split(source_.whole, part, separator);
}

void Reader::fail(const Part& part, const std::string& message) const {
  spec_parts::fail(source_, part, message);
}

void Reader::in_part(const Part& part, const std::function<void()>& parse) const {
  spec_parts::in_part(source_, part, parse);
}

int Reader::number(const Part& part, std::string_view what, int low, int high) const {
  return spec_parts::read_number(source_, part, what, low, high);
}

Format Reader::format(const Part& part) const {
  Format format;
  in_part(part, [&] { format = parse_format(part.text); });
  return format;
}

Call Reader::call(const Part& part) const {
  const std::size_t open = part.text.find('(');
  Call call;
  call.name_part = spec_parts::trimmed(source_.whole, {part.text.substr(0, open), part.offset});
  call.name = lower_case(call.name_part.text);
  if (open == std::string_view::npos) return call;
  if (part.text.back() != ')') {
    fail({part.text.substr(part.text.size()), part.offset + part.text.size()},
         "expected ')' after '" + shortened(part.text) + "'");
  }
  call.arguments = spec_parts::trimmed(
      source_.whole,
      {part.text.substr(open + 1, part.text.size() - open - 2), part.offset + open + 1});
  return call;
}

std::size_t Reader::word(const Part& part, const std::vector<std::string>& words) const {
  const std::string name = lower_case(part.text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == name) return i;
  }
  fail(part, "unknown word '" + shortened(part.text) + "'; " + suggestion(name, words));
}

Destination Reader::destination(const Part& part) const {
  const std::vector<Part> parts = split(part, '+');
  Destination to;
  to.format = format(parts[0]);
  Slot rounding, overflow;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (!read_policy(parts[i], to.rounding, rounding, overflow))
      refuse_option(parts[i], kPolicyNames);
  }
  if (!overflow.is_taken()) to.rounding.overflow = default_overflow(to.format);
  return to;
}

bool Reader::read_policy(const Part& part, RoundSpec& spec, Slot& rounding, Slot& overflow) const {
  Overflow policy{};
  try {
    policy = parse_overflow(part.text);
  } catch (const SpecError&) {
    return read_rounding(part, spec, rounding);
  }
  overflow.claim(source_, part, "overflow policy");
  spec.overflow = policy;
  return true;
}

bool Reader::read_rounding(const Part& part, RoundSpec& spec, Slot& rounding) const {
  RoundSpec parsed = spec;
  bool is_rounding = true;
  in_part(part, [&] {
    try {
      parse_rounding(part.text, parsed);
    } catch (const SpecError& error) {
      is_rounding = !std::string_view(error.what()).starts_with("unknown rounding");
      if (is_rounding) throw;
    }
  });
  if (!is_rounding) return false;
  rounding.claim(source_, part, "rounding");
  spec = parsed;
  return true;
}

void Reader::refuse_option(const Part& part) const {
  std::vector<std::string> names = kPolicyNames;
  names.insert(names.end(), kOptionNames.begin(), kOptionNames.end());
  refuse_option(part, names);
}

void Reader::refuse_option(const Part& part, const std::vector<std::string>& names) const {
  if (part.text.empty()) fail(part, "expected an option after '+'");
  fail(part, "unknown option '" + shortened(part.text) + "'; " +
                 suggestion(part.text.substr(0, part.text.find('(')), names));
}

}  // namespace halfulp::accumulator_spec
