// HDF5's filters reach only the references of a dataset of variable-length text, and H5Dwrite makes
// a new heap object for every cell. So the distinct texts are written as the first cells, and their
// references are then repeated in the stored chunk (HDF5 File Format Specification, III.E "Global
// Heap": a reference is the length, the address of the collection and the index in it).
#include "experiments/store/shared_text.h"

#include <zlib.h>

#include <map>

#include "experiments/store/utf8.h"

namespace halfulp::hdf5 {
namespace {

constexpr int kGzipLevel = 4;
constexpr std::size_t kReference = 4 + 8 + 4;  // addresses have 8 bytes in files of create_file()
constexpr hsize_t kFirst[] = {0};

/// The texts in the order of their first cells, and for each cell the number of its text.
struct Distinct {
  std::vector<std::string> texts = {};
  std::vector<std::size_t> of_cell = {};
};

Distinct distinct(const std::vector<std::string>& texts) {
  Distinct result;
  std::map<std::string, std::size_t> numbers;
  for (const std::string& text : texts) {
    const std::string valid = valid_utf8(text);
    const auto [found, is_new] = numbers.try_emplace(valid, result.texts.size());
    if (is_new) result.texts.push_back(valid);
    result.of_cell.push_back(found->second);
  }
  return result;
}

Handle make_dataset(hid_t parent, const std::string& name, hsize_t cells) {
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make dataset properties");
  check(H5Pset_obj_track_times(properties, false), "make dataset properties");
  check(H5Pset_chunk(properties, 1, &cells), "set chunks");
  check(H5Pset_deflate(properties, kGzipLevel), "set the gzip filter");
  const Handle space(H5Screate_simple(1, &cells, nullptr), H5Sclose, "make a dataspace");
  const Handle type = text_type();
  return Handle(H5Dcreate2(parent, name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT),
                H5Dclose, "create dataset '" + name + "'");
}

void write_first_cells(const Handle& dataset, const std::vector<std::string>& texts) {
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  const hsize_t count = texts.size();
  const Handle memory(H5Screate_simple(1, &count, nullptr), H5Sclose, "make a dataspace");
  const Handle cells(H5Dget_space(dataset), H5Sclose, "read a dataspace");
  check(H5Sselect_hyperslab(cells, H5S_SELECT_SET, kFirst, nullptr, &count, nullptr),
        "select cells");
  check(H5Dwrite(dataset, text_type(), memory, cells, H5P_DEFAULT, pointers.data()), "write texts");
}

/// The references of all cells as they are stored.
std::string read_references(const Handle& dataset, std::size_t cells) {
  check(H5Dflush(dataset), "flush a dataset");
  hsize_t size = 0;
  check(H5Dget_chunk_storage_size(dataset, kFirst, &size), "read the size of a chunk");
  std::string stored(size, '\0');
  std::uint32_t skipped_filters = 0;
  check(H5Dread_chunk(dataset, H5P_DEFAULT, kFirst, &skipped_filters, stored.data()),
        "read a chunk");
  std::string references(cells * kReference, '\0');
  uLongf length = references.size();
  if ((skipped_filters & 1) != 0) {
    references = stored;
  } else if (uncompress(reinterpret_cast<Bytef*>(references.data()), &length,
                        reinterpret_cast<const Bytef*>(stored.data()), stored.size()) != Z_OK) {
    throw Error("cannot expand a chunk of text");
  }
  if (references.size() != cells * kReference || length != references.size()) {
    throw Error("a chunk of text has an unexpected size");
  }
  return references;
}

void write_references(const Handle& dataset, const std::string& references) {
  std::string stored(compressBound(references.size()), '\0');
  uLongf length = stored.size();
  if (compress2(reinterpret_cast<Bytef*>(stored.data()), &length,
                reinterpret_cast<const Bytef*>(references.data()), references.size(),
                kGzipLevel) != Z_OK) {
    throw Error("cannot compress a chunk of text");
  }
  check(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, kFirst, length, stored.data()), "write a chunk");
}

}  // namespace

bool sharing_saves(const std::vector<std::string>& texts) {
  constexpr std::size_t kHeapHeader = 16;
  constexpr std::size_t kIndexOfChunks = 4096;  // what a chunked dataset costs, and some more
  std::map<std::string_view, std::size_t> cells;
  for (const std::string& text : texts) ++cells[text];
  std::size_t saved = 0;
  for (const auto& [text, count] : cells) saved += (count - 1) * (kHeapHeader + text.size());
  return saved > kIndexOfChunks;
}

Handle write_shared_texts(hid_t parent, const std::string& name,
                          const std::vector<std::string>& texts) {
  const Distinct cells = distinct(texts);
  Handle dataset = make_dataset(parent, name, texts.size());
  write_first_cells(dataset, cells.texts);
  const std::string first = read_references(dataset, texts.size());
  std::string all;
  for (const std::size_t number : cells.of_cell)
    all += first.substr(number * kReference, kReference);
  write_references(dataset, all);
  return dataset;
}

}  // namespace halfulp::hdf5
