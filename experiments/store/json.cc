#include "experiments/store/json.h"

#include <fmt/format.h>

#include <charconv>

#include "experiments/store/io_error.h"
#include "experiments/store/utf8.h"

namespace halfulp {
namespace {

constexpr int kMostLevels = 16;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  JsonValue parse() {
    JsonValue value = read_value(0);
    skip_space();
    if (at_ != text_.size()) fail("the end");
    return value;
  }

 private:
  [[noreturn]] void fail(std::string_view wanted) const {
    throw IoError(fmt::format("JSON: byte {} is not {}", at_, wanted));
  }

  void skip_space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
  }

  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(char c, std::string_view wanted) {
    if (!take(c)) fail(wanted);
  }

  JsonValue read_value(int level) {
    if (level == kMostLevels) fail("nested so deep");
    if (take('{')) return {read_object(level)};
    if (take('[')) return {read_array(level)};
    if (take('"')) return {read_text()};
    return {read_integer()};
  }

  JsonObject read_object(int level) {
    JsonObject object;
    if (take('}')) return object;
    do {
      expect('"', "a name in quotes");
      std::string name = read_text();
      for (const auto& [other, value] : object) {
        if (other == name) throw IoError("JSON: " + json_text(name) + " stands twice");
      }
      expect(':', "a colon");
      object.emplace_back(std::move(name), read_value(level + 1));
    } while (take(','));
    expect('}', "a comma or a brace");
    return object;
  }

  JsonArray read_array(int level) {
    JsonArray array;
    if (take(']')) return array;
    do {
      array.push_back(read_value(level + 1));
    } while (take(','));
    expect(']', "a comma or a bracket");
    return array;
  }

  std::int64_t read_integer() {
    std::int64_t number = 0;
    const char* const begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), number);
    if (error != std::errc{}) fail("a value");
    at_ += static_cast<std::size_t>(end - begin);
    return number;
  }

  /// After the opening quote.
  std::string read_text() {
    std::string text;
    while (at_ < text_.size() && text_[at_] != '"') {
      const char c = text_[at_++];
      if (static_cast<unsigned char>(c) < 0x20) {
        --at_;
        fail("text");
      }
      if (c == '\\') {
        read_escape(text);
      } else {
        text += c;
      }
    }
    if (at_ == text_.size()) fail("a closing quote");
    ++at_;
    return text;
  }

  void read_escape(std::string& text) {
    static constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (at_ == text_.size()) fail("an escape");
    const std::size_t letter = kLetters.find(text_[at_]);
    if (letter != std::string_view::npos) {
      text += kMeanings[letter];
      ++at_;
      return;
    }
    if (text_[at_] != 'u') fail("an escape");
    ++at_;
    std::uint32_t code = read_hex();
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      const std::uint32_t low = read_hex();
      if (low < 0xDC00 || low > 0xDFFF) fail("the second half of a pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(text, code);
  }

  std::uint32_t read_hex() {
    std::uint32_t code = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || parsed.ptr != digits.data() + 4) fail("four hex digits");
    at_ += 4;
    return code;
  }

  static void append_utf8(std::string& text, std::uint32_t code) {
    const auto byte = [&](std::uint32_t value) { text += static_cast<char>(value); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
      byte(0xC0 | code >> 6);
    } else if (code < 0x10000) {
      byte(0xE0 | code >> 12);
      byte(0x80 | (code >> 6 & 0x3F));
    } else {
      byte(0xF0 | code >> 18);
      byte(0x80 | (code >> 12 & 0x3F));
      byte(0x80 | (code >> 6 & 0x3F));
    }
    byte(0x80 | (code & 0x3F));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

template <class T>
const T& get(const JsonValue& json, std::string_view what, std::string_view kind) {
  if (const T* value = std::get_if<T>(&json.value)) return *value;
  throw IoError(fmt::format("JSON: {} is not {}", what, kind));
}

}  // namespace

std::int64_t JsonValue::integer(std::string_view what) const {
  return get<std::int64_t>(*this, what, "a whole number");
}

const std::string& JsonValue::text(std::string_view what) const {
  return get<std::string>(*this, what, "text");
}

const JsonArray& JsonValue::array(std::string_view what) const {
  return get<JsonArray>(*this, what, "an array");
}

const JsonObject& JsonValue::object(std::string_view what) const {
  return get<JsonObject>(*this, what, "an object");
}

JsonValue parse_json(std::string_view text) { return Parser(text).parse(); }

std::string json_text(std::string_view text) {
  std::string result = "\"";
  for (const char c : valid_utf8(text)) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

}  // namespace halfulp
