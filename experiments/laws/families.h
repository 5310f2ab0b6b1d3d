// The named laws, file by file.
#pragma once

#include <memory>
#include <vector>

#include "experiments/laws/law.h"

namespace halfulp::laws {

std::vector<std::shared_ptr<const Law>> loss_laws();
std::vector<std::shared_ptr<const Law>> precision_laws();

/// The mixing law of 1 to kMostDomains domains.
inline constexpr std::size_t kMostDomains = 24;
std::shared_ptr<const Law> data_mixing_law(std::size_t domains);

}  // namespace halfulp::laws
