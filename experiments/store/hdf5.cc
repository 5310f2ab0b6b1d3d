#include "experiments/store/hdf5.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "experiments/store/utf8.h"

namespace halfulp::hdf5 {
namespace {

// HDF5 prints its error stack to standard error unless told otherwise, per thread.
void silence() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

herr_t append_description(unsigned, const H5E_error2_t* entry, void* out) {
  auto& text = *static_cast<std::string*>(out);
  if (entry->desc == nullptr || *entry->desc == '\0') return 0;
  if (!text.empty()) text += ", ";
  text += entry->desc;
  return 0;
}

[[noreturn]] void fail(std::string_view what) {
  std::string stack;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, append_description, &stack);
  H5Eclear2(H5E_DEFAULT);
  throw Error("cannot " + std::string(what) + (stack.empty() ? "" : " (" + stack + ")"));
}

Handle make_space(const std::vector<hsize_t>& shape) {
  if (shape.empty()) return Handle(H5Screate(H5S_SCALAR), H5Sclose, "make a dataspace");
  return Handle(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose,
                "make a dataspace");
}

// About 64 KiB of doubles or 1 MiB of bytes a chunk, whole rows first. Rows of bytes are texts that
// resemble each other, so that many of them in one chunk are little more than one.
std::vector<hsize_t> chunk_shape(const std::vector<hsize_t>& shape, std::size_t element_size) {
  std::vector<hsize_t> chunk(shape.size());
  hsize_t left = element_size == 1 ? 1 << 20 : 1 << 13;
  for (std::size_t i = shape.size(); i-- > 0;) {
    chunk[i] = std::clamp<hsize_t>(shape[i], 1, left);
    left = std::max<hsize_t>(left / chunk[i], 1);
  }
  return chunk;
}

// The space that HDF5 takes to find the chunks of a dataset.
constexpr std::size_t kIndexOfChunks = 2048;

// Objects carry no times, so that equal content gives equal bytes.
Handle dataset_properties(const std::vector<hsize_t>& shape, std::size_t element_size,
                          Storage storage) {
  Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make dataset properties");
  check(H5Pset_obj_track_times(properties, false), "make dataset properties");
  if (storage == Storage::compressed) {
    const auto chunk = chunk_shape(shape, element_size);
    check(H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data()), "set chunks");
    check(H5Pset_shuffle(properties), "set the shuffle filter");
    check(H5Pset_deflate(properties, 4), "set the gzip filter");
  }
  return properties;
}

Handle group_properties(hid_t property_class) {
  Handle properties(H5Pcreate(property_class), H5Pclose, "make group properties");
  check(H5Pset_link_creation_order(properties, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED),
        "make group properties");
  return properties;
}

Handle memory_driver() {
  constexpr std::size_t kIncrement = 1 << 16;
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "make file properties");
  check(H5Pset_fapl_core(access, kIncrement, /*backing_store=*/false), "select the memory driver");
  return access;
}

hid_t native_type(std::int8_t) { return H5T_NATIVE_INT8; }

hid_t native_type(std::uint8_t) { return H5T_NATIVE_UINT8; }

hid_t native_type(std::int64_t) { return H5T_NATIVE_INT64; }

hid_t native_type(double) { return H5T_NATIVE_DOUBLE; }

hid_t native_type(float) { return H5T_NATIVE_FLOAT; }

template <typename T>
Handle write_elements(hid_t parent, const std::string& name, const std::vector<T>& elements,
                      hid_t space, hid_t properties) {
  Handle dataset(H5Dcreate2(parent, name.c_str(), native_type(T()), space, H5P_DEFAULT, properties,
                            H5P_DEFAULT),
                 H5Dclose, "create dataset '" + name + "'");
  if (!elements.empty()) {
    check(H5Dwrite(dataset, native_type(T()), H5S_ALL, H5S_ALL, H5P_DEFAULT, elements.data()),
          "write dataset '" + name + "'");
  }
  return dataset;
}

Handle write_elements(hid_t parent, const std::string& name,
                      const std::vector<std::string>& elements, hid_t space, hid_t properties) {
  const Handle type = text_type();
  Handle dataset(
      H5Dcreate2(parent, name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose,
      "create dataset '" + name + "'");
  std::vector<std::string> valid;
  std::vector<const char*> pointers;
  valid.reserve(elements.size());
  pointers.reserve(elements.size());
  for (const auto& element : elements) {
    pointers.push_back(valid.emplace_back(valid_utf8(element)).c_str());
  }
  if (!elements.empty()) {
    check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()),
          "write dataset '" + name + "'");
  }
  return dataset;
}

