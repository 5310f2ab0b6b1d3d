// The texts that experiments train on, by the keys data.*.
#pragma once

#include <memory>

#include "experiments/config.h"
#include "sim/data/corpus.h"

namespace halfulp {

/// Loaded once in a process and shared by the workers that fork from it. Throws DataError.
std::shared_ptr<const Corpus> shared_corpus(const Config& config);

}  // namespace halfulp
