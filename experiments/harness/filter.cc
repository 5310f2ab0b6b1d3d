#include "experiments/harness/filter.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <optional>
#include <vector>

namespace halfulp::harness {

struct Filter::Node {
  enum class Type : std::uint8_t { any_of, all_of, comparison };

  Type type = Type::comparison;
  std::vector<Node> children;
  std::string key;
  std::string comparator;
  Value value;
};

namespace {

using Node = Filter::Node;

constexpr int kDeepest = 100;
constexpr Field kSeed = {"seed", FieldType::integer, "0", "the seed of the run"};
constexpr Field kId = {"id", FieldType::text, "", "the run id"};

class Parser {
 public:
  Parser(const std::string& text, const Schema& schema) : text_(text), schema_(schema) {}

  Node parse() {
    Node node = parse_any();
    skip_space();
    if (at_ < text_.size()) {
      fail(at_, fmt::format("expected && or || before '{}'", text_.substr(at_)));
    }
    return node;
  }

 private:
  [[noreturn]] void fail(std::size_t at, const std::string& message) const {
    throw ConfigError(fmt::format("--filter, column {}: {}", at + 1, message));
  }

  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
      ++at_;
    }
  }

  bool take(std::string_view token) {
    skip_space();
    if (std::string_view(text_).substr(at_, token.size()) != token) {
      return false;
    }
    at_ += token.size();
    return true;
  }

  Node parse_any() {
    Node node{Node::Type::any_of, {}, "", "", {}};
    do {
      node.children.push_back(parse_all());
    } while (take("||"));
    return node;
  }

  Node parse_all() {
    Node node{Node::Type::all_of, {}, "", "", {}};
    do {
      node.children.push_back(parse_term());
    } while (take("&&"));
    return node;
  }

  Node parse_term() {
    if (take("(")) {
      const std::size_t open = at_ - 1;
      if (++depth_ > kDeepest) {
        fail(open, "too many parentheses");
      }
      Node node = parse_any();
      --depth_;
      if (!take(")")) {
        fail(open, "this parenthesis is not closed");
      }
      return node;
    }
    return parse_comparison();
  }

  std::string parse_word() {
    const auto is_part = [](char c) {
      return std::isspace(static_cast<unsigned char>(c)) == 0 &&
             std::string_view("=!<>&|()\"'").find(c) == std::string_view::npos;
    };
    skip_space();
    const std::size_t start = at_;
    while (at_ < text_.size() && is_part(text_[at_])) {
      ++at_;
    }
    return text_.substr(start, at_ - start);
  }

  const Field* find_field(const std::string& key, std::size_t at) const {
    if (key == kSeed.key) {
      return &kSeed;
    }
    if (key == kId.key) {
      return &kId;
    }
    const Field* field = schema_.find(key);
    if (field == nullptr) {
      std::vector<std::string> known = {"seed", "id"};
      for (const Field& one : schema_.fields()) {
        known.emplace_back(one.key);
      }
      fail(at, unknown_key(key, known));
    }
    return field;
  }

  std::string parse_value_text() {
    skip_space();
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
      const std::size_t open = at_;
      const std::size_t close = text_.find(text_[open], open + 1);
      if (close == std::string::npos) {
        fail(open, "this quote is not closed");
      }
      at_ = close + 1;
      return text_.substr(open + 1, close - open - 1);
    }
    std::string word = parse_word();
    if (word.empty()) {
      fail(at_, "expected a value");
    }
    return word;
  }

  Node parse_comparison() {
    skip_space();
    const std::size_t key_at = at_;
    Node node;
    node.key = parse_word();
    if (node.key.empty()) {
      fail(at_, at_ < text_.size() ? fmt::format("expected a key, got '{}'", text_[at_])
                                   : std::string("expected a key"));
    }
    const Field* field = find_field(node.key, key_at);
    skip_space();
    const std::size_t comparator_at = at_;
    for (const char* comparator : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (node.comparator.empty() && take(comparator)) {
        node.comparator = comparator;
      }
    }
    if (node.comparator.empty()) {
      fail(comparator_at, fmt::format("expected ==, !=, <, <=, > or >= after '{}'", node.key));
    }
    const bool is_number = field->type == FieldType::integer || field->type == FieldType::real;
    if (!is_number && node.comparator != "==" && node.comparator != "!=") {
      fail(comparator_at, fmt::format("'{}' is no number: compare it with == or !=", node.key));
    }
    node.value = parse_value(*field);
    return node;
  }

  Value parse_value(const Field& field) {
    skip_space();
    const std::size_t at = at_;
    Field any = field;  // model.width < 1e9 is a fair question, whatever the range of the key
    any.low = -1e308;
    any.high = 1e308;
    if (any.type == FieldType::integer) {
      any.type = FieldType::real;  // and so is model.width > 1.5
    }
    Diagnostics diagnostics;
    const auto value = read_value_text(any, parse_value_text(), {"--filter"}, diagnostics);
    if (!value) {
      const std::string line = diagnostics.lines().front();
      fail(at, line.substr(line.find(": ") + 2));
    }
    return *value;
  }

  const std::string& text_;
  const Schema& schema_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

double number(const Value& value) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  return integer != nullptr ? static_cast<double>(*integer) : std::get<double>(value);
}

Value value_of(const RunPoint& point, const std::string& key) {
  if (key == kSeed.key) {
    return point.seed;
  }
  return key == kId.key ? Value(point.id) : point.config.values().find(key)->second;
}

bool compare(const Node& node, const RunPoint& point) {
  const Value value = value_of(point, node.key);
  const std::string& comparator = node.comparator;
  if (!std::holds_alternative<double>(node.value)) {
    return (value == node.value) == (comparator == "==");
  }
  const double left = number(value), right = number(node.value);
  if (comparator == "==") {
    return left == right;
  }
  if (comparator == "!=") {
    return left != right;
  }
  if (comparator == "<") {
    return left < right;
  }
  if (comparator == "<=") {
    return left <= right;
  }
  return comparator == ">" ? left > right : left >= right;
}

bool evaluate(const Node& node, const RunPoint& point) {
  if (node.type == Node::Type::comparison) {
    return compare(node, point);
  }
  const bool stop_at = node.type == Node::Type::any_of;
  for (const Node& child : node.children) {
    if (evaluate(child, point) == stop_at) {
      return stop_at;
    }
  }
  return !stop_at;
}

}  // namespace

Filter::Filter(const std::string& text, const Schema& schema)
    : root_(std::make_unique<Node>(Parser(text, schema).parse())) {}

Filter::~Filter() = default;
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;

bool Filter::matches(const RunPoint& point) const { return evaluate(*root_, point); }

}  // namespace halfulp::harness