template <typename T>
std::vector<T> read_numbers(hid_t dataset, std::size_t count, const std::string& name) {
  std::vector<T> elements(count);
  if (count > 0) {
    check(H5Dread(dataset, native_type(T()), H5S_ALL, H5S_ALL, H5P_DEFAULT, elements.data()),
          "read dataset '" + name + "'");
  }
  return elements;
}

std::vector<std::string> read_texts(hid_t dataset, hid_t type, hid_t space, std::size_t count,
                                    const std::string& name) {
  if (count == 0) return {};
  if (H5Tis_variable_str(type) <= 0) throw Error("dataset '" + name + "' is fixed-length text");
  std::vector<char*> pointers(count, nullptr);
  check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()),
        "read dataset '" + name + "'");
  std::vector<std::string> elements;
  elements.reserve(count);
  for (const char* pointer : pointers) elements.emplace_back(pointer == nullptr ? "" : pointer);
  check(H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data()), "release read text");
  return elements;
}

template <typename T>
T only_element(hid_t parent, const std::string& name) {
  Array array = read_array(parent, name);
  auto* const elements = std::get_if<std::vector<T>>(&array.elements);
  if (!array.shape.empty() || elements == nullptr) {
    throw Error("dataset '" + name + "' has an unexpected type or shape");
  }
  return std::move(elements->front());
}

void write_attribute(hid_t object, const std::string& name, hid_t type, const void* value) {
  const Handle space = make_space({});
  const Handle attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose, "create attribute '" + name + "'");
  check(H5Awrite(attribute, type, value), "write attribute '" + name + "'");
}

}  // namespace

Handle::Handle(hid_t id, Closer closer, std::string_view what) : id_(id), closer_(closer) {
  if (id < 0) fail(what);
}

void check(herr_t status, std::string_view what) {
  if (status < 0) fail(what);
}

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "make a text type");
  check(H5Tset_size(type, H5T_VARIABLE), "make a text type");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "make a text type");
  return type;
}

Handle create_file() {
  silence();
  const Handle creation = group_properties(H5P_FILE_CREATE);
  const Handle access = memory_driver();
  return Handle(H5Fcreate("halfulp", H5F_ACC_TRUNC, creation, access), H5Fclose, "create a file");
}

std::string file_image(const Handle& file) {
  check(H5Fflush(file, H5F_SCOPE_GLOBAL), "flush a file");
  const ssize_t size = H5Fget_file_image(file, nullptr, 0);
  if (size < 0) fail("read a file in memory");
  std::string image(static_cast<std::size_t>(size), '\0');
  if (H5Fget_file_image(file, image.data(), image.size()) < 0) fail("read a file in memory");
  return image;
}

Handle open_image(std::string_view image, Access access) {
  silence();
  const Handle driver = memory_driver();
  // The library copies the bytes; its interface lacks a const.
  check(H5Pset_file_image(driver, const_cast<char*>(image.data()), image.size()), "hold a file");
  const unsigned flags = access == Access::read ? H5F_ACC_RDONLY : H5F_ACC_RDWR;
  return Handle(H5Fopen("halfulp", flags, driver), H5Fclose, "open it as HDF5");
}

Handle create_group(hid_t parent, const std::string& name) {
  const Handle properties = group_properties(H5P_GROUP_CREATE);
  return Handle(H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, properties, H5P_DEFAULT), H5Gclose,
                "create group '" + name + "'");
}

Handle open_group(hid_t parent, const std::string& name) {
  return Handle(H5Gopen2(parent, name.c_str(), H5P_DEFAULT), H5Gclose, "open group '" + name + "'");
}

