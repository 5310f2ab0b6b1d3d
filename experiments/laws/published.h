// Constants of published laws. Raw counts of parameters and tokens, nats per token, natural
// logarithms.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace halfulp::laws {

struct PublishedLaw {
  std::string name;  ///< "besiroglu2024"
  std::string law;   ///< of named_law()
  std::map<std::string, double> constants;
  std::string source;  ///< where the numbers stand, and how sure they are
};

const std::vector<PublishedLaw>& published_laws();

/// Throws harness::ConfigError with the nearest name.
const PublishedLaw& published_law(const std::string& name);

/// The published law at given variables.
double evaluate_published(const std::string& name, const std::map<std::string, double>& variables);

}  // namespace halfulp::laws
