#include "formats/accumulator_spec.h"

#include <algorithm>
#include <map>

#include "formats/accumulator_reader.h"
#include "formats/named_accumulators.h"
#include "formats/round.h"
#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp {

namespace {

using accumulator_spec::Call;
using accumulator_spec::default_overflow;
using accumulator_spec::Part;
using accumulator_spec::Reader;
using accumulator_spec::Slot;
using accumulator_spec::suggestion;

constexpr int kLongest = 1'000'000'000;
constexpr int kLargestExponent = 20'000;

const std::vector<std::string> kDetailNames = {
    "alignment",      "lanes",          "exact_products",   "interleave",
    "least_exponent", "exponents",      "flush_operands",   "addend",
    "addition",       "realigned_bits", "drops_far_addend", "products_overflow"};
const std::vector<std::string> kOrders = {"sequential", "pairwise", "blocked", "interleaved"};
const std::vector<std::string> kAddends = {"aligned", "separate", "realigned"};

class Parser : private Reader {
 public:
  explicit Parser(std::string_view text) : Reader("accumulator", text) {}

  AccumulatorSpec parse() {
    const std::vector<Part> parts = split(whole(), '+');
    if (parts[0].text.empty()) {
      fail(parts[0], "expected an accumulator, for example binary32 or h100(binary16)");
    }
    read_method(parts[0]);
    for (std::size_t i = 1; i < parts.size(); ++i) read_option(parts[i]);
    if (!is_preset_ && !overflow_.is_taken()) {
      sum().rounding.overflow = default_overflow(sum().format);
    }
    if (const std::string fault = accumulator_fault(spec_); !fault.empty()) {
      fail(parts[0], "'" + shortened(source().whole) + "' is no accumulator: " + fault);
    }
    return spec_;
  }

 private:
  Destination& sum() {
    return std::visit([](auto& method) -> Destination& { return method.sum; }, spec_.method);
  }

  const Part& arguments_of(const Call& call) const {
    if (!call.arguments) {
      fail(call.name_part, "'" + std::string(call.name_part.text) + "' needs its parentheses");
    }
    return *call.arguments;
  }

  void read_method(const Part& part) {
    const std::size_t open = part.text.find('(');
    const std::string head = lower_case(part.text.substr(0, open));
    if (const NamedAccumulator* row = find_named_accumulator(head)) {
      read_preset(*row, call(part));
    } else if (head == "aligned") {
      read_aligned(arguments_of(call(part)));
    } else if (head == "kahan" || head == "two_sum") {
      const auto method =
          head == "kahan" ? CompensatedSum::Method::kahan : CompensatedSum::Method::two_sum;
      spec_.method = CompensatedSum{method, {format(arguments_of(call(part))), {}}};
    } else if (head == "exact") {
      spec_.method = ExactAccumulation{{format(arguments_of(call(part))), {}}, 0};
    } else {
      spec_.method = RoundedSum{{method_format(part, head), {}}, 1, {}, {}};
    }
  }

  static std::vector<std::string> method_names() {
    std::vector<std::string> names = {"aligned", "kahan", "two_sum", "exact"};
    for (const NamedAccumulator& row : named_accumulators()) {
      names.emplace_back(row.name);
      names.insert(names.end(), row.aliases.begin(), row.aliases.end());
    }
    return names;
  }

  /// A format; when it is none, the suggestions are of methods and presets too.
  Format method_format(const Part& part, const std::string& head) const {
    Format format;
    in_part(part, [&] {
      try {
        format = parse_format(part.text);
      } catch (const SpecError& error) {
        const std::vector<std::string> near = nearest_names(head, method_names());
        if (near.empty()) throw;
        throw SpecError(std::string(error.what()) + "; or did you mean " + joined(near) + "?",
                        error.column());
      }
    });
    return format;
  }

  void read_preset(const NamedAccumulator& row, const Call& call) {
    is_preset_ = true;
    PresetArguments arguments;
    Slot result;
    if (call.arguments) {
      for (const Part& part : split(*call.arguments, ',')) {
        if (lower_case(part.text).starts_with("result=")) {
          result.claim(source(), part, "result");
          arguments.result = format({part.text.substr(7), part.offset + 7});
        } else if (arguments.operands.size() < 2) {
          arguments.operands.push_back(format(part));
        } else {
          fail(part, "a preset takes the formats of two operands and result=FORMAT");
        }
      }
    }
    in_part(call.name_part, [&] { spec_ = named_accumulator(row, arguments); });
  }

  void read_aligned(const Part& arguments) {
    const std::vector<Part> parts = split(arguments, ',');
    if (parts.size() < 3) {
      fail(arguments,
           "expected a format, the number of terms and the fraction bits, as in "
           "aligned(binary32,16,24),");
    }
    AlignedSum sum;
    sum.sum.format = format(parts[0]);
    sum.terms = number(parts[1], "the number of terms", 1, AlignedSum::kMostTerms);
    sum.fraction_bits = number(parts[2], "the number of fraction bits", 0, AlignedSum::kMostBits);
    for (std::size_t i = 3; i < parts.size(); ++i) read_detail(parts[i], sum);
    spec_.method = sum;
  }

