// A thin layer over the HDF5 C API: handles that close themselves, whole datasets in one call, and
// errors as exceptions that carry HDF5's own explanation. Files live in memory (atomic_file.h puts
// them on disk), so no HDF5 lock, half-written file or failing close can occur. Used by
// experiments/store/ only.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace halfulp::hdf5 {

/// What HDF5 refused and why. Callers that know the path turn it into an IoError.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An HDF5 identifier, closed once.
class Handle {
 public:
  using Closer = herr_t (*)(hid_t);

  /// Takes over `id`. Throws Error, naming `what` was tried, when `id` is negative.
  Handle(hid_t id, Closer closer, std::string_view what);

  Handle(Handle&& other) noexcept
      : id_(std::exchange(other.id_, H5I_INVALID_HID)), closer_(other.closer_) {}

  Handle& operator=(Handle&&) = delete;

  ~Handle() {
    if (id_ >= 0) closer_(id_);
  }

  // The C API takes hid_t. NOLINTNEXTLINE(google-explicit-constructor)
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  Closer closer_;
};

/// Throws Error, naming `what` was tried, when `status` is negative.
void check(herr_t status, std::string_view what);

/// The elements of a dataset in row-major order. Booleans are int8, bytes of text uint8; weights
/// are float.
using Elements =
    std::variant<std::vector<std::int8_t>, std::vector<std::int64_t>, std::vector<double>,
                 std::vector<std::string>, std::vector<float>, std::vector<std::uint8_t>>;

struct Array {
  std::vector<hsize_t> shape;  ///< empty: a scalar
  Elements elements;
};

/// compressed: numbers of more than 2 KiB are stored with shuffle and gzip 4.
enum class Storage : std::uint8_t { contiguous, compressed };

/// An empty file in memory.
Handle create_file();

/// The bytes of a file of create_file(), as they belong on disk. Equal content gives equal bytes.
std::string file_image(const Handle& file);

enum class Access : std::uint8_t { read, change };

/// Opens the bytes of a file; `image` is copied, and changes are those of the copy.
Handle open_image(std::string_view image, Access access = Access::read);

/// A group that remembers the order in which its members were made.
Handle create_group(hid_t parent, const std::string& name);
Handle open_group(hid_t parent, const std::string& name);
bool has_member(hid_t parent, const std::string& name);

/// Names of a group's members in the order they were made (by name in a file that lost that order).
std::vector<std::string> member_names(hid_t group);

/// The type of text in our files: variable-length UTF-8.
Handle text_type();

/// Writes a dataset. Text is stored as variable-length UTF-8; bytes that are not UTF-8, and NUL,
/// become U+FFFD. The product of `shape` must be the number of elements.
Handle write_array(hid_t parent, const std::string& name, const Array& array,
                   Storage storage = Storage::contiguous);
Array read_array(hid_t parent, const std::string& name);

/// Read or write one value; reading throws Error when the dataset holds another type or shape.
void write_text(hid_t parent, const std::string& name, const std::string& value);
void write_integer(hid_t parent, const std::string& name, std::int64_t value);
void write_real(hid_t parent, const std::string& name, double value);
std::string read_text(hid_t parent, const std::string& name);
std::int64_t read_integer(hid_t parent, const std::string& name);
double read_real(hid_t parent, const std::string& name);

/// A one-dimensional dataset of one element type; throws Error for anything else.
template <typename T>
std::vector<T> read_vector(hid_t parent, const std::string& name) {
  Array array = read_array(parent, name);
  auto* const elements = std::get_if<std::vector<T>>(&array.elements);
  if (array.shape.size() != 1 || elements == nullptr) {
    throw Error("dataset '" + name + "' has an unexpected type or shape");
  }
  return std::move(*elements);
}

void set_attribute(hid_t object, const std::string& name, std::string_view value);
void set_attribute(hid_t object, const std::string& name, std::int64_t value);
void set_attribute(hid_t object, const std::string& name, double value);
bool has_attribute(hid_t object, const std::string& name);
std::string text_attribute(hid_t object, const std::string& name);
std::int64_t integer_attribute(hid_t object, const std::string& name);

}  // namespace halfulp::hdf5
