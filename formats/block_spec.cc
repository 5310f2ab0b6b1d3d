#include "formats/block_spec.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "formats/block_spec_parts.h"
#include "formats/format_names.h"
#include "formats/named_block_formats.h"
#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp {

namespace {

using block_spec::Part;

constexpr std::array<std::string_view, 3> kAxes = {"k", "rows", "columns"};
constexpr std::array<std::string_view, 5> kRules = {"floor", "ceil", "even", "rceil", "exact"};
constexpr std::array<std::string_view, 3> kArithmetics = {"exact", "transformer_engine", "torchao"};
constexpr std::array<std::string_view, 3> kFourOverSix = {"none", "mae", "mse"};
constexpr std::array<std::string_view, 2> kZeroPoints = {"none", "min_max"};
constexpr std::array<std::string_view, 4> kZeroBlocks = {"smallest", "min_normal", "one", "zero"};
constexpr std::array<std::string_view, 2> kNonFinites = {"poison", "finite"};

/// The words that start a block format which is not a name.
constexpr std::array<std::string_view, 5> kHeads = {"block", "mx", "bfp", "dfp", "grouped"};

constexpr std::array<std::string_view, 8> kPresets = {
    "ocp",       "microxcaling",      "torchao",           "te",
    "one_level", "four_over_six_mae", "four_over_six_mse", "transformer_engine"};

constexpr std::array<std::string_view, 12> kKeys = {
    "block",  "axis",       "rounding",      "overflow", "scale",      "arithmetic",
    "tensor", "zero_block", "four_over_six", "prescale", "zero_point", "non_finite"};

constexpr int kMaxMagnitudeBits = 23;

struct Refusal {
  std::string_view key;
  std::string_view reason;
};

constexpr std::string_view kSharedMicroexponents =
    "is a format with shared microexponents (Darvish Rouhani et al., ISCA 2023), not an OCP MX "
    "format; write mxfp4, mxfp6_e3m2, mxfp6_e2m3, mxfp8_e4m3, mxfp8_e5m2 or mxint8";

constexpr Refusal kRefusals[] = {
    {"mxfp6", "names two formats; write mxfp6_e3m2 or mxfp6_e2m3"},
    {"mx4", kSharedMicroexponents},
    {"mx6", kSharedMicroexponents},
    {"mx9", kSharedMicroexponents},
};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view refusal(std::string_view key) {
  for (const Refusal& row : kRefusals) {
    if (row.key == key) return row.reason;
  }
  return {};
}

const NamedBlockFormat* find_block_name(std::string_view key) {
  for (const NamedBlockFormat& row : named_block_formats()) {
    if (without_separators(row.name) == key) return &row;
    for (const std::string_view alias : row.aliases) {
      if (without_separators(alias) == key) return &row;
    }
  }
  return nullptr;
}

/// What stands before the first parenthesis, without separators.
std::string head_key(std::string_view text) {
  return without_separators(normalized_name(text.substr(0, text.find('('))));
}

bool is_power_of_two_format(const Format& format) {
  const auto* f = std::get_if<FloatFormat>(&format);
  return f != nullptr && f->trailing_bits == 0;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : whole_(text) {}

  BlockFormat parse(std::string& note) {
    const Part all = block_spec::trimmed(whole_, {whole_, 0});
    if (all.text.empty()) fail(all, "expected a name such as mxfp4 or block(...)");
    const std::size_t open = all.text.find('(');
    const std::string key = head_key(all.text);
    std::vector<Part> arguments;
    if (open != std::string_view::npos) {
      if (all.text.back() != ')') fail(all, "expected ')' at the end");
      arguments = block_spec::split(
          whole_, {all.text.substr(open + 1, all.text.size() - open - 2), all.offset + open + 1},
          ',');
    }
    if (const std::string_view reason = refusal(key); !reason.empty()) {
      fail(all, "'" + shortened(all.text) + "' " + std::string(reason));
    }
    std::size_t first_option = 0;
    if (const NamedBlockFormat* row = find_block_name(key)) {
      format_ = row->format;
      if (key == "mxfp8") {
        note = "mxfp8 read as mxfp8_e4m3; with E5M2 elements it is mxfp8_e5m2";
      }
    } else if (contains(kHeads, key)) {
      if (arguments.empty()) fail(all, "expected what the elements are, as in " + example(key));
      read_element(key, arguments.front());
      first_option = 1;
    } else {
      refuse_unknown(all, key);
    }
    for (std::size_t i = first_option; i < arguments.size(); ++i) read_option(arguments[i]);
    finish(all);
    return format_;
  }

 private:
  static std::string example(std::string_view head) {
    if (head == "bfp") return "bfp(4,block=16)";
    if (head == "dfp") return "dfp(8)";
    if (head == "grouped") return "grouped(int4,block=128,scale=binary16)";
    return std::string(head) + "(e2m1fn,block=32,scale=e8m0fnu:floor)";
  }

  [[noreturn]] void fail(const Part& part, const std::string& message) const {
    block_spec::fail(whole_, part, message);
  }

  [[noreturn]] void refuse_unknown(const Part& part, std::string_view key) const {
    std::vector<std::string> names(kHeads.begin(), kHeads.end());
    for (const NamedBlockFormat& row : named_block_formats()) names.emplace_back(row.name);
    const std::vector<std::string> near = nearest_names(key, names);
    fail(part,
         "unknown block format '" + shortened(part.text) + "'; " +
             (near.empty() ? "names: " + joined(names) : "did you mean " + joined(near) + "?"));
  }

  // --- pieces of options

  int read_number(const Part& part, std::string_view what, int low, int high) const {
    return block_spec::read_number(whole_, part, what, low, high);
  }

  Format read_format(const Part& part) const {
    Format format;
    block_spec::in_part(whole_, part, [&] { format = parse_format(part.text); });
    return format;
  }

  template <class Enum, std::size_t N>
  Enum read_word(const Part& part, const std::array<std::string_view, N>& words) const {
    const std::string word = normalized_name(part.text);
    const auto found = std::find(words.begin(), words.end(), word);
    if (found == words.end()) {
      std::vector<std::string> choices(words.begin(), words.end());
      fail(part, "'" + shortened(part.text) + "' is none of " + joined(choices));
    }
    return static_cast<Enum>(found - words.begin());
  }

  // --- the first argument of heads

  void read_element(std::string_view head, const Part& part) {
    if (head == "bfp") {
      const int bits = read_number(part, "magnitude bits", 1, kMaxMagnitudeBits);
      format_.element = FloatFormat{0, bits, 0, NonFinite::finite};
      format_.length = 16;
    } else if (head == "dfp") {
      format_.element = IntegerFormat{read_number(part, "bits", 2, kMaxMagnitudeBits)};
      format_.length = 0;
    } else {
      format_.element = read_format(part);
    }
    if (head == "grouped") {
      format_.length = 128;
      format_.scale = parse_format("binary16");
      format_.rule = BlockScaleRule::exact;
    }
  }

  // --- options

  void read_option(const Part& part) {
    if (part.text.empty()) fail(part, "expected an option");
    const std::size_t equals = part.text.find('=');
    const bool has_value = equals != std::string_view::npos && equals < part.text.find('(');
    if (!has_value) return read_bare_word(part);
    const Part key = block_spec::trimmed(whole_, {part.text.substr(0, equals), part.offset});
    const Part value =
        block_spec::trimmed(whole_, {part.text.substr(equals + 1), part.offset + equals + 1});
    read_value(key, normalized_name(key.text), value);
  }

  void read_value(const Part& key, const std::string& name, const Part& value) {
    if (name == "block") {
      read_shape(value);
    } else if (name == "axis") {
      format_.axis = read_word<BlockAxis>(value, kAxes);
    } else if (name == "rounding") {
      block_spec::in_part(whole_, value, [&] { parse_rounding(value.text, format_.rounding); });
    } else if (name == "overflow") {
      block_spec::in_part(whole_, value,
                          [&] { format_.rounding.overflow = parse_overflow(value.text); });
    } else if (name == "scale") {
      read_scale(value);
    } else if (name == "arithmetic") {
      format_.arithmetic = read_word<BlockArithmetic>(value, kArithmetics);
    } else if (name == "tensor") {
      const bool is_none = normalized_name(value.text) == "none";
      format_.tensor_bound = is_none ? 0 : read_number(value, "the bound", 1, 1 << 24);
    } else if (name == "four_over_six") {
      format_.four_over_six = read_word<FourOverSix>(value, kFourOverSix);
    } else if (name == "prescale") {
      const bool is_one = value.text == "1";
      if (!is_one && value.text != "3/4") fail(value, "the prescale is 1 or 3/4");
      format_.three_quarters = !is_one;
    } else if (name == "zero_point") {
      format_.zero_point = read_word<ZeroPoint>(value, kZeroPoints);
    } else if (name == "zero_block") {
      zero_block_ = read_word<ZeroBlock>(value, kZeroBlocks);
    } else if (name == "non_finite") {
      format_.non_finite = read_word<NonFiniteBlock>(value, kNonFinites);
    } else if (name == "amax") {
      format_.amax_format = read_format(value);
    } else {
      refuse_option(key, name);
    }
  }

  [[noreturn]] void refuse_option(const Part& part, std::string_view name) const {
    std::vector<std::string> words(kKeys.begin(), kKeys.end());
    words.emplace_back("amax");
    words.insert(words.end(), kPresets.begin(), kPresets.end());
    words.insert(words.end(), kRules.begin(), kRules.end());
    words.insert(words.end(), kAxes.begin(), kAxes.end());
    const std::vector<std::string> near = nearest_names(name, words);
    fail(part,
         "unknown option '" + shortened(part.text) + "'; " +
             (near.empty() ? "known: " + joined(words) : "did you mean " + joined(near) + "?"));
  }

  void read_bare_word(const Part& part) {
    const std::string word = normalized_name(part.text);
    const bool is_shape =
        (part.text.front() >= '0' && part.text.front() <= '9' && word != "4over6") ||
        word == "tensor";
    if (is_shape) {
      read_shape(part);
    } else if (contains(kAxes, word)) {
      format_.axis = read_word<BlockAxis>(part, kAxes);
    } else if (contains(kRules, word)) {
      format_.rule = read_word<BlockScaleRule>(part, kRules);
    } else {
      read_preset(part, word);
    }
  }

  void read_shape(const Part& part) {
    if (normalized_name(part.text) == "tensor") {
      format_.length = 0;
      format_.lines = 1;
      return;
    }
    const std::vector<Part> sides = block_spec::split(whole_, part, 'x');
    if (sides.size() > 2) fail(part, "a block is written 32, 16x16 or tensor");
    constexpr int kLargest = 1'000'000'000;
    format_.length = read_number(sides[0], "a block length", 1, kLargest);
    format_.lines = sides.size() == 2 ? read_number(sides[1], "lines of a block", 1, kLargest) : 1;
  }

  /// FORMAT [:RULE [:ROUNDING]].
  void read_scale(const Part& part) {
    const std::vector<Part> pieces = block_spec::split(whole_, part, ':');
    if (pieces.size() > 3) fail(part, "a scale is written format:rule:rounding");
    format_.scale = read_format(pieces[0]);
    format_.rule =
        is_power_of_two_format(format_.scale) ? BlockScaleRule::floor : BlockScaleRule::exact;
    if (pieces.size() > 1) format_.rule = read_word<BlockScaleRule>(pieces[1], kRules);
    if (pieces.size() < 3) return;
    RoundSpec spec;
    block_spec::in_part(whole_, pieces[2], [&] { parse_rounding(pieces[2].text, spec); });
    format_.scale_rounding = spec.rounding;
  }

  void read_preset(const Part& part, const std::string& word) {
    const bool is_nvfp4 = format_.rule == BlockScaleRule::exact;
    if (word == "ocp" || (word == "torchao" && !is_nvfp4)) {
      format_.rule = BlockScaleRule::floor;
      format_.rounding = {};
    } else if (word == "microxcaling") {
      format_.rule = BlockScaleRule::floor;
      format_.rounding = {.rounding = Rounding::nearest_away};
      if (auto* integer = std::get_if<IntegerFormat>(&format_.element)) integer->symmetric = true;
    } else if (word == "torchao") {
      format_.arithmetic = BlockArithmetic::torchao;
    } else if (word == "te" || word == "transformer_engine") {
      if (is_nvfp4) {
        format_.arithmetic = BlockArithmetic::transformer_engine;
        if (format_.tensor_bound == 0) format_.tensor_bound = 448;
      } else {
        format_.rule = BlockScaleRule::rceil;
      }
    } else if (word == "one_level") {
      format_.tensor_bound = 0;
      if (format_.arithmetic == BlockArithmetic::transformer_engine) {
        format_.arithmetic = BlockArithmetic::exact;
      }
    } else if (word == "four_over_six" || word == "four_over_six_mae" || word == "4over6") {
      format_.four_over_six = FourOverSix::mae;
    } else if (word == "four_over_six_mse") {
      format_.four_over_six = FourOverSix::mse;
    } else {
      refuse_option(part, word);
    }
  }

  void finish(const Part& all) {
    format_.zero_block = zero_block_.value_or(default_zero_block(format_));
    if (format_.length == 0) format_.axis = BlockAxis::k;  // the axis of one block is no policy
    if (const std::string fault = block_format_fault(format_); !fault.empty()) {
      fail(all, "'" + shortened(all.text) + "' is no block format: " + fault);
    }
  }

  std::string_view whole_;
  BlockFormat format_;
  std::optional<ZeroBlock> zero_block_;
};

std::string shape_text(const BlockFormat& f) {
  if (f.length == 0) return "tensor";
  return std::to_string(f.length) + (f.lines == 1 ? "" : "x" + std::to_string(f.lines));
}

}  // namespace

