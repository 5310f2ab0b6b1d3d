#include "experiments/harness/derive_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <optional>

#include "experiments/harness/cli_options.h"
#include "experiments/harness/diagnostics.h"
#include "experiments/harness/labels.h"
#include "experiments/harness/schema.h"
#include "experiments/laws/derived.h"
#include "experiments/laws/fit.h"
#include "experiments/laws/published.h"
#include "experiments/laws/table.h"
#include "experiments/store/atomic_file.h"
#include "experiments/store/fits_file.h"

namespace halfulp::harness {

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct Question {
  std::string_view name;
  std::string_view needs;  ///< options with lists, in the order of the answer's columns
  std::string_view doc;
};

constexpr std::array kQuestions = {
    Question{"compute_optimum", "budget", "N and D of smallest loss for each --budget"},
    Question{"optimal_precision", "budget", "bits of smallest loss for a budget; --N holds N"},
    Question{"critical_data", "N,bits", "the D from which on more data raise the loss"},
    Question{"effective_parameters", "N,D,bits", "N'/N: the exact model of equal loss"},
    Question{"isoloss", "loss,bits,N", "the D that gives a loss"},
    Question{"exponent_split", "bits", "exponent and trailing bits, whole and real"},
    Question{"loss", "N,D,bits", "the law itself"},
};

constexpr std::array kOptions = {
    OptionInfo{'\0', "--law", "NAME", "published constants, or a file of fit --output"},
    OptionInfo{'\0', "--set", "P=VALUE,...", "other constants: eff=0.43"},
    OptionInfo{'\0', "--at", "V=VALUE,...", "other variables: log2B=7,G=32"},
    OptionInfo{'\0', "--budget", "LIST", "1e20,1e21 or 1e18..1e24:7 (evenly in the logarithm)"},
    OptionInfo{'\0', "--cost", "X", "budget = X N D, or X N D bits (default: 6, or 6/16)"},
    OptionInfo{'\0', "--N", "LIST", "parameters"},
    OptionInfo{'\0', "--D", "LIST", "tokens"},
    OptionInfo{'\0', "--bits", "LIST", "bits of the tensors; inf: exact"},
    OptionInfo{'\0', "--loss", "LIST", "losses"},
    OptionInfo{'\0', "--tensors", "LIST",
               "which have these bits (default: w,a,kv; post: after training)"},
    OptionInfo{'\0', "--csv", "FILE", "also write the answer as CSV"},
    OptionInfo{'h', "--help", "", "this text"},
};

struct Arguments {
  std::string question, law, csv, tensors = "w,a,kv";
  std::map<std::string, double> constants, at;
  std::map<std::string, std::vector<double>> lists;
  std::optional<double> cost;
  bool help = false;
};

double to_number(const std::string& option, const std::string& text) {
  double value = 0.0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || !(value > 0.0)) {
    throw ConfigError(fmt::format("option '{}': '{}' is no number above 0", option, text));
  }
  return value;
}

/// "1,2,3" or "1..100:3".
std::vector<double> to_list(const std::string& option, const std::string& text) {
  const std::size_t dots = text.find("..");
  const std::size_t colon = text.find(':');
  std::vector<double> values;
  if (dots != std::string::npos && colon != std::string::npos && dots < colon) {
    const double low = to_number(option, text.substr(0, dots));
    const double high = to_number(option, text.substr(dots + 2, colon - dots - 2));
    const double count = to_number(option, text.substr(colon + 1));
    if (count < 2.0 || count > 10000.0 || std::isinf(low) || std::isinf(high)) {
      throw ConfigError(fmt::format("option '{}': '{}' has 2 to 10000 places", option, text));
    }
    for (double i = 0.0; i < count; i += 1.0) {
      values.push_back(low * std::pow(high / low, i / (std::floor(count) - 1.0)));
    }
    return values;
  }
  for (const std::string& item : split(text, ',')) values.push_back(to_number(option, item));
  return values;
}

void apply(Arguments& arguments, const std::string& name, const std::string& value) {
  if (name == "--law") {
    arguments.law = value;
  } else if (name == "--csv") {
    arguments.csv = value;
  } else if (name == "--tensors") {
    arguments.tensors = value;
  } else if (name == "--cost") {
    arguments.cost = to_number(name, value);
  } else if (name == "--set" || name == "--at") {
    for (const auto& [key, text] : laws::parse_definitions(value, name)) {
      double number = 0.0;
      const char* const end = text.data() + text.size();
      if (std::from_chars(text.data(), end, number).ptr != end) {
        throw ConfigError(fmt::format("option '{}': '{}' is not a number", name, text));
      }
      (name == "--set" ? arguments.constants : arguments.at)[key] = number;
    }
  } else {
    arguments.lists[name.substr(2)] = to_list(name, value);
  }
}

