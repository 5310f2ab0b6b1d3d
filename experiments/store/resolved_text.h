// The dataset /config/resolved_toml of merged files (docs/RESULTS.md).
#pragma once

#include <string>
#include <vector>

#include "experiments/store/hdf5.h"

namespace halfulp {

/// Writes the texts as rows of bytes, padded with zeros: thousands of nearly equal lines that gzip
/// makes small, which no filter can do for HDF5's own texts. `runs` is the scale of the rows.
void write_resolved(hid_t config_group, const hdf5::Handle& runs,
                    const std::vector<std::string>& texts);

/// Reads them; in files of schema version 1 they are texts of HDF5. Throws hdf5::Error.
std::vector<std::string> read_resolved(hid_t config_group);

}  // namespace halfulp
