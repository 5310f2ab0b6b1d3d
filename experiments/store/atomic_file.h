// Whole files, read and replaced so that a reader, a kill or a full disk never meets half of one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace halfulp {

/// Reads a whole file. Throws IoError with the path and the reason.
std::string read_file(const std::string& path);

/// Replaces `path` by `bytes`: written to `.NAME.tmp` beside it, fsynced, renamed, the folder
/// fsynced. Until the rename the old file is untouched; on failure the temporary is removed.
/// Writers of the same path at the same time take turns (where the file system has locks); the last
/// one wins. Throws IoError with the path and the reason.
void replace_file(const std::string& path, std::string_view bytes);

/// Removes `path` and what a killed writer of it has left; nothing where there is neither.
void remove_file(const std::string& path);

// The last line of a file of ours: a checksum of all bytes before it. HDF5 ignores what follows its
// data, so every reader still opens the file; we find damage before HDF5 parses it.

/// `content` followed by its checksum line.
std::string seal(std::string content);

enum class Seal : std::uint8_t { intact, absent, broken };

struct Unsealed {
  Seal seal;
  std::string_view content;  ///< without the checksum line; a view of the argument
};

Unsealed unseal(std::string_view bytes);

}  // namespace halfulp
