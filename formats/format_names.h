// Names of formats as users spell them: used by spec.cc.
#pragma once

#include <string>
#include <string_view>

#include "formats/named_formats.h"

namespace halfulp {

struct NameMatch {
  const NamedFormat* row = nullptr;
  std::string_view spelling;  ///< the alias or name that matched
};

/// The text of a name: lower case, every separator an underscore, library prefix ("torch.") gone.
std::string normalized_name(std::string_view text);

/// Looks up a normalized name. Spellings that differ only in where the separators stand are the
/// same, unless the table lists both (f8_e4m3 and f8e4m3).
NameMatch find_name(std::string_view name);

/// The remark for a spelling that people read in two ways, else empty.
std::string reading_note(std::string_view spelling);

/// Why a name (without separators) fits several formats or none of this kind, else empty.
std::string_view refusal_reason(std::string_view key);

}  // namespace halfulp
