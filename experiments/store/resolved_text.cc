#include "experiments/store/resolved_text.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "experiments/store/labelled.h"

namespace halfulp {
namespace {

constexpr char kName[] = "resolved_toml";

}  // namespace

void write_resolved(hid_t config_group, const hdf5::Handle& runs,
                    const std::vector<std::string>& texts) {
  std::size_t width = 1;
  for (const std::string& text : texts) width = std::max(width, text.size());
  std::vector<std::int64_t> places(width);
  std::iota(places.begin(), places.end(), 0);
  const hdf5::Handle scale = labelled::write_scale(config_group, "resolved_toml_byte",
                                                   std::move(places), {"place in it", "1", false});
  std::vector<std::uint8_t> bytes(texts.size() * width, 0);
  for (std::size_t run = 0; run < texts.size(); ++run) {
    const auto row = static_cast<std::ptrdiff_t>(run * width);
    std::copy(texts[run].begin(), texts[run].end(), bytes.begin() + row);
  }
  labelled::write_labelled(
      config_group, kName, std::move(bytes), {runs, scale},
      {"configuration of the run with every default written out, UTF-8 padded with 0", "1", true});
}

std::vector<std::string> read_resolved(hid_t config_group) {
  hdf5::Array array = hdf5::read_array(config_group, kName);
  if (auto* const texts = std::get_if<std::vector<std::string>>(&array.elements)) return *texts;
  const auto* const bytes = std::get_if<std::vector<std::uint8_t>>(&array.elements);
  if (bytes == nullptr || array.shape.size() != 2) {
    throw hdf5::Error("dataset 'resolved_toml' has an unexpected type or shape");
  }
  std::vector<std::string> texts;
  const auto width = static_cast<std::ptrdiff_t>(array.shape[1]);
  for (auto row = bytes->begin(); row != bytes->end(); row += width) {
    texts.emplace_back(row, std::find(row, row + width, std::uint8_t{0}));
  }
  return texts;
}

}  // namespace halfulp
