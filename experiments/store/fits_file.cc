#include "experiments/store/fits_file.h"

#include <fmt/format.h>
#include <hdf5_hl.h>

#include <limits>
#include <map>
#include <numeric>

#include "build_info.h"
#include "experiments/store/atomic_file.h"
#include "experiments/store/hdf5.h"
#include "experiments/store/io_error.h"
#include "experiments/store/layout.h"

namespace halfulp {

namespace {

using hdf5::Handle;

void label(const Handle& dataset, const std::string& long_name, const std::string& units) {
  hdf5::set_attribute(dataset, "long_name", long_name);
  hdf5::set_attribute(dataset, "units", units);
  hdf5::set_attribute(dataset, "reproducible", std::int64_t{1});
}

Handle write_scale(hid_t group, const std::string& name, std::size_t size) {
  std::vector<std::int64_t> index(size);
  std::iota(index.begin(), index.end(), 0);
  Handle scale = hdf5::write_array(group, name, {{size}, std::move(index)});
  hdf5::check(H5DSset_scale(scale, name.c_str()), "make dimension '" + name + "'");
  label(scale, "number of the " + name, "1");
  return scale;
}

void write_one(hid_t group, const FitArray& array, const std::map<std::string, Handle>& scales) {
  hdf5::Array stored;
  stored.shape.assign(array.shape.begin(), array.shape.end());
  if (array.texts.empty()) {
    stored.elements = array.numbers;
  } else {
    stored.elements = array.texts;
  }
  const auto storage =
      array.shape.size() > 1 ? hdf5::Storage::compressed : hdf5::Storage::contiguous;
  const Handle dataset = hdf5::write_array(group, array.name, stored, storage);
  label(dataset, array.long_name, array.units);
  if (array.texts.empty()) {
    hdf5::set_attribute(dataset, "_FillValue", std::numeric_limits<double>::quiet_NaN());
  }
  for (std::size_t i = 0; i < array.dimensions.size(); ++i) {
    hdf5::check(H5DSattach_scale(dataset, scales.at(array.dimensions[i]), static_cast<unsigned>(i)),
                "attach a dimension to '" + array.name + "'");
  }
}

void write_group(hid_t fits, const FitRecord& record) {
  const Handle group = hdf5::create_group(fits, record.name);
  for (const FitAttribute& attribute : record.attributes) {
    if (attribute.is_text) {
      hdf5::set_attribute(group, attribute.name, attribute.text);
    } else {
      hdf5::set_attribute(group, attribute.name, attribute.number);
    }
  }
  std::map<std::string, Handle> scales;
  for (const FitArray& array : record.arrays) {
    for (std::size_t i = 0; i < array.dimensions.size(); ++i) {
      const std::string& name = array.dimensions[i];
      if (!scales.contains(name)) scales.emplace(name, write_scale(group, name, array.shape[i]));
    }
  }
  for (const FitArray& array : record.arrays) write_one(group, array, scales);
}

}  // namespace

StoredFit read_fit(const std::string& path) {
  const std::string bytes = read_file(path);
  const Unsealed unsealed = unseal(bytes);
  if (unsealed.seal == Seal::broken) {
    throw IoError(fmt::format("{}: the file is damaged (its checksum does not match)", path));
  }
  try {
    const Handle file = hdf5::open_image(unsealed.content);
    if (!hdf5::has_member(file, "fits")) {
      throw IoError(fmt::format("{}: there is no fit in it", path));
    }
    const Handle fits = hdf5::open_group(file, "fits");
    const Handle group = hdf5::open_group(fits, hdf5::member_names(fits).front());
    StoredFit fit = {hdf5::text_attribute(group, "law"),
                     hdf5::text_attribute(group, "formula"),
                     hdf5::read_vector<std::string>(group, "parameter_name"),
                     hdf5::read_vector<double>(group, "estimate"),
                     {}};
    if (!hdf5::has_member(group, "replicate_value")) return fit;
    const hdf5::Array values = hdf5::read_array(group, "replicate_value");
    const auto& numbers = std::get<std::vector<double>>(values.elements);
    const auto width = static_cast<std::ptrdiff_t>(fit.parameters.size());
    for (auto at = numbers.begin(); numbers.end() - at >= width; at += width) {
      fit.replicates.emplace_back(at, at + width);
    }
    return fit;
  } catch (const hdf5::Error& error) {
    throw IoError(fmt::format("{}: {}", path, error.what()));
  }
}

void write_fit(const std::string& path, const FitRecord& record) {
  try {
    const Handle file = hdf5::create_file();
    hdf5::set_attribute(file, "title", "fit of a scaling law");
    hdf5::set_attribute(file, "schema", kFitsSchema);
    hdf5::set_attribute(file, "schema_version", kFitsSchemaVersion);
    hdf5::set_attribute(file, "software", "halfulp");
    hdf5::set_attribute(file, "software_version", build_info::kVersion);
    {
      const Handle fits = hdf5::create_group(file, "fits");
      write_group(fits, record);
    }
    replace_file(path, seal(hdf5::file_image(file)));
  } catch (const hdf5::Error& error) {
    throw IoError(fmt::format("{}: {}", path, error.what()));
  }
}

void add_fits(const std::string& path, const std::vector<FitRecord>& records) {
  const std::string bytes = read_file(path);
  const Unsealed unsealed = unseal(bytes);
  if (unsealed.seal == Seal::broken) {
    throw IoError(fmt::format("{}: the file is damaged (its checksum does not match)", path));
  }
  try {
    const Handle file = hdf5::open_image(unsealed.content, hdf5::Access::change);
    {
      const Handle fits = hdf5::create_group(file, "fits");
      for (const FitRecord& record : records) write_group(fits, record);
    }
    replace_file(path, seal(hdf5::file_image(file)));
  } catch (const hdf5::Error& error) {
    throw IoError(fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace halfulp
