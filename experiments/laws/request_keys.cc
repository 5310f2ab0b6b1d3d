// The values of a FitRequest from text.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "experiments/harness/diagnostics.h"
#include "experiments/harness/schema.h"
#include "experiments/laws/fit_request.h"

namespace halfulp::laws {

namespace {

using harness::ConfigError;
using harness::split;

constexpr std::array kKeys = {
    RequestKey{"law", "NAME", "a named law: run_experiment laws lists them"},
    RequestKey{"expression", "FORMULA", "a law of your own: 'E + A*N^-alpha + B*D^-beta'"},
    RequestKey{"signed", "NAMES", "parameters of the formula that may be negative: n,b"},
    RequestKey{"baseline", "EXPR", "rows to subtract: adds the column gap, see --match"},
    RequestKey{"match", "COLUMNS", "in which a row and its baseline agree: model.width,seed"},
    RequestKey{"metric", "COLUMN", "what the gap is of (default: validation_loss or loss)"},
    RequestKey{"columns", "LIST", "columns by name or formula: 'N=Model Size,D=C/(6*N)'"},
    RequestKey{"where", "EXPR", "only rows for which EXPR holds: 'bits>2 && kind==int'"},
    RequestKey{"target", "COLUMN", "what is predicted (default: the law's, mostly loss)"},
    RequestKey{"by", "P=COLUMN,...", "a value of parameter P for each category of COLUMN"},
    RequestKey{"fix", "P=VALUE,...", "hold parameters: E=1.8,eff[BF16]=1"},
    RequestKey{"free", "NAMES", "fit parameters that the law holds otherwise"},
    RequestKey{"start", "P=V V V,...", "starting values of parameters: 'A=1 100,alpha=.3'"},
    RequestKey{"bounds", "P=LOW..HIGH,...", "bounds of parameters"},
    RequestKey{"group", "COLUMNS", "rows that agree in them go together in the bootstrap"},
    RequestKey{"curve", "COLUMN", "tells curves apart, for laws of curves"},
    RequestKey{"warmup", "STEPS", "linear warmup before a curve's first row (default: 0)"},
    RequestKey{"censor", "LOSS", "diverged rows and losses above count as 'at least LOSS'"},
    RequestKey{"starts", "N", "most starts from the grid (default: 500)"},
    RequestKey{"bootstrap", "N", "replicates (default: 1000; 0: no intervals)"},
    RequestKey{"delta", "X", "of Huber's loss on log residuals (default: 1e-3; inf: squares)"},
    RequestKey{"reduction", "WHICH", "sum, or mean to see how it fails"},
    RequestKey{"compare", "LAWS", "also fit these laws or formulas, rank all by held-out error"},
    RequestKey{"folds", "N", "folds of cross-validation in --compare (default: 5)"},
    RequestKey{"profile", "NAMES", "profile likelihood of these parameters"},
    RequestKey{"seed", "N", "of the bootstrap and of sampled starts (default: 0)"},
};

std::vector<std::string> names_of(const std::string& text) {
  std::vector<std::string> names;
  for (const std::string& part : split(text, ',')) {
    const auto first = part.find_first_not_of(' ');
    if (first == std::string::npos) continue;
    names.push_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
  }
  return names;
}

double to_number(std::string_view key, const std::string& text) {
  double value = 0.0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || std::isnan(value)) {
    throw ConfigError(fmt::format("option '--{}': '{}' is not a number", key, text));
  }
  return value;
}

std::size_t to_count(std::string_view key, const std::string& text, std::size_t low,
                     std::size_t high) {
  std::size_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || value < low || value > high) {
    throw ConfigError(fmt::format("option '--{}': '{}' is not a whole number from {} to {}", key,
                                  text, low, high));
  }
  return value;
}

