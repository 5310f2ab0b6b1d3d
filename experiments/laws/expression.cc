#include "experiments/laws/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/schema.h"

namespace halfulp::laws {

namespace {

constexpr int kDeepest = 200;

struct Function {
  std::string_view name;
  Operation operation;
  std::size_t fewest, most;  ///< arguments
};

constexpr std::array kFunctions = {
    Function{"exp", Operation::exponential, 1, 1},
    Function{"log", Operation::logarithm, 1, 1},
    Function{"ln", Operation::logarithm, 1, 1},
    Function{"log2", Operation::binary_logarithm, 1, 1},
    Function{"log10", Operation::decimal_logarithm, 1, 1},
    Function{"sqrt", Operation::square_root, 1, 1},
    Function{"abs", Operation::absolute, 1, 1},
    Function{"pow", Operation::power, 2, 2},
    Function{"min", Operation::minimum, 2, 64},
    Function{"max", Operation::maximum, 2, 64},
};

struct Symbol {
  std::string_view text;
  Operation operation;
};

constexpr std::array kComparisons = {
    Symbol{"==", Operation::equal},      Symbol{"!=", Operation::not_equal},
    Symbol{"<=", Operation::less_equal}, Symbol{">=", Operation::greater_equal},
    Symbol{"<", Operation::less},        Symbol{">", Operation::greater},
    Symbol{"~", Operation::contains},
};

bool is_name_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool is_name_part(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

class Parser {
 public:
  using Node = Expression::Node;

  Parser(const std::string& text, const std::vector<std::string>& known, const std::string& where,
         std::vector<Node>& nodes, std::vector<std::string>& names, std::vector<std::string>& texts)
      : text_(text), where_(where), nodes_(nodes), names_(names), texts_(texts) {
    for (const std::string& name : known) {
      const bool plain =
          !name.empty() && is_name_start(name.front()) &&
          std::all_of(name.begin(), name.end(), [](char c) { return is_name_part(c) || c == ' '; });
      if (plain) known_.push_back(name);
    }
    std::stable_sort(known_.begin(), known_.end(),
                     [](const auto& a, const auto& b) { return a.size() > b.size(); });
  }

  void parse() {
    either();
    skip_space();
    if (at_ < text_.size()) {
      fail(fmt::format("'{}' is not expected here{}", text_.substr(at_),
                       harness::suggestion(text_, known_)));
    }
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw harness::ConfigError(
        fmt::format("{}: column {} of '{}': {}", where_, at_ + 1, text_, message));
  }

  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }

  bool accept(std::string_view symbol) {
    skip_space();
    if (std::string_view(text_).substr(at_, symbol.size()) != symbol) return false;
    at_ += symbol.size();
    return true;
  }

  std::size_t add(Node node) {
    nodes_.push_back(node);
    return nodes_.size() - 1;
  }

  std::size_t add(Operation operation, std::size_t left, std::size_t right = 0) {
    return add(Node{operation, 0.0, 0, left, right});
  }

  std::size_t either() {
    if (++depth_ > kDeepest) fail("parentheses are nested too deeply");
    std::size_t left = both();
    while (accept("||")) left = add(Operation::either, left, both());
    --depth_;
    return left;
  }

  std::size_t both() {
    std::size_t left = negation();
    while (accept("&&")) left = add(Operation::both, left, negation());
    return left;
  }

  std::size_t negation() {
    skip_space();
    if (std::string_view(text_).substr(at_, 2) != "!=" && accept("!")) {
      if (++depth_ > kDeepest) fail("too many '!'");
      const std::size_t inner = negation();
      --depth_;
      return add(Operation::negation, inner);
    }
    return comparison();
  }

  std::size_t comparison() {
    const std::size_t left = sum();
    for (const Symbol& symbol : kComparisons) {
      if (accept(symbol.text)) return add(symbol.operation, left, sum());
    }
    skip_space();
    if (at_ < text_.size() && text_[at_] == '=') fail("equality is written ==");
    return left;
  }

  std::size_t sum() {
    std::size_t left = product();
    while (true) {
      if (accept("+")) {
        left = add(Operation::add, left, product());
      } else if (accept("-")) {
        left = add(Operation::subtract, left, product());
      } else {
        return left;
      }
    }
  }

  std::size_t product() {
    std::size_t left = sign();
    while (true) {
      if (accept("*")) {
        left = add(Operation::multiply, left, sign());
      } else if (accept("/")) {
        left = add(Operation::divide, left, sign());
      } else {
        return left;
      }
    }
  }

  std::size_t sign() {
    if (++depth_ > kDeepest) fail("too many signs or powers");
    std::size_t node = 0;
    if (accept("-")) {
      node = add(Operation::negate, sign());
    } else if (accept("+")) {
      node = sign();
    } else {
      node = power();
    }
    --depth_;
    return node;
  }

  std::size_t power() {
    const std::size_t base = primary();
    return accept("^") ? add(Operation::power, base, sign()) : base;
  }

  std::size_t primary() {
    skip_space();
    if (at_ == text_.size()) fail("a number, name or ( is missing at the end");
    const char c = text_[at_];
    if (accept("(")) {
      const std::size_t inner = either();
      if (!accept(")")) fail("a ) is missing");
      return inner;
    }
    if (c == '`' || c == '\'' || c == '"') return quoted(c);
    if (std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.') return number();
    if (is_name_start(c)) return name_or_function();
    fail(fmt::format("'{}' is not expected here", c));
  }

  std::size_t quoted(char quote) {
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string::npos) fail(fmt::format("the closing {} is missing", quote));
    const std::string inner = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    if (quote == '`') return add_name(inner);
    texts_.push_back(inner);
    return add(Node{Operation::text, 0.0, texts_.size() - 1, 0, 0});
  }

  std::size_t number() {
    double value = 0.0;
    const char* const begin = text_.data() + at_;
    const auto parsed = std::from_chars(begin, text_.data() + text_.size(), value);
    if (parsed.ec != std::errc{}) fail("this number cannot be read");
    at_ += static_cast<std::size_t>(parsed.ptr - begin);
    return add(Node{Operation::number, value, 0, 0, 0});
  }

  std::size_t add_name(const std::string& name) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    const auto index = static_cast<std::size_t>(found - names_.begin());
    if (found == names_.end()) names_.push_back(name);
    return add(Node{Operation::name, 0.0, index, 0, 0});
  }

