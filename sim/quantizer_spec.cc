// Text form of QuantizerSpec.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "formats/block_spec.h"
#include "formats/properties.h"
#include "formats/spec.h"
#include "formats/spelling.h"
#include "sim/option_text.h"
#include "sim/quantizer.h"
#include "sim/round_plan.h"

namespace halfulp {

namespace {

constexpr int kLargestGroup = 1'000'000'000;

template <class Enum>
struct Spelling {
  std::string_view key;  ///< lower case, without separators
  Enum value;
};

constexpr Spelling<Granularity> kGranularities[] = {
    {"tensor", Granularity::tensor}, {"pertensor", Granularity::tensor},
    {"row", Granularity::row},       {"perrow", Granularity::row},
    {"pertoken", Granularity::row},  {"perchannel", Granularity::row},
    {"column", Granularity::column}, {"percolumn", Granularity::column},
};

constexpr Spelling<ScaleRule> kScaleRules[] = {
    {"unscaled", ScaleRule::unscaled},
    {"scalebinary32", ScaleRule::scale_binary32},
    {"scalefp32", ScaleRule::scale_binary32},
    {"absmax", ScaleRule::scale_binary32},
    {"scalepoweroftwo", ScaleRule::scale_power_of_two},
    {"scalepow2", ScaleRule::scale_power_of_two},
};

const std::vector<std::string> kOptionNames = {"tensor",
                                               "row",
                                               "column",
                                               "group",
                                               "tile",
                                               "unscaled",
                                               "scale_binary32",
                                               "scale_power_of_two",
                                               "nearest_even",
                                               "nearest_away",
                                               "toward_zero",
                                               "toward_positive",
                                               "toward_negative",
                                               "to_odd",
                                               "stochastic",
                                               "infinity",
                                               "saturate",
                                               "nan",
                                               "wrap",
                                               "error"};

template <class Enum>
std::optional<Enum> find(std::span<const Spelling<Enum>> spellings, std::string_view key) {
  for (const Spelling<Enum>& spelling : spellings) {
    if (spelling.key == key) return spelling.value;
  }
  return std::nullopt;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  QuantizerSpec parse() {
    const std::vector<OptionPart> parts = split_at_plus(text_);
    if (names_block_format(parts[0].text)) return parse_block(parts);
    in_part(parts[0], [&] { spec_.format = parse_format(parts[0].text); });
    spec_.scale = default_scale();
    for (std::size_t i = 1; i < parts.size(); ++i) read_option(parts[i]);
    if (granularity_ && spec_.scale == ScaleRule::unscaled &&
        spec_.granularity != Granularity::tensor) {
      fail(*granularity_,
           fmt::format("'{}' needs a scale, and {} is unscaled; add scale_binary32 or "
                       "drop it",
                       granularity_->text, to_spec(spec_.format)));
    }
    in_part(parts[0], [&] { make_round_plan(spec_.format, spec_.rounding); });
    return spec_;
  }

 private:
  QuantizerSpec parse_block(const std::vector<OptionPart>& parts) {
    BlockFormat block;
    in_part(parts[0], [&] { block = parse_block_format(parts[0].text); });
    spec_.rounding = block.rounding;
    for (std::size_t i = 1; i < parts.size(); ++i) read_block_option(parts[i], block);
    block.rounding = spec_.rounding;
    in_part(parts[0], [&] { check_block_format(block); });
    return block_quantizer(block);
  }

  void read_block_option(const OptionPart& part, BlockFormat& block) {
    const std::string key = without_separators(lower_case(part.text));
    if (key == "rows" || key == "columns" || key == "k") {
      claim(granularity_, part, "axis");
      block.axis =
          key == "rows" ? BlockAxis::rows : (key == "columns" ? BlockAxis::columns : BlockAxis::k);
    } else if (find<Granularity>(kGranularities, key) || find<ScaleRule>(kScaleRules, key) ||
               is_group(part.text) || is_tile(part.text)) {
      fail(part, fmt::format("a block format has scales of its own, so '{}' does not apply; write "
                             "the block in its parentheses, as in mxfp4(block=16)",
                             part.text));
    } else {
      read_option(part);
    }
  }

  ScaleRule default_scale() const {
    const bool is_wide_float =
        std::holds_alternative<FloatFormat>(spec_.format) && width(spec_.format) > 8;
    return is_wide_float ? ScaleRule::unscaled : ScaleRule::scale_binary32;
  }

  [[noreturn]] void fail(const OptionPart& part, const std::string& message) const {
    throw SpecError(fmt::format("{} at column {} of quantizer '{}'", message, part.offset + 1,
                                shortened(text_)),
                    part.offset + 1);
  }

  /// Runs a parser of one part; its complaints then count columns in the whole text.
  template <class Function>
  void in_part(const OptionPart& part, const Function& function) const {
    try {
      function();
    } catch (const SpecError& error) {
      const int column = part.offset + error.column();
      std::string message = error.what();
      const std::string own = fmt::format("at column {}", error.column());
      if (const auto at = message.find(own); at != std::string::npos) {
        message.replace(at, own.size(), fmt::format("at column {}", column));
      }
      throw SpecError(message + " in quantizer '" + shortened(text_) + "'", column);
    }
  }

  void claim(std::optional<OptionPart>& owner, const OptionPart& part,
             std::string_view kind) const {
    if (owner) fail(part, fmt::format("second {} '{}' (after '{}')", kind, part.text, owner->text));
    owner = part;
  }

  void read_option(const OptionPart& part) {
    if (part.text.empty()) fail(part, "expected an option after '+'");
    const std::string key = without_separators(lower_case(part.text));
    if (const auto granularity = find<Granularity>(kGranularities, key)) {
      claim(granularity_, part, "granularity");
      spec_.granularity = *granularity;
    } else if (const auto rule = find<ScaleRule>(kScaleRules, key)) {
      claim(scale_, part, "scale rule");
      spec_.scale = *rule;
    } else if (is_group(part.text)) {
      claim(granularity_, part, "granularity");
      spec_.granularity = Granularity::group;
      in_part(part, [&] { read_group(part.text); });
    } else if (is_tile(part.text)) {
      claim(granularity_, part, "granularity");
      spec_.granularity = Granularity::tile;
      in_part(part, [&] { read_tile(part.text); });
    } else if (const auto overflow = find_overflow(part.text)) {
      claim(overflow_, part, "overflow policy");
      spec_.rounding.overflow = *overflow;
    } else {
      read_rounding(part);
    }
  }

  /// group(n), group(n,columns), groupn, group=n, gn.
  static bool is_group(std::string_view text) {
    TextCursor cursor(text, "group");
    const std::string word = without_separators(lower_case(cursor.take_until("(=0123456789")));
    return word == "group" || word == "pergroup" || (word == "g" && !cursor.at_end());
  }

  void read_group(std::string_view text) {
    TextCursor cursor(text, "group");
    cursor.take_until("(=0123456789");
    const bool in_parentheses = cursor.take('(');
    if (!in_parentheses) cursor.take('=');
    spec_.group_size = cursor.take_integer("the group size", 1, kLargestGroup);
    if (in_parentheses) {
      if (cursor.take(',')) {
        if (!cursor.take_word("columns")) cursor.fail("expected columns");
        spec_.along_columns = true;
      }
      cursor.expect(')');
    }
    cursor.expect_end();
  }

  static bool is_tile(std::string_view text) { return TextCursor(text, "tile").take_word("tile"); }

  void read_tile(std::string_view text) {
    TextCursor cursor(text, "tile");
    cursor.take_word("tile");
    cursor.expect('(');
    spec_.tile_lines = cursor.take_integer("the lines of a tile", 1, kLargestGroup);
    cursor.expect(',');
    spec_.group_size = cursor.take_integer("the elements of a line", 1, kLargestGroup);
    if (cursor.take(',')) {
      if (!cursor.take_word("columns")) cursor.fail("expected columns");
      spec_.along_columns = true;
    }
    cursor.expect(')');
    cursor.expect_end();
  }

  static std::optional<Overflow> find_overflow(std::string_view text) {
    try {
      return parse_overflow(text);
    } catch (const SpecError&) {
      return std::nullopt;
    }
  }

  void read_rounding(const OptionPart& part) {
    claim(rounding_, part, "rounding");
    in_part(part, [&] {
      try {
        parse_rounding(part.text, spec_.rounding);
      } catch (const SpecError& error) {
        // Not even the name of a rounding: then it may have been meant as any option.
        if (!std::string_view(error.what()).starts_with("unknown rounding")) throw;
        refuse_unknown(part);
      }
    });
  }

  [[noreturn]] void refuse_unknown(const OptionPart& part) const {
    const std::vector<std::string> near = nearest_names(part.text, kOptionNames);
    throw SpecError(fmt::format("unknown option '{}' at column 1; {}", shortened(part.text),
                                near.empty() ? "known: " + joined(kOptionNames)
                                             : "did you mean " + joined(near) + "?"),
                    1);
  }

  std::string_view text_;
  QuantizerSpec spec_;
  std::optional<OptionPart> granularity_, scale_, rounding_, overflow_;
};

std::string_view to_string(Granularity granularity) {
  switch (granularity) {
    case Granularity::tensor:
      return "tensor";
    case Granularity::row:
      return "row";
    case Granularity::column:
      return "column";
    case Granularity::group:
      return "group";
    case Granularity::tile:
      break;
  }
  return "tile";
}

std::string_view to_string(ScaleRule rule) {
  switch (rule) {
    case ScaleRule::unscaled:
      return "unscaled";
    case ScaleRule::scale_binary32:
      return "scale_binary32";
    case ScaleRule::scale_power_of_two:
      break;
  }
  return "scale_power_of_two";
}

}  // namespace

QuantizerSpec parse_quantizer(std::string_view text) { return Parser(text).parse(); }

QuantizerSpec block_quantizer(const BlockFormat& format) {
  QuantizerSpec spec{.format = format.element, .rounding = format.rounding};
  spec.block = format;
  return spec;
}

QuantizerSpec with_reduction(QuantizerSpec spec, bool reduces_rows) {
  const bool has_direction =
      spec.block && spec.block->axis == BlockAxis::k && spec.block->length != spec.block->lines;
  if (has_direction) spec.block->axis = reduces_rows ? BlockAxis::columns : BlockAxis::rows;
  if (spec.granularity == Granularity::tile && spec.tile_lines != spec.group_size) {
    spec.along_columns = reduces_rows;
    if (spec.tile_lines == 1) spec.granularity = Granularity::group;
  }
  return spec;
}

std::string to_spec(const QuantizerSpec& spec) {
  if (spec.block) return to_spec(*spec.block);
  std::string granularity(to_string(spec.granularity));
  if (spec.granularity == Granularity::group) {
    granularity += fmt::format("({}{})", spec.group_size, spec.along_columns ? ",columns" : "");
  } else if (spec.granularity == Granularity::tile) {
    granularity += fmt::format("({},{}{})", spec.tile_lines, spec.group_size,
                               spec.along_columns ? ",columns" : "");
  }
  return fmt::format("{}+{}+{}+{}+{}", to_spec(spec.format), granularity, to_string(spec.scale),
                     rounding_to_string(spec.rounding), to_string(spec.rounding.overflow));
}

double bits_per_element(const QuantizerSpec& spec) {
  return spec.block ? bits_per_element(*spec.block) : width(spec.format);
}

}  // namespace halfulp
