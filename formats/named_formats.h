// The one table of named formats: canonical name, parameters, accepted spellings, source document.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "formats/format.h"

namespace halfulp {

struct NamedFormat {
  std::string_view name;  ///< canonical; the only spelling that is printed or stored
  Format format;
  std::vector<std::string_view> aliases;  ///< accepted on input, normalized as in spec.h
  std::string_view source;                ///< the document that defines it
};

std::span<const NamedFormat> named_formats();

/// The row whose format equals `format`, or nullptr.
const NamedFormat* find_named_format(const Format& format);

}  // namespace halfulp
