#pragma once

#include <string>

namespace halfulp {

/// The commit checked out in `folder`; empty when git or the folder is not there, or when the
/// folder is not the top of a repository (an archive unpacked inside somebody else's repository has
/// no commit).
std::string source_commit(const std::string& folder);

/// What differs from that commit: the output of git diff, then the names of source files git does
/// not know. Empty for a clean tree or no commit. At most 256 KiB; what is longer is cut and ends
/// in its hash.
std::string source_difference(const std::string& folder);

}  // namespace halfulp
