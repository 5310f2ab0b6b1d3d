#include "experiments/harness/accumulator_field.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "experiments/harness/schema.h"
#include "formats/accumulator_spec.h"
#include "formats/spec.h"

namespace halfulp::harness {

namespace {

const std::vector<std::string> kKeys = {"format",  "rounding", "overflow",    "method",
                                        "aligned", "preset",   "operands",    "every",
                                        "order",   "flush",    "product",     "promote",
                                        "outer",   "result",   "addend_last", "shared_draws"};
const std::vector<std::string> kAlignedKeys = {
    "terms",          "bits",       "alignment",      "lanes",           "exact_products",
    "least_exponent", "addend",     "exponents",      "flush_operands",  "products_overflow",
    "addition",       "interleave", "realigned_bits", "drops_far_addend"};
const std::vector<std::string> kMethods = {"rounded", "kahan", "two_sum", "exact"};
const std::vector<std::string> kDestinationKeys = {"format", "rounding", "overflow"};

/// Puts the words of a spec together and remembers which value each came from.
class TableReader {
 public:
  TableReader(std::string path, const TomlNode& table, Diagnostics& diagnostics)
      : path_(std::move(path)), table_(table), diagnostics_(diagnostics) {}

  std::optional<Value> read() {
    check_keys(path_, table_, kKeys);
    read_method();
    for (const char* key : {"rounding", "overflow"}) add_text(key);
    if (const TomlEntry* every = find("every")) add(call("every", integer(*every)), *every);
    add_text("order");
    if (const TomlEntry* flush = find("flush")) add(call("flush", exponents(*flush, ",")), *flush);
    add_destination("product");
    add_promotion();
    add_destination("result");
    for (const char* key : {"addend_last", "shared_draws"}) add_switch(key);
    if (!good_) return std::nullopt;
    try {
      return Value(to_spec(parse_accumulator(text_)));
    } catch (const SpecError& error) {
      diagnostics_.error(place_of(error.column()),
                         fmt::format("{}: {}: {}", path_, quote(text_), error.what()));
      return std::nullopt;
    }
  }

 private:
  struct Piece {
    std::size_t end;  ///< in text_
    Location at;
  };

  void complain(const Location& at, const std::string& message) {
    diagnostics_.error(at, message);
    good_ = false;
  }

  const TomlEntry* find(std::string_view key) const {
    const auto found = std::find_if(table_.entries.begin(), table_.entries.end(),
                                    [&](const TomlEntry& entry) { return entry.key == key; });
    return found == table_.entries.end() ? nullptr : &*found;
  }

  void check_keys(const std::string& path, const TomlNode& table,
                  const std::vector<std::string>& known) {
    for (const TomlEntry& entry : table.entries) {
      if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
        complain(entry.at, fmt::format("{}: {} (known: {})", path, unknown_key(entry.key, known),
                                       fmt::join(known, ", ")));
      }
    }
  }

  bool expect(const TomlNode& node, std::string_view key, TomlType type, std::string_view wanted) {
    if (node.type == type) return true;
    const bool is_plain = node.type != TomlType::array && node.type != TomlType::table &&
                          node.type != TomlType::date_time;
    complain(node.at,
             fmt::format("{}.{}: expected {}, got {}{}", path_, key, wanted, describe(node.type),
                         is_plain ? " " + to_toml(node) : std::string()));
    return false;
  }

  std::string text(const TomlNode& node, std::string_view key) {
    return expect(node, key, TomlType::text, "a text") ? node.text : std::string();
  }

  std::string integer(const TomlEntry& entry) {
    return expect(entry.value, entry.key, TomlType::integer, "an integer")
               ? std::to_string(entry.value.integer)
               : std::string();
  }

  static std::string call(std::string_view name, std::string_view arguments) {
    return fmt::format("{}({})", name, arguments);
  }

  void add(const std::string& word, const TomlEntry& from) {
    if (!text_.empty()) text_ += '+';
    text_ += word;
    pieces_.push_back({text_.size(), from.value.at});
  }

  /// The place of the value that the character in `column` (from 1) came from.
  Location place_of(int column) const {
    for (const Piece& piece : pieces_) {
      if (static_cast<std::size_t>(std::max(column, 1)) <= piece.end) return piece.at;
    }
    return table_.at;
  }

  void read_method() {
    const TomlEntry* preset = find("preset");
    const TomlEntry* aligned = find("aligned");
    const TomlEntry* method = find("method");
    const TomlEntry* format = find("format");
    if (const TomlEntry* operands = find("operands"); operands != nullptr && preset == nullptr) {
      complain(operands->at, path_ + ".operands: they are the operand formats of a preset");
    }
    if (preset != nullptr) {
      for (const TomlEntry* other : {aligned, method, format}) {
        if (other != nullptr) {
          complain(other->at, fmt::format("{}.{}: a preset has its own", path_, other->key));
        }
      }
      return add(preset_call(*preset), *preset);
    }
    if (format == nullptr) {
      return complain(table_.at, path_ + ": format, of the running sum, is missing");
    }
    const std::string name = text(format->value, "format");
    if (aligned != nullptr) {
      if (method != nullptr) {
        complain(method->at, path_ + ".method: an aligned sum has no other method");
      }
      return add(aligned_call(*aligned, name), *aligned);
    }
    const std::string kind = method == nullptr ? "rounded" : text(method->value, "method");
    if (std::find(kMethods.begin(), kMethods.end(), kind) == kMethods.end()) {
      return complain(method->value.at,
                      fmt::format("{}.method: {} is none of {}{}", path_, quote(kind),
                                  fmt::join(kMethods, ", "), suggestion(kind, kMethods)));
    }
    add(kind == "rounded" ? name : call(kind, name), *format);
  }

