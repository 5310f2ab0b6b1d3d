// Fashion-MNIST as Debian packages it: gzip'ed IDX files. IDX (Yann LeCun's MNIST page): two zero
// bytes, type 8 for unsigned bytes, the number of dimensions, each dimension as 32 bits with the
// high byte first, then the elements, last dimension fastest.
#include <zlib.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "sim/data/labelled_data.h"

namespace halfulp {
namespace {

constexpr std::size_t kSide = 28, kClasses = 10;
constexpr float kMean = 0.2860F, kDeviation = 0.3530F;
constexpr std::uint8_t kUnsignedBytes = 8;

[[noreturn]] void fail(const std::string& path, const std::string& reason) {
  throw DataError("data set fashion_mnist: " + path + " " + reason +
                  "; install it with: apt-get install dataset-fashion-mnist");
}

using File = std::unique_ptr<gzFile_s, int (*)(gzFile)>;

void read(const File& file, const std::string& path, std::uint8_t* to, std::size_t size) {
  const int got = gzread(file.get(), to, static_cast<unsigned>(size));
  if (got < 0 || static_cast<std::size_t>(got) != size) fail(path, "is damaged or too short");
}

/// The elements of an IDX file of unsigned bytes with these dimensions.
std::vector<std::uint8_t> read_idx(const std::string& path, const std::vector<std::size_t>& shape) {
  const File file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) fail(path, "is not there");
  std::array<std::uint8_t, 4> word = {};
  read(file, path, word.data(), word.size());
  if (word !=
      std::array<std::uint8_t, 4>{0, 0, kUnsignedBytes, static_cast<std::uint8_t>(shape.size())}) {
    fail(path, "is not an IDX file of bytes with " + std::to_string(shape.size()) + " dimensions");
  }
  std::size_t total = 1;
  for (const std::size_t expected : shape) {
    read(file, path, word.data(), word.size());
    std::size_t size = 0;
    for (const std::uint8_t byte : word) size = size << 8 | byte;
    if (size != expected) {
      fail(path, "has a dimension of " + std::to_string(size) + " instead of " +
                     std::to_string(expected));
    }
    total *= size;
  }
  std::vector<std::uint8_t> elements(total);
  read(file, path, elements.data(), total);
  return elements;
}

Examples read_part(const std::string& prefix, std::size_t count) {
  const auto pixels = read_idx(prefix + "-images-idx3-ubyte.gz", {count, kSide, kSide});
  Examples part;
  part.labels = read_idx(prefix + "-labels-idx1-ubyte.gz", {count});
  for (const std::uint8_t label : part.labels) {
    if (label >= kClasses) fail(prefix, "has a label above 9");
  }
  std::array<float, 256> value = {};
  for (std::size_t p = 0; p < value.size(); ++p) {
    value[p] = (static_cast<float>(p) / 255.0F - kMean) / kDeviation;
  }
  part.values.reserve(pixels.size());
  for (const std::uint8_t pixel : pixels) part.values.push_back(value[pixel]);
  return part;
}

}  // namespace

LabelledData load_fashion_mnist(const std::string& folder) {
  LabelledData data;
  data.name = "fashion_mnist";
  data.height = kSide;
  data.width = kSide;
  data.classes = kClasses;
  data.train = read_part(folder + "/train", 60000);
  data.held_out = read_part(folder + "/t10k", 10000);
  data.checksum = checksum_of(data);
  return data;
}

}  // namespace halfulp
