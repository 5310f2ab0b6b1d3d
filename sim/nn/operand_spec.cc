#include "sim/nn/operand_spec.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <functional>
#include <optional>
#include <vector>

#include "formats/block_spec.h"
#include "formats/properties.h"
#include "formats/spec.h"
#include "formats/spelling.h"
#include "sim/option_text.h"

namespace halfulp::nn {
namespace {

constexpr int kLongestHistory = 65536;
constexpr int kMostCandidates = 4096;
constexpr int kLargestMargin = 64;
constexpr int kLongestRotation = 4096;
constexpr int kWidestDge = 8;  ///< bits of a format whose numbers are listed

const FloatFormat kPowersOfTwo = {8, 0, 127, NonFinite::fn, false, Subnormals::on, false};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), rest_(text) {}

  OperandSpec parse() {
    const std::vector<OptionPart> parts = split_at_plus(text_);
    for (std::size_t i = 1; i < parts.size(); ++i) {
      if (!read(parts[i])) continue;
      // The quantizer sees blanks instead, so that its complaints count the same columns.
      const auto plus = rest_.rfind('+', static_cast<std::size_t>(parts[i].offset));
      const auto end = static_cast<std::size_t>(parts[i].offset) + parts[i].text.size();
      std::fill(rest_.begin() + static_cast<std::ptrdiff_t>(plus),
                rest_.begin() + static_cast<std::ptrdiff_t>(end), ' ');
    }
    read_quantizer();
    check();
    return spec_;
  }

 private:
  using Reader = std::function<void(TextCursor&)>;

  void read_quantizer() {
    try {
      spec_.quantizer = parse_quantizer(rest_);
    } catch (const SpecError& error) {
      std::string message = error.what();
      const std::string shown = shortened(rest_);
      if (const auto at = message.find(shown); at != std::string::npos && shown != text_) {
        message.replace(at, shown.size(), shortened(text_));
      }
      throw SpecError(message, error.column());
    }
  }

  [[noreturn]] void fail(const OptionPart& part, const std::string& message) const {
    throw SpecError(
        fmt::format("{} at column {} of operand '{}'", message, part.offset + 1, shortened(text_)),
        part.offset + 1);
  }

  /// Whether the part is one of ours.
  bool read(const OptionPart& part) {
    const std::string_view name = TextCursor(part.text, "operand").peek_word();
    const std::string key = lower_case(name);
    return read_source(part, key) || read_limits(part, key) || read_transform(part, key) ||
           read_estimator(part, key);
  }

  void take(std::optional<OptionPart>& owner, const OptionPart& part, std::string_view kind,
            const Reader& reader) {
    if (owner) fail(part, fmt::format("second {} '{}' (after '{}')", kind, part.text, owner->text));
    owner = part;
    TextCursor cursor(part.text, "operand");
    try {
      cursor.take_word(cursor.peek_word());
      reader(cursor);
      cursor.expect_end();
    } catch (const SpecError& error) {
      const OptionPart at = {part.text, part.offset + error.column() - 1};
      std::string message = error.what();
      message = message.substr(0, message.find(" at column"));
      fail(at, message);
    }
  }

