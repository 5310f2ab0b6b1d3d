// The one table of named block formats: name, fields, accepted spellings, source document.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "formats/block_format.h"

namespace halfulp {

struct NamedBlockFormat {
  std::string_view name;
  BlockFormat format;
  std::vector<std::string_view> aliases;  ///< accepted on input
  std::string_view source;                ///< the document that defines it
};

std::span<const NamedBlockFormat> named_block_formats();

/// The row whose format equals `format`, or nullptr.
const NamedBlockFormat* find_named_block_format(const BlockFormat& format);

}  // namespace halfulp