  std::string preset_call(const TomlEntry& preset) {
    const std::string name = text(preset.value, "preset");
    const TomlEntry* operands = find("operands");
    if (operands == nullptr) return name;
    if (name.find('(') != std::string::npos) {
      complain(operands->at, path_ + ".operands: the preset has operands in its parentheses");
      return name;
    }
    if (operands->value.type != TomlType::array) {
      return call(name, text(operands->value, "operands"));
    }
    if (operands->value.items.empty()) {
      complain(operands->at, path_ + ".operands: name one format, or one for each operand");
    }
    std::vector<std::string> formats;
    for (const TomlNode& item : operands->value.items) formats.push_back(text(item, "operands"));
    return call(name, fmt::format("{}", fmt::join(formats, ",")));
  }

  std::string aligned_call(const TomlEntry& aligned, const std::string& format) {
    if (!expect(aligned.value, "aligned", TomlType::table, "a table")) return "";
    check_keys(path_ + ".aligned", aligned.value, kAlignedKeys);
    std::string terms, bits, details;
    for (const TomlEntry& entry : aligned.value.entries) {
      if (entry.key == "terms" || entry.key == "bits") {
        (entry.key == "terms" ? terms : bits) =
            integer({"aligned." + entry.key, entry.at, entry.value});
      } else {
        details += detail(entry);
      }
    }
    if (good_ && (terms.empty() || bits.empty())) {
      complain(aligned.value.at, path_ +
                                     ".aligned: needs terms, the products of one addition, and "
                                     "bits, the fraction bits that alignment keeps");
    }
    return fmt::format("aligned({},{},{}{})", format, terms, bits, details);
  }

  /// ",lanes=2" of lanes = 2, ",flush_operands" of flush_operands = true.
  std::string detail(const TomlEntry& entry) {
    const TomlNode& value = entry.value;
    const std::string key = "aligned." + entry.key;
    switch (value.type) {
      case TomlType::boolean:
        return value.boolean ? "," + entry.key : "";
      case TomlType::array:
        return fmt::format(",{}={}", entry.key, exponents(entry, ":"));
      case TomlType::table:
        return fmt::format(",{}={}", entry.key, destination(value, key));
      case TomlType::text:
        return fmt::format(",{}={}", entry.key, value.text);
      case TomlType::integer:
        return fmt::format(",{}={}", entry.key, value.integer);
      case TomlType::real:
      case TomlType::date_time:
        break;
    }
    expect(value, key, TomlType::integer, "an integer, a text or true");
    return "";
  }

  /// One integer, or two in a list.
  std::string exponents(const TomlEntry& entry, const char* separator) {
    if (entry.value.type != TomlType::array) return integer(entry);
    std::vector<std::string> numbers;
    for (const TomlNode& item : entry.value.items) {
      numbers.push_back(integer({entry.key, item.at, item}));
    }
    return fmt::format("{}", fmt::join(numbers, separator));
  }

  /// "binary32+toward_zero", or { format = "binary32", rounding = "toward_zero" }.
  std::string destination(const TomlNode& node, const std::string& key) {
    if (node.type != TomlType::table) return text(node, key);
    check_keys(path_ + "." + key, node, kDestinationKeys);
    std::string words;
    for (const std::string& part : kDestinationKeys) {
      for (const TomlEntry& entry : node.entries) {
        if (entry.key != part) continue;
        words += (words.empty() ? "" : "+") + text(entry.value, key + "." + part);
      }
    }
    return words;
  }

  void add_text(const char* key) {
    if (const TomlEntry* entry = find(key)) add(text(entry->value, key), *entry);
  }

  void add_destination(const char* key) {
    if (const TomlEntry* entry = find(key)) add(call(key, destination(entry->value, key)), *entry);
  }

  void add_promotion() {
    const TomlEntry* promote = find("promote");
    const TomlEntry* outer = find("outer");
    if ((promote == nullptr) != (outer == nullptr)) {
      const TomlEntry& given = promote == nullptr ? *outer : *promote;
      return complain(given.at, path_ +
                                    ": promote, the interval, and outer, the format of the "
                                    "outer sum, go together");
    }
    if (promote == nullptr) return;
    add(call("promote", integer(*promote) + "," + destination(outer->value, "outer")), *promote);
  }

  void add_switch(const char* key) {
    const TomlEntry* entry = find(key);
    if (entry == nullptr || !expect(entry->value, key, TomlType::boolean, "true or false")) return;
    if (entry->value.boolean) add(key, *entry);
  }

  std::string path_;
  const TomlNode& table_;
  Diagnostics& diagnostics_;
  std::string text_;
  std::vector<Piece> pieces_;
  bool good_ = true;
};

}  // namespace

std::optional<Value> read_accumulator(const Field& field, const TomlNode& node,
                                      Diagnostics& diagnostics) {
  if (node.type == TomlType::table) {
    return TableReader(std::string(field.key), node, diagnostics).read();
  }
  const auto choices = split(field.choices, '|');
  if (std::find(choices.begin(), choices.end(), node.text) != choices.end()) {
    return Value(node.text);
  }
  try {
    return Value(to_spec(parse_accumulator(node.text)));
  } catch (const SpecError& error) {
    diagnostics.error(node.at, fmt::format("{}: {}: {}{}", field.key, quote(node.text),
                                           error.what(), suggestion(node.text, choices)));
    return std::nullopt;
  }
}

}  // namespace halfulp::harness