void check(const Arguments& arguments) {
  std::vector<std::string> names;
  for (const Question& question : kQuestions) names.emplace_back(question.name);
  if (arguments.question.empty()) {
    throw ConfigError(fmt::format("derive needs a question: {}", fmt::join(names, ", ")));
  }
  if (std::count(names.begin(), names.end(), arguments.question) == 0) {
    throw ConfigError(fmt::format("derive: unknown question '{}'{} (questions: {})",
                                  arguments.question, suggestion(arguments.question, names),
                                  fmt::join(names, ", ")));
  }
  if (arguments.law.empty()) throw ConfigError("derive needs --law");
}

Arguments parse(const std::vector<std::string>& words) {
  Arguments arguments;
  std::size_t at = 0;
  while (at < words.size()) {
    const std::string word = words[at++];
    if (!word.starts_with("-")) {
      if (!arguments.question.empty()) {
        throw ConfigError(fmt::format("derive: unexpected argument '{}'", word));
      }
      arguments.question = word;
      continue;
    }
    const std::string name = word == "-h" ? "--help" : word.substr(0, word.find('='));
    std::vector<std::string> names;
    for (const OptionInfo& option : kOptions) names.emplace_back(option.name);
    if (std::count(names.begin(), names.end(), name) == 0) {
      throw ConfigError(
          fmt::format("derive: unknown option '{}'{}", name, suggestion(name, names)));
    }
    if (name == "--help") {
      arguments.help = true;
      return arguments;
    }
    if (word.size() > name.size()) {
      apply(arguments, name, word.substr(name.size() + 1));
    } else if (at < words.size()) {
      apply(arguments, name, words[at++]);
    } else {
      throw ConfigError(fmt::format("option '{}' needs a value", name));
    }
  }
  check(arguments);
  return arguments;
}

/// The law with its constants, and once more for every replicate of a fit.
struct Models {
  std::vector<laws::LossModel> all;  ///< the estimate first
};

std::map<std::string, double> constants_of(const laws::Law& law,
                                           const std::vector<std::string>& names,
                                           const std::vector<double>& values) {
  std::map<std::string, double> constants;
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (const laws::Parameter& parameter : law.info().parameters) {
      if (parameter.name == names[i]) constants[names[i]] = values[i];
    }
  }
  return constants;
}

Models load(const Arguments& arguments) {
  Models models;
  const auto add = [&](const std::shared_ptr<const laws::Law>& law,
                       std::map<std::string, double> constants) {
    for (const auto& [name, value] : arguments.constants) constants[name] = value;
    models.all.emplace_back(law, constants);
  };
  if (!arguments.law.ends_with(".h5")) {
    const laws::PublishedLaw& published = laws::published_law(arguments.law);
    add(laws::named_law(published.law), published.constants);
    return models;
  }
  const StoredFit fit = read_fit(arguments.law);
  if (fit.law == "expression") {
    throw ConfigError(arguments.law + ": derive answers for named laws, not for a formula");
  }
  const auto law = laws::named_law(fit.law);
  add(law, constants_of(*law, fit.parameters, fit.estimates));
  for (const auto& replicate : fit.replicates) {
    add(law, constants_of(*law, fit.parameters, replicate));
  }
  return models;
}

using Answer = std::vector<double>;

/// Names of the columns that a question computes; the first one gets an interval.
std::vector<std::string> answer_columns(const std::string& question) {
  if (question == "compute_optimum") return {"D/N", "N", "D", "loss"};
  if (question == "optimal_precision") return {"bits", "N", "D", "loss"};
  if (question == "critical_data") return {"D"};
  if (question == "effective_parameters") return {"share"};
  if (question == "isoloss") return {"D"};
  if (question == "exponent_split") return {"E_real", "M_real", "E", "M"};
  return {"prediction"};
}

/// `in` holds the values of the lists by name.
Answer answer(const Arguments& arguments, const laws::LossModel& model,
              const std::map<std::string, double>& in) {
  const std::string& question = arguments.question;
  const auto held = [&](std::initializer_list<const char*> names) {
    auto variables = arguments.at;
    for (const char* const name : names) {
      if (in.contains(name)) variables[name] = in.at(name);
    }
    const bool bits = in.contains("bits") && !std::isinf(in.at("bits"));
    return bits ? laws::with_bits(model, variables, in.at("bits"), arguments.tensors) : variables;
  };
  if (question == "compute_optimum") {
    const auto o =
        laws::compute_optimum(model, in.at("budget"), arguments.cost.value_or(6.0), held({}));
    return {o.D / o.N, o.N, o.D, o.loss};
  }
  if (question == "optimal_precision") {
    const auto size = in.find("N");
    const auto o = laws::precision_optimum(
        model, in.at("budget"), arguments.cost.value_or(6.0 / 16.0),
        size == in.end() ? std::optional<double>() : size->second, arguments.tensors, arguments.at);
    return {o.bits, o.N, o.D, o.loss};
  }
  if (question == "critical_data") {
    return {laws::critical_data(model, held({"N"})).value_or(kUnknown)};
  }
  if (question == "effective_parameters") {
    return {laws::effective_share(model, in.at("N"), in.at("D"), in.at("bits"), arguments.tensors,
                                  arguments.at)};
  }
  if (question == "isoloss") {
    return {laws::data_for_loss(model, in.at("loss"), held({"N"})).value_or(kUnknown)};
  }
  if (question == "exponent_split") {
    auto variables = arguments.at;
    for (const char* const name : {"N", "D"}) variables.try_emplace(name, 1e9);
    variables.try_emplace("log2B", 7.0);
    const auto real = laws::best_split(model, in.at("bits"), variables);
    const auto whole = laws::exponent_splits(model, in.at("bits"), variables).front();
    return {real.exponent_bits, real.trailing_bits, whole.exponent_bits, whole.trailing_bits};
  }
  return {model(held({"N", "D"}))};
}