bool set_text(FitRequest& request, std::string_view key, const std::string& value) {
  const std::map<std::string_view, std::string*> texts = {{"law", &request.law},
                                                          {"expression", &request.expression},
                                                          {"baseline", &request.baseline.where},
                                                          {"metric", &request.baseline.metric},
                                                          {"columns", &request.columns},
                                                          {"where", &request.where},
                                                          {"target", &request.spec.target},
                                                          {"group", &request.spec.group},
                                                          {"curve", &request.spec.curve}};
  const auto found = texts.find(key);
  if (found == texts.end()) return false;
  std::string& text = *found->second;
  if (key == "columns" && !text.empty()) {
    text += "," + value;
  } else if (key == "where" && !text.empty()) {
    text = fmt::format("({}) && ({})", text, value);
  } else {
    text = value;
  }
  return true;
}

bool set_list(FitRequest& request, std::string_view key, const std::string& value) {
  const std::map<std::string_view, std::vector<std::string>*> lists = {
      {"signed", &request.signed_parameters},
      {"match", &request.baseline.match},
      {"free", &request.spec.freed},
      {"compare", &request.compare},
      {"profile", &request.profiles}};
  const auto found = lists.find(key);
  if (found == lists.end()) return false;
  for (const std::string& item : names_of(value)) found->second->push_back(item);
  return true;
}

bool set_map(FitRequest& request, std::string_view key, const std::string& value) {
  if (key != "by" && key != "fix" && key != "start" && key != "bounds") return false;
  ProblemSpec& spec = request.spec;
  for (const auto& [name, text] : parse_definitions(value, fmt::format("--{}", key))) {
    if (key == "by") {
      spec.by[name] = text;
    } else if (key == "fix") {
      spec.fixed[name] = to_number(key, text);
    } else if (key == "start") {
      for (const std::string& item : split(text, ' ')) {
        if (!item.empty()) spec.starts[name].push_back(to_number(key, item));
      }
    } else {
      const std::size_t dots = text.find("..");
      if (dots == std::string::npos) {
        throw ConfigError(fmt::format("option '--bounds': '{}' is not LOW..HIGH", text));
      }
      spec.bounds[name] = {to_number(key, text.substr(0, dots)),
                           to_number(key, text.substr(dots + 2))};
    }
  }
  return true;
}

bool set_count(FitRequest& request, std::string_view key, const std::string& value) {
  if (key == "starts") {
    request.options.starts = to_count(key, value, 1, 1'000'000);
  } else if (key == "bootstrap") {
    request.options.bootstrap = to_count(key, value, 0, 1'000'000);
  } else if (key == "folds") {
    request.folds = to_count(key, value, 2, 1000);
  } else if (key == "seed") {
    request.options.seed = to_count(key, value, 0, std::numeric_limits<std::size_t>::max());
  } else {
    return false;
  }
  return true;
}

bool set_number(FitRequest& request, std::string_view key, const std::string& value) {
  if (key == "reduction") {
    if (value != "sum" && value != "mean") {
      throw ConfigError(fmt::format("option '--reduction': '{}' is neither sum nor mean", value));
    }
    request.options.mean_reduced = value == "mean";
    return true;
  }
  if (key != "delta" && key != "warmup" && key != "censor") return false;
  const double number = to_number(key, value);
  double& place = key == "delta"    ? request.spec.delta
                  : key == "warmup" ? request.spec.warmup
                                    : request.spec.censor;
  if (number < 0.0 || (number == 0.0 && key != "warmup")) {
    throw ConfigError(fmt::format("option '--{}': {} is not above 0", key, value));
  }
  place = number;
  return true;
}

}  // namespace

std::span<const RequestKey> request_keys() { return kKeys; }

bool set_request(FitRequest& request, std::string_view key, const std::string& value) {
  return set_text(request, key, value) || set_list(request, key, value) ||
         set_map(request, key, value) || set_count(request, key, value) ||
         set_number(request, key, value);
}

}  // namespace halfulp::laws
