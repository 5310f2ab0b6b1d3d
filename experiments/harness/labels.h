// How runs are called on the terminal: short ids, short keys, aligned tables.
#pragma once

#include <string>
#include <vector>

#include "experiments/harness/sweep.h"

namespace halfulp::harness {

/// The last part of each key ("width" of "model.width"), or as many parts as tell the keys apart.
std::vector<std::string> short_keys(const std::vector<std::string>& keys);

/// Whether the sweep file itself sets it on an axis, or it is a name (a key that changes no
/// numbers).
bool is_telling(const Sweep& sweep, const Setting& setting);

/// Text for people about the runs of one plan. Of what an axis reads from base files only what is
/// telling is shown, where there is any.
class Labels {
 public:
  Labels(const Sweep& sweep, const Plan& plan);

  /// "width=64 weight=int4 seed=1": what varies in the sweep; the seed when there is more than one.
  std::string describe(const RunPoint& point) const;

  /// The same as columns, with keys().
  std::vector<std::string> values(const RunPoint& point) const;

  const std::vector<std::string>& keys() const { return keys_; }

 private:
  std::vector<std::string> keys_;
  std::vector<bool> is_shown_;  ///< by swept key
  bool several_seeds_;
};

/// Rows as aligned columns, two spaces apart, each line without trailing spaces and with a newline.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace halfulp::harness
