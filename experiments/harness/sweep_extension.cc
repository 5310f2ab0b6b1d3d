// The part of SweepReader that reads a sweep file which changes settings of another one.
#include <filesystem>
#include <iterator>

#include "experiments/harness/sweep_reader.h"
#include "experiments/store/atomic_file.h"
#include "experiments/store/io_error.h"

namespace halfulp::harness {

void SweepReader::read_extension(const TomlNode& document, const TomlEntry& extends) {
  if (!expect(extends, "extends", TomlType::text)) return;
  const std::string own_path = sweep_.path, own_name = sweep_.name;
  const auto folder = std::filesystem::path(own_path).parent_path();
  const std::string path = (folder / extends.value.text).lexically_normal().string();
  std::string text;
  try {
    text = read_file(path);
  } catch (const IoError& error) {
    diagnostics_.error(extends.at, std::string("extends: ") + error.what());
    return;
  }
  const auto parent = parse_toml(text, path, diagnostics_);
  if (!parent) return;
  if (entry_named(*parent, "extends") != nullptr) {
    diagnostics_.error(extends.at, "extends: " + quote(path) + " extends a file itself");
    return;
  }
  sweep_.text += (sweep_.text.ends_with('\n') ? "" : "\n") + ("# " + path + ":\n" + text);
  sweep_.path = path;
  // The settings need the kind that the other file names, and must be known before its axes.
  read_kind(*parent);
  extend_settings(document, own_path);
  read_body(*parent);
  sweep_.path = own_path;
  sweep_.name = own_name;
  read_extension_header(document);
}

void SweepReader::extend_settings(const TomlNode& document, const std::string& path) {
  std::vector<Setting> settings;
  for (const TomlEntry& entry : document.entries) {
    if (entry.key == "base") read_base(entry, path, {path}, settings);
  }
  for (const TomlEntry& entry : document.entries) {
    if (entry.key == "set" && expect(entry, "set", TomlType::table)) {
      read_constants(entry.value, "", settings);
    }
  }
  std::vector<Override> own;
  for (Setting& setting : settings) {
    own.push_back({std::move(setting.key), std::move(setting.written), setting.at});
  }
  // Stronger ones stand later: this file, what extends it, the command line.
  overrides_.insert(overrides_.begin(), std::make_move_iterator(own.begin()),
                    std::make_move_iterator(own.end()));
}

void SweepReader::read_extension_header(const TomlNode& document) {
  const auto nothing = [](const TomlEntry&) {};
  const auto inherited = [&](const TomlEntry& entry) {
    diagnostics_.error(entry.at, "'" + entry.key + "' is that of the file that this one extends");
  };
  dispatch(document, "",
           {{"schema_version", [&](const TomlEntry& entry) { read_version(entry); }},
            {"extends", nothing},
            {"experiment", inherited},
            {"sweep", inherited},
            {"stop", inherited},
            {"fit", inherited},
            {"figure", inherited},
            {"base", nothing},
            {"set", nothing},
            {"name", [&](const TomlEntry& entry) { read_name(entry); }},
            {"seeds", [&](const TomlEntry& entry) { read_seeds(entry); }},
            {"notes", [&](const TomlEntry& entry) { expect(entry, "notes", TomlType::text); }}});
}

}  // namespace halfulp::harness
