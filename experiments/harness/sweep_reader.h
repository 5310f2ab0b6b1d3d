// The reader behind read_sweep(): one pass over the file that goes on after each mistake.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/harness/schema.h"
#include "experiments/harness/sweep.h"
#include "experiments/harness/toml_tree.h"

namespace halfulp::harness {

class SweepReader {
 public:
  SweepReader(std::span<const ExperimentKind> kinds, Diagnostics& diagnostics)
      : kinds_(kinds), diagnostics_(diagnostics) {}

  Sweep read(const std::string& path, const std::vector<std::string>& overrides);

 private:
  using Handler = std::function<void(const TomlEntry&)>;

  struct Override {
    std::string key;
    std::string value;
    Location at;
  };

  // sweep_reader.cc: the file as a whole.
  void read_document(const TomlNode& document);
  void read_body(const TomlNode& document);
  void read_version(const TomlEntry& entry);
  void read_kind(const TomlNode& document);
  void read_name(const TomlEntry& entry);
  void read_seeds(const TomlEntry& entry);
  void read_stop(const TomlEntry& entry);
  void read_figures(const TomlEntry& entry);
  void read_overrides();

  // sweep_extension.cc: `extends`.
  void read_extension(const TomlNode& document, const TomlEntry& extends);
  /// What the file sets becomes overrides of what it extends.
  void extend_settings(const TomlNode& document, const std::string& path);
  void read_extension_header(const TomlNode& document);

  // sweep_fits.cc: [[fit]].
  void read_fits(const TomlEntry& entry);
  void read_fit(const TomlNode& table);
  void check_fit(const SweepFit& fit);
  void check_fit_column(const SweepFit& fit, const std::string& key, const std::string& name);

  void read_header_override(const Override& one);
  /// Calls the handler of each key of `table`; a key without one is an error.
  void dispatch(const TomlNode& table, const std::string& prefix,
                const std::map<std::string, Handler>& handlers);
  bool expect(const TomlEntry& entry, const std::string& name, TomlType type);

  // sweep_settings.cc: keys of the experiment kind, and the base files that set them.
  // Settings are added to `into`, where later ones win.
  void read_base(const TomlEntry& entry, const std::string& from_file,
                 const std::vector<std::string>& open_files, std::vector<Setting>& into);
  void read_base_file(const std::string& path, const Location& at,
                      std::vector<std::string> open_files, std::vector<Setting>& into);
  void read_constants(const TomlNode& table, const std::string& skip, std::vector<Setting>& into);
  /// The setting, or nothing after a complaint. An unknown key is complained about once and then
  /// taken for its suggestion, so that later checks see what the user meant.
  std::optional<Setting> read_setting(const std::string& path, const Location& key_at,
                                      const TomlNode& node);
  const Field* find_field(const std::string& path, const Location& at);
  void taint(const Field* field);

  // sweep_axes.cc: [sweep].
  void read_axes(const TomlEntry& entry);
  void read_grid(const TomlEntry& entry);
  void read_zip(const TomlEntry& entry);
  void read_random(const TomlEntry& entry);
  void read_exclusions(const TomlEntry& entry);
  Exclusion read_exclusion(const TomlNode& table);
  std::vector<TomlLeaf> axis_leaves(const TomlNode& table) const;
  std::vector<AxisChoice> read_choices(const TomlLeaf& leaf);
  AxisChoice read_choice(const TomlLeaf& leaf, const TomlNode& item);
  void add_axis(Axis axis);
  void finish_axes();

  std::span<const ExperimentKind> kinds_;
  Diagnostics& diagnostics_;
  Sweep sweep_;
  Schema schema_{{}};
  std::vector<Override> overrides_;
  std::map<std::string, Location> axis_keys_;  ///< which axis sets a key
};

}  // namespace halfulp::harness