  void read_detail(const Part& part, AlignedSum& sum) {
    const std::size_t equals = part.text.find('=');
    const std::string key = lower_case(part.text.substr(0, equals));
    bool* const flag = key == "flush_operands"      ? &sum.flush_operands
                       : key == "products_overflow" ? &sum.products_overflow
                       : key == "drops_far_addend"  ? &sum.drops_far_addend
                                                    : nullptr;
    if (std::ranges::find(kDetailNames, key) == kDetailNames.end()) refuse_detail(part, key);
    details_[key].claim(source(), part, "detail");
    if (flag != nullptr && equals == std::string_view::npos) {
      *flag = true;
      return;
    }
    if (flag != nullptr) fail(part, "'" + key + "' takes no value");
    if (equals == std::string_view::npos)
      fail(part, "'" + key + "' needs a value, as " + key + "=");
    const Part value = spec_parts::trimmed(
        source().whole, {part.text.substr(equals + 1), part.offset + equals + 1});
    if (key == "alignment") {
      RoundSpec rounding;
      in_part(value, [&] { parse_rounding(value.text, rounding); });
      sum.alignment = rounding.rounding;
    } else if (key == "lanes") {
      sum.lanes = number(value, "the number of lanes", 1, kLongest);
    } else if (key == "exact_products") {
      sum.exact_products = number(value, "the number of exact products", 1, kLongest);
    } else if (key == "interleave") {
      sum.interleave = number(value, "a number of neighbours", 1, kLongest);
    } else if (key == "least_exponent") {
      sum.least_exponent = exponent(value);
    } else if (key == "exponents") {
      read_exponents(value, ':', sum.operand_exponents);
    } else if (key == "addend") {
      sum.addend = static_cast<AlignedSum::Addend>(word(value, kAddends));
    } else if (key == "realigned_bits") {
      sum.realigned_bits = number(value, "the number of realigned bits", 0, AlignedSum::kMostBits);
    } else if (key == "addition") {
      sum.addition = destination(value);
    }
  }

  [[noreturn]] void refuse_detail(const Part& part, const std::string& key) const {
    fail(part, "unknown detail '" + shortened(part.text) + "'; " + suggestion(key, kDetailNames));
  }

  int exponent(const Part& part) const {
    return number(part, "an exponent", -kLargestExponent, kLargestExponent);
  }

  /// One exponent for both operands, or one each.
  void read_exponents(const Part& part, char separator, int (&exponents)[2]) const {
    const std::vector<Part> parts = split(part, separator);
    if (parts.size() > 2) fail(part, "expected one or two exponents");
    exponents[0] = exponent(parts[0]);
    exponents[1] = exponent(parts.back());
  }

  void read_option(const Part& part) {
    if (part.text.empty()) refuse_option(part);
    const Call option = call(part);
    if (option.name == "every") {
      read_every(part, arguments_of(option));
    } else if (option.name == "flush") {
      flush_.claim(source(), part, "flush");
      Flush flush;
      read_exponents(arguments_of(option), ',', flush.operand_exponents);
      rounded(part).flush = flush;
    } else if (option.name == "product") {
      product_.claim(source(), part, "product");
      spec_.product = destination(arguments_of(option));
    } else if (option.name == "promote") {
      promotion_.claim(source(), part, "promotion");
      read_promotion(arguments_of(option));
    } else if (option.name == "result") {
      result_.claim(source(), part, "result");
      spec_.result = destination(arguments_of(option));
    } else if (part.text.find('(') == std::string_view::npos && option.name == "addend_last") {
      addend_last_.claim(source(), part, "option");
      spec_.addend_last = true;
    } else if (part.text.find('(') == std::string_view::npos && option.name == "shared_draws") {
      shared_draws_.claim(source(), part, "option");
      spec_.shared_draws = true;
    } else if (!read_order(part, option) &&
               !read_policy(part, sum().rounding, rounding_, overflow_)) {
      refuse_option(part);
    }
  }

  RoundedSum& rounded(const Part& part) {
    auto* sum = std::get_if<RoundedSum>(&spec_.method);
    if (sum == nullptr) {
      fail(part, "'" + shortened(part.text) + "' is for sums in which each addition is rounded");
    }
    return *sum;
  }

  void read_every(const Part& part, const Part& argument) {
    every_.claim(source(), part, "every");
    const int n = number(argument, "a number of terms", 1, kLongest);
    if (auto* exact = std::get_if<ExactAccumulation>(&spec_.method)) {
      exact->every = n;
    } else {
      rounded(part).every = n;
    }
  }

  bool read_order(const Part& part, const Call& option) {
    for (std::size_t i = 0; i < kOrders.size(); ++i) {
      if (option.name != kOrders[i]) continue;
      order_.claim(source(), part, "order");
      SumOrder order{static_cast<Order>(i), 0};
      if (order.order == Order::sequential && option.arguments)
        fail(part, "sequential has no length");
      const bool needs_length = order.order != Order::sequential && order.order != Order::pairwise;
      if (option.arguments || needs_length) {
        order.length = number(arguments_of(option), "a length", 1, kLongest);
      }
      rounded(part).order = order;
      return true;
    }
    return false;
  }

  void read_promotion(const Part& arguments) {
    const std::vector<Part> parts = split(arguments, ',');
    Promotion promotion;
    promotion.interval = number(parts[0], "an interval", 1, kLongest);
    if (parts.size() != 2)
      fail(arguments, "expected an interval and a format, as in promote(128,binary32),");
    promotion.outer = destination(parts[1]);
    spec_.promotion = promotion;
  }

  AccumulatorSpec spec_;
  bool is_preset_ = false;
  Slot rounding_, overflow_, every_, order_, flush_, product_, promotion_, result_, addend_last_,
      shared_draws_;
  std::map<std::string, Slot> details_;  ///< of an aligned sum, by name
};

}  // namespace

AccumulatorSpec parse_accumulator(std::string_view text) { return Parser(text).parse(); }

Destination parse_destination(std::string_view text) {
  const Reader reader("destination", text);
  const Destination to = reader.destination(reader.whole());
  check_round_spec(to.format, to.rounding);
  return to;
}

}  // namespace halfulp
