// The families of spellings that spec.cc tries one after another. A reader of names gives nothing
// when the text is none of its spellings; a reader of calls is told by the word before the bracket.
// Neither checks the parameters: format_fault() does.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/format.h"
#include "formats/spelling.h"

namespace halfulp::spec_forms {

/// Takes a decimal number of up to three digits from the front of `text`.
std::optional<int> take_number(std::string_view& text);
bool take_prefix(std::string_view& text, std::string_view prefix);

// --- float_spec.cc: eXmY and float(...) ---

/// eXmY at the front of `key` and, in `suffix`, what follows.
std::optional<FloatFormat> take_split(std::string_view key, std::string_view& suffix);
std::optional<Format> read_float_name(std::string_view key);
/// A remark for small formats, where giving up the top exponent matters most; else empty.
std::string float_name_note(std::string_view key, const Format& format);
Format read_float_call(TextCursor& cursor);
std::string float_spec(const FloatFormat& format);

// --- fixed_spec.cc: intN, fixed(W,F), qM.N, ap_fixed<W,I> ---

std::optional<Format> read_integer_name(std::string_view key);
/// Qm.n and MATLAB's sfix8_En6, from the text as written. Throws SpecError for the q names of other
/// things.
std::optional<Format> read_fixed_name(std::string_view text, int column, std::string& note);
/// `word` is one of fixed_calls(); the cursor stands behind it.
Format read_fixed_call(TextCursor& cursor, std::string_view word, std::string& note);
bool is_fixed_call(std::string_view word);
std::string integer_spec(const IntegerFormat& format);

// --- p3109_spec.cc: p3109(K,P,signed,extended), Binary8p4se ---

std::optional<Format> read_p3109_name(std::string_view key, std::string& note);
Format read_p3109_call(TextCursor& cursor, std::string& note);
std::string p3109_spec(const FloatFormat& format);

// --- unknown_format.cc ---

[[noreturn]] void refuse_unknown(std::string_view text, std::string_view key, int column);

}  // namespace halfulp::spec_forms