BlockFormat parse_block_format(std::string_view text) {
  std::string ignored;
  return parse_block_format(text, ignored);
}

BlockFormat parse_block_format(std::string_view text, std::string& note) {
  note.clear();
  return Parser(text).parse(note);
}

std::string to_spec(const BlockFormat& f) {
  std::string text = "block(" + to_spec(f.element) + "," + shape_text(f);
  const auto add = [&](std::string_view key, std::string_view value) {
    text.append(",").append(key).append("=").append(value);
  };
  if (f.length != 0) add("axis", to_string(f.axis));
  add("rounding", rounding_to_string(f.rounding));
  add("overflow", to_string(f.rounding.overflow));
  add("scale", to_spec(f.scale) + ":" + std::string(to_string(f.rule)) + ":" +
                   std::string(to_string(f.scale_rounding)));
  if (f.tensor_bound != 0) add("tensor", std::to_string(f.tensor_bound));
  add("arithmetic", to_string(f.arithmetic));
  if (f.four_over_six != FourOverSix::none) add("four_over_six", to_string(f.four_over_six));
  if (f.three_quarters) add("prescale", "3/4");
  if (f.zero_point != ZeroPoint::none) add("zero_point", to_string(f.zero_point));
  add("zero_block", to_string(f.zero_block));
  add("non_finite", to_string(f.non_finite));
  if (f.amax_format != BlockFormat{}.amax_format) add("amax", to_spec(f.amax_format));
  return text + ")";
}

bool names_block_format(std::string_view text) {
  const std::string key = head_key(text);
  return find_block_name(key) != nullptr || !refusal(key).empty() ||
         (contains(kHeads, key) && text.find('(') != std::string_view::npos);
}

std::string_view to_string(BlockAxis x) { return kAxes[static_cast<std::size_t>(x)]; }

std::string_view to_string(BlockScaleRule x) { return kRules[static_cast<std::size_t>(x)]; }

std::string_view to_string(BlockArithmetic x) { return kArithmetics[static_cast<std::size_t>(x)]; }

std::string_view to_string(FourOverSix x) { return kFourOverSix[static_cast<std::size_t>(x)]; }

std::string_view to_string(ZeroPoint x) { return kZeroPoints[static_cast<std::size_t>(x)]; }

std::string_view to_string(ZeroBlock x) { return kZeroBlocks[static_cast<std::size_t>(x)]; }

std::string_view to_string(NonFiniteBlock x) { return kNonFinites[static_cast<std::size_t>(x)]; }

}  // namespace halfulp
