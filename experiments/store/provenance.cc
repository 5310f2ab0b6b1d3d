// Where and with what a run was computed.
#include <fmt/core.h>
#include <hdf5.h>
#include <sys/utsname.h>
#include <toml++/impl/version.h>
#include <xxhash.h>

#include <fstream>
#include <string>
#include <string_view>

#include "build_info.h"
#include "experiments/store/run_record.h"
#include "experiments/store/source_tree.h"
#include "sim/simd_target.h"

namespace halfulp {
namespace {

// The value of the first line "key<separator>value" whose key starts with `key`; empty without one.
std::string value_in_file(const char* path, std::string_view key, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t split = line.find(separator);
    if (line.compare(0, key.size(), key) != 0 || split == std::string::npos) continue;
    const std::size_t begin = line.find_first_not_of(" \"", split + 1);
    if (begin == std::string::npos) return "";
    return line.substr(begin, line.find_last_not_of(" \"") + 1 - begin);
  }
  return "";
}

utsname system_names() {
  utsname names = {};
  uname(&names);
  return names;
}

// "CPU part" is what arm64 kernels offer instead of a model name.
std::string cpu_model() {
  const std::string machine = system_names().machine;
  std::string model = value_in_file("/proc/cpuinfo", "model name", ':');
  if (!model.empty()) return model;
  const std::string part = value_in_file("/proc/cpuinfo", "CPU part", ':');
  return part.empty() ? machine : machine + " part " + part;
}

std::string operating_system() {
  const utsname names = system_names();
  const std::string distribution = value_in_file("/etc/os-release", "PRETTY_NAME", '=');
  const std::string kernel = fmt::format("{} {} {}", names.sysname, names.release, names.machine);
  return distribution.empty() ? kernel : distribution + ", " + kernel;
}

std::string library_versions() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  const unsigned xxhash = XXH_versionNumber();
  return fmt::format("HDF5 {}.{}.{}, toml++ {}.{}.{}, fmt {}.{}.{}, Highway {}, xxHash {}.{}.{}",
                     major, minor, release, TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH,
                     FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100,
                     build_info::kHighwayVersion, xxhash / 10000, xxhash / 100 % 100, xxhash % 100);
}

}  // namespace

Provenance collect_provenance() {
  Provenance provenance;
  provenance.version = build_info::kVersion;
  provenance.commit = source_commit(build_info::kSourceDirectory);
  provenance.dirty_diff = source_difference(build_info::kSourceDirectory);
  provenance.compiler = build_info::kCompiler;
  provenance.flags = build_info::kFlags;
  provenance.build_type = build_info::kBuildType;
  provenance.cpu = cpu_model();
  provenance.simd_target = simd_target();
  provenance.libraries = library_versions();
  provenance.host_os = operating_system();
  return provenance;
}

}  // namespace halfulp