  std::size_t name_or_function() {
    for (const std::string& name : known_) {
      const std::size_t end = at_ + name.size();
      const bool whole = end >= text_.size() || !is_name_part(text_[end]);
      if (whole && text_.compare(at_, name.size(), name) == 0) {
        at_ = end;
        return add_name(name);
      }
    }
    std::size_t end = at_;
    while (end < text_.size() && is_name_part(text_[end])) ++end;
    const std::string name = text_.substr(at_, end - at_);
    const std::size_t start = at_;
    at_ = end;
    if (!accept("(")) return add_name(name);
    const auto* const function = std::find_if(kFunctions.begin(), kFunctions.end(),
                                              [&](const auto& f) { return f.name == name; });
    if (function == kFunctions.end()) {
      at_ = start;
      std::vector<std::string> names;
      for (const Function& known : kFunctions) names.emplace_back(known.name);
      fail(fmt::format("unknown function '{}'{}", name, harness::suggestion(name, names)));
    }
    return arguments(*function, start);
  }

  std::size_t arguments(const Function& function, std::size_t start) {
    std::vector<std::size_t> list = {either()};
    while (accept(",")) list.push_back(either());
    if (!accept(")")) fail("a ) is missing");
    if (list.size() < function.fewest || list.size() > function.most) {
      at_ = start;
      fail(fmt::format("{} takes {} argument{}{}", function.name, function.fewest,
                       function.fewest == 1 ? "" : "s",
                       function.most > function.fewest ? " or more" : ""));
    }
    if (list.size() == 1) return add(function.operation, list[0]);
    std::size_t left = list[0];
    for (std::size_t i = 1; i < list.size(); ++i) left = add(function.operation, left, list[i]);
    return left;
  }

  const std::string& text_;
  const std::string& where_;
  std::vector<Node>& nodes_;
  std::vector<std::string>& names_;
  std::vector<std::string>& texts_;
  std::vector<std::string> known_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Expression::Expression(const std::string& text, const std::vector<std::string>& known,
                       const std::string& where) {
  Parser(text, known, where, nodes_, names_, texts_).parse();
}

bool Expression::is_numeric() const {
  return std::all_of(nodes_.begin(), nodes_.end(), [](const Node& node) {
    return node.operation != Operation::text && !is_condition(node.operation);
  });
}

}  // namespace halfulp::laws