/// Every combination of the lists that a question needs, the first slowest.
std::vector<std::map<std::string, double>> combinations(const Arguments& arguments) {
  const auto* const question =
      std::find_if(kQuestions.begin(), kQuestions.end(),
                   [&](const Question& q) { return q.name == arguments.question; });
  std::vector<std::string> names = split(question->needs, ',');
  if (arguments.question == "optimal_precision" && arguments.lists.contains("N")) {
    names.emplace_back("N");
  }
  std::vector<std::map<std::string, double>> all = {{}};
  for (const std::string& name : names) {
    auto list = arguments.lists.find(name);
    const bool optional = arguments.question == "loss" || name == "bits";
    if (list == arguments.lists.end() && optional) continue;
    if (list == arguments.lists.end()) {
      throw ConfigError(fmt::format("derive {} needs --{}", arguments.question, name));
    }
    std::vector<std::map<std::string, double>> next;
    for (const auto& before : all) {
      for (const double value : list->second) {
        next.push_back(before);
        next.back()[name] = value;
      }
    }
    all = std::move(next);
  }
  const bool has_bits = arguments.lists.contains("bits");
  const bool must = question->name == "exponent_split" || question->name == "effective_parameters";
  if (must && !has_bits) {
    throw ConfigError(fmt::format("derive {} needs --bits", arguments.question));
  }
  return all;
}

std::string digits(double value) { return std::isnan(value) ? "-" : fmt::format("{:.6g}", value); }

std::string help(const std::string& program) {
  std::string text = fmt::format(
      "What follows from a law, with published constants or those of a fit. A fit with bootstrap\n"
      "replicates gives 95 % intervals (low, high) of the first answer.\n\n"
      "  {0} derive QUESTION --law NAME [options]\n\nQuestions:\n",
      program);
  std::vector<std::vector<std::string>> rows;
  for (const Question& question : kQuestions) {
    rows.push_back({fmt::format("  {}", question.name), std::string(question.doc)});
  }
  text += format_table(rows) + "\nOptions:\n";
  rows.clear();
  for (const OptionInfo& option : kOptions) {
    rows.push_back({fmt::format("  {} {}", option.name, option.argument), std::string(option.doc)});
  }
  text += format_table(rows) + "\nPublished constants:\n";
  rows.clear();
  for (const laws::PublishedLaw& law : laws::published_laws()) {
    rows.push_back({"  " + law.name, law.law, law.source});
  }
  return text + format_table(rows);
}

}  // namespace

std::string derive_command(const std::vector<std::string>& words, const std::string& program) {
  const Arguments arguments = parse(words);
  if (arguments.help) return help(program);
  const Models models = load(arguments);
  const bool intervals = models.all.size() > 1;
  std::vector<std::vector<std::string>> rows;
  for (const auto& in : combinations(arguments)) {
    if (rows.empty()) {
      rows.emplace_back();
      for (const auto& entry : in) rows[0].push_back(entry.first);
      const auto columns = answer_columns(arguments.question);
      rows[0].insert(rows[0].end(), columns.begin(), columns.end());
      if (intervals) rows[0].insert(rows[0].end(), {"low", "high"});
    }
    std::vector<std::string> row;
    for (const auto& entry : in) row.push_back(digits(entry.second));
    for (const double value : answer(arguments, models.all.front(), in))
      row.push_back(digits(value));
    if (intervals) {
      std::vector<double> values;
      for (std::size_t i = 1; i < models.all.size(); ++i) {
        values.push_back(answer(arguments, models.all[i], in).front());
      }
      const laws::Interval interval = laws::quantile_interval(values, 0.95);
      row.push_back(digits(interval.low));
      row.push_back(digits(interval.high));
    }
    rows.push_back(row);
  }
  if (!arguments.csv.empty()) {
    std::string csv;
    for (const auto& row : rows) csv += fmt::format("{}\n", fmt::join(row, ","));
    replace_file(arguments.csv, csv);
  }
  return format_table(rows);
}

}  // namespace halfulp::harness
