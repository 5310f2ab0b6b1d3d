// Text of block formats. docs/FORMATS.md has the grammar.
#pragma once

#include <string>
#include <string_view>

#include "formats/block_format.h"

namespace halfulp {

/// Reads "mxfp4", "nvfp4(torchao)", "mx(e2m1fn,block=32,scale=e8m0fnu:ceil)", "bfp(4,block=16)",
/// "dfp(8)", "grouped(int4,block=128,scale=binary16)", "block(...)". Throws SpecError (spec.h).
BlockFormat parse_block_format(std::string_view text);

/// As parse_block_format; `note` receives a remark when a name is one that people read in two ways,
/// else is cleared.
BlockFormat parse_block_format(std::string_view text, std::string& note);

/// The one canonical spelling, every policy written out: "block(e2m1fn,32,axis=k,scale=...)".
/// parse_block_format(to_spec(f)) == f.
std::string to_spec(const BlockFormat& format);

/// Whether `text` begins with a name of a block format or with one of the words of the grammar, so
/// that it is meant as a block format.
bool names_block_format(std::string_view text);

std::string_view to_string(BlockAxis);
std::string_view to_string(BlockScaleRule);
std::string_view to_string(BlockArithmetic);
std::string_view to_string(FourOverSix);
std::string_view to_string(ZeroPoint);
std::string_view to_string(ZeroBlock);
std::string_view to_string(NonFiniteBlock);

}  // namespace halfulp
