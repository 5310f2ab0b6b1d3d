#include "experiments/store/labelled.h"

#include <hdf5_hl.h>

#include <limits>
#include <numeric>
#include <variant>

#include "experiments/store/shared_text.h"

namespace halfulp::labelled {

using hdf5::Elements;
using hdf5::Handle;
using hdf5::Storage;

void set_labels(const Handle& dataset, const Labels& labels) {
  hdf5::set_attribute(dataset, "long_name", labels.long_name);
  hdf5::set_attribute(dataset, "units", labels.units);
  hdf5::set_attribute(dataset, "reproducible", std::int64_t{labels.reproducible ? 1 : 0});
}

Handle write_scale(hid_t group, const std::string& name, std::vector<std::int64_t> values,
                   const Labels& labels) {
  Handle scale =
      hdf5::write_array(group, name, {{values.size()}, std::move(values)}, Storage::compressed);
  hdf5::check(H5DSset_scale(scale, name.c_str()), "make dimension '" + name + "'");
  set_labels(scale, labels);
  return scale;
}

Handle write_run_scale(hid_t group, std::size_t runs) {
  std::vector<std::int64_t> index(runs);
  std::iota(index.begin(), index.end(), 0);
  return write_scale(group, "run", std::move(index),
                     {"row of the run, in the order of the sweep", "1", false});
}

Handle write_labelled(hid_t group, const std::string& name, Elements elements,
                      const std::vector<hid_t>& scales, const Labels& labels) {
  hdf5::Array array{.shape = {}, .elements = std::move(elements)};
  for (const hid_t scale : scales) {
    const Handle space(H5Dget_space(scale), H5Sclose, "read a dataspace");
    array.shape.push_back(static_cast<hsize_t>(H5Sget_simple_extent_npoints(space)));
  }
  const auto* const texts = std::get_if<std::vector<std::string>>(&array.elements);
  const bool is_shared = texts != nullptr && array.shape.size() == 1 && hdf5::sharing_saves(*texts);
  Handle dataset = is_shared ? hdf5::write_shared_texts(group, name, *texts)
                             : hdf5::write_array(group, name, array, Storage::compressed);
  set_labels(dataset, labels);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    hdf5::check(H5DSattach_scale(dataset, scales[i], static_cast<unsigned>(i)),
                "attach a dimension to '" + name + "'");
  }
  if (std::holds_alternative<std::vector<double>>(array.elements)) {
    hdf5::set_attribute(dataset, "_FillValue", std::numeric_limits<double>::quiet_NaN());
  }
  return dataset;
}

void write_run_ids(hid_t group, const Handle& scale, const std::vector<RunRecord>& records) {
  write_labelled(group, "run_id", texts(records, [](const auto& r) { return r.run_id; }), {scale},
                 {"identifier of the run", "", true});
}

}  // namespace halfulp::labelled
