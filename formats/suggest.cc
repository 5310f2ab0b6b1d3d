// "Did you mean": nearest_names of spec.h.
#include <algorithm>
#include <string>
#include <vector>

#include "formats/spec.h"
#include "formats/spelling.h"

namespace halfulp {

namespace {

constexpr int kFar = 1000;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (is_separator(c)) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  std::erase(words, "");
  return words;
}

/// Steps from `text` to `candidate` when every word of the text stands, up to one typing error
/// each, in the candidate: the words that are missing and the errors. Finds "train.learning_rate"
/// for "rate_learning".
int distance_by_words(const std::vector<std::string>& text, std::vector<std::string> candidate) {
  std::size_t letters = 0;
  int steps = 1;
  for (const std::string& word : text) {
    const auto closest = std::min_element(candidate.begin(), candidate.end(),
                                          [&](const std::string& a, const std::string& b) {
                                            return edit_distance(word, a) < edit_distance(word, b);
                                          });
    const int errors = closest == candidate.end() ? kFar : edit_distance(word, *closest);
    if (errors > (word.size() >= 4 ? 1 : 0)) return kFar;
    steps += errors;
    letters += word.size();
    candidate.erase(closest);
  }
  if (letters < 4) return kFar;  // short words stand in too many names
  return steps + static_cast<int>(candidate.size());
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view text,
                                       const std::vector<std::string>& candidates,
                                       std::size_t limit) {
  constexpr std::size_t kLongestCompared = 100;
  const std::string wanted = lower_case(text.substr(0, kLongestCompared));
  const std::vector<std::string> wanted_words = words_of(wanted);
  const int reach = std::max(1, std::min(4, static_cast<int>(wanted.size()) / 3));

  struct Scored {
    int distance;
    std::string name;
  };

  std::vector<Scored> scored;
  for (const std::string& candidate : candidates) {
    const std::string name = lower_case(candidate);
    const int by_edit = edit_distance(wanted, name);
    const int by_words = distance_by_words(wanted_words, words_of(name));
    const bool close = by_edit <= reach || by_words <= 4;
    if (close) scored.push_back({std::min(by_edit, by_words), candidate});
  }
  std::stable_sort(scored.begin(), scored.end(),
                   [](const Scored& a, const Scored& b) { return a.distance < b.distance; });
  if (scored.size() > limit) scored.resize(limit);
  std::vector<std::string> names;
  for (Scored& entry : scored) names.push_back(std::move(entry.name));
  return names;
}

}  // namespace halfulp
