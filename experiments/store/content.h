#pragma once

#include <string>

#include "experiments/store/hdf5.h"

namespace halfulp {

/// content_hash() of an open results file. Throws hdf5::Error.
std::string content_hash_of(hid_t file);

}  // namespace halfulp
