// Columns of text in which most cells are equal, as labels and configuration keys are.
#pragma once

#include <string>
#include <vector>

#include "experiments/store/hdf5.h"

namespace halfulp::hdf5 {

/// Whether write_shared_texts() makes a smaller file than write_array().
bool sharing_saves(const std::vector<std::string>& texts);

/// Writes a one-dimensional dataset of variable-length UTF-8 that reads as that of write_array().
/// Each distinct text is in the file once: cells of equal text refer to the same object of the
/// global heap, and the references are compressed (one chunk, gzip 4). `texts` must not be empty.
/// Such a dataset is not for overwriting: HDF5 would free an object that other cells still use.
Handle write_shared_texts(hid_t parent, const std::string& name,
                          const std::vector<std::string>& texts);

}  // namespace halfulp::hdf5