bool has_member(hid_t parent, const std::string& name) {
  return H5Lexists(parent, name.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> member_names(hid_t group) {
  const Handle properties(H5Gget_create_plist(group), H5Pclose, "read group properties");
  unsigned order = 0;
  check(H5Pget_link_creation_order(properties, &order), "read group properties");
  const H5_index_t index =
      (order & H5P_CRT_ORDER_INDEXED) != 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  std::vector<std::string> names;
  const auto add_name = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  check(H5Literate(group, index, H5_ITER_INC, nullptr, add_name, &names), "list a group");
  return names;
}

Handle write_array(hid_t parent, const std::string& name, const Array& array, Storage storage) {
  const Handle space = make_space(array.shape);
  return std::visit(
      [&](const auto& elements) {
        using T = typename std::decay_t<decltype(elements)>::value_type;
        const bool is_worth_it = !std::is_same_v<T, std::string> && !array.shape.empty() &&
                                 elements.size() * sizeof(T) > kIndexOfChunks;
        const Handle properties =
            dataset_properties(array.shape, sizeof(T), is_worth_it ? storage : Storage::contiguous);
        const hsize_t count = std::accumulate(array.shape.begin(), array.shape.end(), hsize_t{1},
                                              std::multiplies<>());
        if (count != elements.size()) throw Error("dataset '" + name + "' has a wrong shape");
        return write_elements(parent, name, elements, space, properties);
      },
      array.elements);
}

Array read_array(hid_t parent, const std::string& name) {
  const Handle dataset(H5Dopen2(parent, name.c_str(), H5P_DEFAULT), H5Dclose,
                       "open dataset '" + name + "'");
  const Handle space(H5Dget_space(dataset), H5Sclose, "read a dataspace");
  const Handle type(H5Dget_type(dataset), H5Tclose, "read a type");
  const int rank = H5Sget_simple_extent_ndims(space);
  const hssize_t points = H5Sget_simple_extent_npoints(space);
  if (rank < 0 || points < 0) fail("read a shape");
  Array array;
  array.shape.resize(static_cast<std::size_t>(rank));
  check(H5Sget_simple_extent_dims(space, array.shape.data(), nullptr), "read a shape");
  const auto count = static_cast<std::size_t>(points);
  const H5T_class_t type_class = H5Tget_class(type);
  if (type_class == H5T_STRING) {
    array.elements = read_texts(dataset, type, space, count, name);
  } else if (type_class == H5T_FLOAT && H5Tget_size(type) == sizeof(float)) {
    array.elements = read_numbers<float>(dataset, count, name);
  } else if (type_class == H5T_FLOAT) {
    array.elements = read_numbers<double>(dataset, count, name);
  } else if (type_class == H5T_INTEGER && H5Tget_size(type) == 1 &&
             H5Tget_sign(type) == H5T_SGN_NONE) {
    array.elements = read_numbers<std::uint8_t>(dataset, count, name);
  } else if (type_class == H5T_INTEGER && H5Tget_size(type) == 1) {
    array.elements = read_numbers<std::int8_t>(dataset, count, name);
  } else if (type_class == H5T_INTEGER) {
    array.elements = read_numbers<std::int64_t>(dataset, count, name);
  } else {
    throw Error("dataset '" + name + "' is neither number nor text");
  }
  return array;
}

void write_text(hid_t parent, const std::string& name, const std::string& value) {
  write_array(parent, name, {{}, std::vector{value}});
}

void write_integer(hid_t parent, const std::string& name, std::int64_t value) {
  write_array(parent, name, {{}, std::vector{value}});
}

void write_real(hid_t parent, const std::string& name, double value) {
  write_array(parent, name, {{}, std::vector{value}});
}

std::string read_text(hid_t parent, const std::string& name) {
  return only_element<std::string>(parent, name);
}

std::int64_t read_integer(hid_t parent, const std::string& name) {
  return only_element<std::int64_t>(parent, name);
}

double read_real(hid_t parent, const std::string& name) {
  return only_element<double>(parent, name);
}

void set_attribute(hid_t object, const std::string& name, std::string_view value) {
  const std::string valid = valid_utf8(value);
  const char* const pointer = valid.c_str();
  const Handle type = text_type();
  write_attribute(object, name, type, &pointer);
}

void set_attribute(hid_t object, const std::string& name, std::int64_t value) {
  write_attribute(object, name, H5T_NATIVE_INT64, &value);
}

void set_attribute(hid_t object, const std::string& name, double value) {
  write_attribute(object, name, H5T_NATIVE_DOUBLE, &value);
}

bool has_attribute(hid_t object, const std::string& name) {
  return H5Aexists(object, name.c_str()) > 0;
}

std::string text_attribute(hid_t object, const std::string& name) {
  const Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose,
                         "open attribute '" + name + "'");
  const Handle type(H5Aget_type(attribute), H5Tclose, "read a type");
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) <= 0) {
    throw Error("attribute '" + name + "' is not variable-length text");
  }
  const Handle space(H5Aget_space(attribute), H5Sclose, "read a dataspace");
  if (H5Sget_simple_extent_npoints(space) != 1) throw Error("attribute '" + name + "' is an array");
  char* pointer = nullptr;
  check(H5Aread(attribute, type, &pointer), "read attribute '" + name + "'");
  std::string value = pointer == nullptr ? "" : pointer;
  check(H5Dvlen_reclaim(type, space, H5P_DEFAULT, &pointer), "release read text");
  return value;
}

std::int64_t integer_attribute(hid_t object, const std::string& name) {
  const Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose,
                         "open attribute '" + name + "'");
  const Handle space(H5Aget_space(attribute), H5Sclose, "read a dataspace");
  if (H5Sget_simple_extent_npoints(space) != 1) throw Error("attribute '" + name + "' is an array");
  std::int64_t value = 0;
  check(H5Aread(attribute, H5T_NATIVE_INT64, &value), "read attribute '" + name + "'");
  return value;
}

}  // namespace halfulp::hdf5
