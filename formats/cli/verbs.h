// The verbs of the calculator: one table, one function each.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/cli/arguments.h"
#include "formats/code.h"
#include "formats/format.h"

namespace halfulp::cli {

struct Verb {
  std::string_view name;
  std::string_view arguments;  ///< "FORMAT [--hex]"
  std::string_view summary;
  std::string_view help;  ///< what `ulp help VERB` adds
  std::vector<Option> options;
  int (*run)(const Arguments&);  ///< returns the exit code; prints to standard output
};

std::span<const Verb> verbs();

/// Verbs whose help and options stand with their code.
Verb list_verb();
Verb show_verb();
Verb values_verb();
Verb explain_verb();
Verb diff_verb();
Verb cast_verb();
Verb eval_verb();
Verb dot_verb();
Verb block_verb();
Verb vectors_verb();

/// The one positional FORMAT of a verb; a note about its reading goes to standard error.
/// Throws UsageError, SpecError.
Format format_argument(const Arguments& arguments, std::string_view verb);
Format read_format(std::string_view text);

/// "0x3c": lower case, padded to the width of the format.
std::string code_text(const Format& format, Code code);

/// Runs the program; `words` are the arguments after the program's name. Returns the exit code.
int run(std::span<const std::string> words);

}  // namespace halfulp::cli