  static double take_real(TextCursor& cursor, std::string_view what, double low, double high) {
    const TextCursor start = cursor;
    const std::string number(cursor.take_until(",)"));
    double value = 0.0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc() || end != number.data() + number.size() || !(value >= low) ||
        !(value <= high)) {
      start.fail(fmt::format("expected {} from {} to {}", what, low, high));
    }
    return value;
  }

  /// The number of the word among `words`.
  static std::size_t take_choice(TextCursor& cursor,
                                 std::initializer_list<std::string_view> words) {
    std::size_t i = 0;
    for (const std::string_view word : words) {
      if (cursor.take_word(word)) return i;
      ++i;
    }
    cursor.fail(fmt::format("expected {}",
                            joined(std::vector<std::string>(words.begin(), words.end()), " or ")));
  }

  bool read_source(const OptionPart& part, const std::string& key) {
    Scaling& scaling = spec_.scaling;
    const auto source = [&](ScaleSource value, const Reader& reader) {
      take(source_, part, "source of scales", reader);
      scaling.source = value;
      return true;
    };
    const auto nothing = [](TextCursor&) {};
    if (key == "absmean") return source(ScaleSource::absmean, nothing);
    if (key == "current") return source(ScaleSource::current, nothing);
    if (key == "learned") return source(ScaleSource::learned, nothing);
    if (key == "learned_clip") return source(ScaleSource::learned_clip, nothing);
    if (key == "propagated") return source(ScaleSource::propagated, nothing);
    if (key == "delayed") {
      return source(ScaleSource::delayed, [&](TextCursor& cursor) {
        cursor.expect('(');
        scaling.history = cursor.take_integer("the length of the history", 1, kLongestHistory);
        if (cursor.take(',') && take_choice(cursor, {"max", "most_recent"}) == 1) {
          scaling.reduction = AmaxReduction::most_recent;
        }
        cursor.expect(')');
      });
    }
    if (key == "mse") {
      return source(ScaleSource::mse, [&](TextCursor& cursor) {
        if (!cursor.take('(')) return;
        scaling.candidates = cursor.take_integer("the number of candidates", 1, kMostCandidates);
        cursor.expect(')');
      });
    }
    if (key == "percentile") {
      return source(ScaleSource::percentile, [&](TextCursor& cursor) {
        cursor.expect('(');
        scaling.percentile = take_real(cursor, "a share", 1e-6, 1.0);
        cursor.expect(')');
      });
    }
    if (key == "rms") {
      return source(ScaleSource::rms, [&](TextCursor& cursor) {
        if (!cursor.take('(')) return;
        scaling.floors = take_choice(cursor, {"nearest", "floor"}) == 1;
        cursor.expect(')');
      });
    }
    if (key != "fixed") return false;
    return source(ScaleSource::fixed, [&](TextCursor& cursor) {
      cursor.expect('(');
      scaling.fixed = take_real(cursor, "a scale", 1e-30, 1e30);
      cursor.expect(')');
    });
  }

  bool read_limits(const OptionPart& part, const std::string& key) {
    if (key == "margin") {
      take(margin_, part, "margin", [&](TextCursor& cursor) {
        cursor.expect('(');
        spec_.scaling.margin = cursor.take_integer("the margin", -kLargestMargin, kLargestMargin);
        cursor.expect(')');
      });
    } else if (key == "range") {
      take(range_, part, "range", [&](TextCursor& cursor) {
        cursor.expect('(');
        spec_.scaling.range = take_real(cursor, "a share of the range", 1e-6, 1.0);
        cursor.expect(')');
      });
    } else {
      return false;
    }
    return true;
  }

  bool read_transform(const OptionPart& part, const std::string& key) {
    if (key == "hadamard") {
      take(hadamard_, part, "rotation", [&](TextCursor& cursor) {
        cursor.expect('(');
        HadamardSpec& own = spec_.hadamard;
        own.n = cursor.take_integer("the length of the rotation", 2, kLongestRotation);
        if (cursor.take(',')) {
          own.signs =
              static_cast<SignRule>(take_choice(cursor, {"fixed", "random", "transformer_engine"}));
        }
        cursor.expect(')');
      });
    } else if (key == "smooth" || key == "smooth_swiglu") {
      take(channels_, part, "scale of channels",
           [&](TextCursor& cursor) { read_channels(cursor, key == "smooth"); });
    } else if (key == "clamp") {
      take(clamp_, part, "clamp", [&](TextCursor& cursor) {
        cursor.expect('(');
        spec_.clamp.level = take_real(cursor, "a quantile", 0.5, 1.0);
        if (cursor.take(',')) {
          spec_.clamp.compensates = take_choice(cursor, {"drop", "compensate"}) == 1;
        }
        cursor.expect(')');
      });
    } else {
      return false;
    }
    return true;
  }

  void read_channels(TextCursor& cursor, bool is_pair) {
    ChannelSpec& own = spec_.channels;
    own.rule = is_pair ? ChannelRule::smooth : ChannelRule::smooth_swiglu;
    own.power_of_two = !is_pair;
    if (is_pair) {
      cursor.expect('(');
      own.alpha = take_real(cursor, "alpha", 0.0, 1.0);
      if (cursor.take(',')) own.power_of_two = take_choice(cursor, {"real", "power_of_two"}) == 1;
      cursor.expect(')');
    } else if (cursor.take('(')) {
      own.power_of_two = take_choice(cursor, {"real", "power_of_two"}) == 1;
      cursor.expect(')');
    }
  }

  bool read_estimator(const OptionPart& part, const std::string& key) {
    EstimatorSpec& own = spec_.estimator;
    const auto estimator = [&](Estimator rule, const Reader& reader) {
      take(estimator_, part, "estimator", reader);
      own.rule = rule;
      return true;
    };
    const auto nothing = [](TextCursor&) {};
    if (key == "straight_through") return estimator(Estimator::straight_through, nothing);
    if (key == "clipped") return estimator(Estimator::clipped, nothing);
    if (key == "trust") {
      return estimator(Estimator::trust, [&](TextCursor& cursor) {
        if (!cursor.take('(')) return;
        own.trust = take_real(cursor, "T", 1e-6, 1e6);
        cursor.expect(')');
      });
    }
    if (key != "dge") return false;
    return estimator(Estimator::dge, [&](TextCursor& cursor) {
      cursor.expect('(');
      own.k = take_real(cursor, "k", 1.0, 100.0);
      cursor.expect(',');
      own.cap = take_real(cursor, "the largest slope", 1e-3, 1e6);
      cursor.expect(')');
    });
  }

  void check() {
    check_source();
    check_transforms();
    check_estimator();
  }

  void check_source() const {
    const QuantizerSpec& quantizer = spec_.quantizer;
    const ScaleSource source = spec_.scaling.source;
    const bool is_given = source == ScaleSource::rms || source == ScaleSource::absmean ||
                          source == ScaleSource::fixed || source == ScaleSource::propagated ||
                          source == ScaleSource::learned || source == ScaleSource::learned_clip;
    for (const auto* part : {&source_, &margin_, &range_}) {
      if (!*part || (part == &source_ && source == ScaleSource::current)) continue;
      const bool is_rms = part == &source_ && source == ScaleSource::rms;
      if (quantizer.block && !is_rms) {
        const bool is_range = part == &range_;
        fail(**part,
             fmt::format("a block format has scales of its own, so '{}' does not apply{}",
                         (*part)->text, is_range ? "; write mxfp4(prescale=3/4) for its 3/4" : ""));
      }
      if (!quantizer.block && quantizer.scale == ScaleRule::unscaled) {
        fail(**part, fmt::format("'{}' needs a scale, and {} is unscaled; add scale_binary32",
                                 (*part)->text, to_spec(quantizer.format)));
      }
      if (part != &source_ && is_given) {
        fail(**part, fmt::format("'{}' has no largest magnitude for '{}' to act on", source_->text,
                                 (*part)->text));
      }
    }
    const bool is_whole = source == ScaleSource::delayed || source == ScaleSource::fixed ||
                          source == ScaleSource::propagated;
    if (is_whole && quantizer.granularity != Granularity::tensor) {
      fail(*source_,
           fmt::format("'{}' has one scale for the tensor; drop the granularity", source_->text));
    }
    if (source == ScaleSource::rms) check_rms();
    const bool is_learned = source == ScaleSource::learned || source == ScaleSource::learned_clip;
    if ((is_learned || source == ScaleSource::absmean) &&
        quantizer.scale != ScaleRule::scale_binary32) {
      fail(*source_, fmt::format("the scale of '{}' is a real number; drop scale_power_of_two",
                                 source_->text));
    }
  }

  void check_rms() const {
    const auto& block = spec_.quantizer.block;
    const bool has_powers = block || spec_.quantizer.scale == ScaleRule::scale_power_of_two;
    if (!has_powers && source_->text.find('(') != std::string_view::npos) {
      fail(*source_, "a real scale is not rounded; write rms");
    }
    if (!block) return;
    const bool fits = block->scale == Format(kPowersOfTwo) && block->lines == 1 &&
                      block->length > 0 && !block->three_quarters && block->tensor_bound == 0 &&
                      block->zero_point == ZeroPoint::none;
    if (!fits) fail(*source_, "rms serves block formats of one line with E8M0 scales");
  }

  void check_transforms() const {
    const HadamardSpec& hadamard = spec_.hadamard;
    if (hadamard_) {
      if (!std::has_single_bit(static_cast<unsigned>(hadamard.n))) {
        fail(*hadamard_, "a rotation needs a power of two");
      }
      if (hadamard.signs == SignRule::transformer_engine && hadamard.n != 16) {
        fail(*hadamard_, "TransformerEngine's signs are for hadamard(16)");
      }
      if (channels_) fail(*channels_, "scales of channels do not go with hadamard");
      if (clamp_) fail(*clamp_, "a clamp does not go with hadamard");
    }
  }

  void check_estimator() {
    const ScaleSource source = spec_.scaling.source;
    const bool is_learned = source == ScaleSource::learned || source == ScaleSource::learned_clip;
    EstimatorSpec& own = spec_.estimator;
    if (is_learned && !estimator_) own.rule = Estimator::clipped;
    if (!estimator_) return;
    if (is_learned && own.rule != Estimator::clipped) {
      fail(*estimator_, fmt::format("'{}' has the estimator clipped", source_->text));
    }
    const bool needs_scale = own.rule == Estimator::clipped || own.rule == Estimator::dge ||
                             (own.rule == Estimator::trust && own.trust == 0.0);
    if (needs_scale && spec_.quantizer.block && source != ScaleSource::rms) {
      fail(*estimator_, fmt::format("'{}' needs the scales of the blocks; add rms or use "
                                    "e2m1fn+tile(1,32)+scale_power_of_two",
                                    estimator_->text));
    }
    if (own.rule == Estimator::dge && width(spec_.quantizer.format) > kWidestDge) {
      fail(*estimator_, fmt::format("dge needs a format of at most {} bits", kWidestDge));
    }
  }

  std::string_view text_;
  std::string rest_;
  OperandSpec spec_;
  std::optional<OptionPart> source_, margin_, range_, hadamard_, channels_, clamp_, estimator_;
};

}  // namespace

OperandSpec parse_operand(std::string_view text) { return Parser(text).parse(); }

}  // namespace halfulp::nn
