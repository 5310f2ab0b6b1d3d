#include "experiments/kinds/corpora.h"

#include <map>
#include <string>

namespace halfulp {
namespace {

/// Corpora of this process: loaded before workers fork, shared by all of them.
std::map<std::string, std::shared_ptr<const Corpus>>& loaded_corpora() {
  static std::map<std::string, std::shared_ptr<const Corpus>> corpora;
  return corpora;
}

Corpus load(const Config& config) {
  const double held_out = config.real("data.held_out_fraction");
  const std::string& name = config.text("data.corpus");
  if (name == "file") return load_file(config.text("data.path"), held_out);
  if (name == "markov") {
    return make_markov(static_cast<std::uint64_t>(config.integer("data.seed")),
                       static_cast<int>(config.integer("data.symbols")),
                       static_cast<std::size_t>(config.integer("data.bytes")), held_out);
  }
  return load_bible_kjv(held_out);
}

std::string corpus_key(const Config& config) {
  std::string key;
  for (const char* field : {"data.corpus", "data.path", "data.held_out_fraction", "data.seed",
                            "data.symbols", "data.bytes"}) {
    key += to_text(config.values().at(field)) + "\n";
  }
  return key;
}

}  // namespace

std::shared_ptr<const Corpus> shared_corpus(const Config& config) {
  auto& entry = loaded_corpora()[corpus_key(config)];
  if (!entry) entry = std::make_shared<const Corpus>(load(config));
  return entry;
}

}  // namespace halfulp
