// intN, fixed(W,F), qM.N, ap_fixed<W,I>: see spec_forms.h.
#include <algorithm>
#include <array>

#include "formats/spec.h"
#include "formats/spec_forms.h"

namespace halfulp::spec_forms {

namespace {

constexpr int kMostBits = 999;  // read; format_fault() says how many there can be
constexpr int kMostFraction = 99'999;

constexpr std::array<std::string_view, 6> kFixedCalls = {"fixed",     "ufixed",   "ap_fixed",
                                                         "ap_ufixed", "ac_fixed", "ap_int"};

/// Width and fraction bits by position, or by name in any order.
void read_sizes(TextCursor& cursor, IntegerFormat& format, std::string& note) {
  if (cursor.peek_word().empty() ||
      (cursor.peek_word()[0] >= '0' && cursor.peek_word()[0] <= '9')) {
    format.bits = cursor.take_integer("the width", 1, kMostBits);
    cursor.expect(',');
    format.fraction_bits = cursor.take_integer("fraction bits", -kMostFraction, kMostFraction);
    return;
  }
  std::optional<int> integer_bits;
  do {
    const bool is_width = cursor.take_word("width") || cursor.take_word("bits");
    const bool is_integer = !is_width && cursor.take_word("int_bits");
    if (!is_width && !is_integer && !cursor.take_word("frac_bits") &&
        !cursor.take_word("fraction")) {
      cursor.fail("expected width=, int_bits= or frac_bits=");
    }
    cursor.expect('=');
    int size = cursor.take_integer("a number of bits", -kMostFraction, kMostFraction);
    if (is_integer) {
      integer_bits = size;
    } else {
      (is_width ? format.bits : format.fraction_bits) = size;
    }
  } while (cursor.take(','));
  if (integer_bits) {
    format.bits = *integer_bits + format.fraction_bits;
    note = "int_bits read with the sign bit counted (as in APyTypes)";
  }
}

/// fixed(W,F), ufixed(W,F), with sym.
IntegerFormat read_fixed(TextCursor& cursor, bool is_signed, std::string& note) {
  IntegerFormat format{0, is_signed};
  cursor.expect('(');
  read_sizes(cursor, format, note);
  while (cursor.take(',')) {
    if (cursor.take_word("sym") || cursor.take_word("symmetric")) {
      format.symmetric = true;
    } else if (cursor.take_word("unsigned")) {
      format.is_signed = false;
    } else {
      cursor.fail("expected sym or unsigned");
    }
  }
  cursor.expect(')');
  return format;
}

/// ap_fixed<W,I> (AMD), ac_fixed<W,I,S> (Siemens): I counts the sign bit.
IntegerFormat read_template(TextCursor& cursor, std::string_view word, std::string& note) {
  IntegerFormat format{0, word != "ap_ufixed"};
  cursor.expect('<');
  format.bits = cursor.take_integer("the width", 1, kMostBits);
  if (word != "ap_int") {
    cursor.expect(',');
    format.fraction_bits =
        format.bits - cursor.take_integer("integer bits", -kMostFraction, kMostFraction);
  }
  if (word == "ac_fixed") {
    cursor.expect(',');
    format.is_signed = cursor.take_word("true");
    if (!format.is_signed && !cursor.take_word("false")) cursor.fail("expected true or false");
  }
  if (cursor.take(',')) {
    cursor.fail("rounding and overflow are not part of a format; name them beside it");
  }
  cursor.expect('>');
  note = std::string(word) + " read as its set of numbers; its own defaults, rounding " +
         "toward_negative and overflow wrap, are to be named beside it";
  return format;
}

/// m and n of "m.n".
bool take_point_sizes(std::string_view text, int& whole, int& fraction) {
  const std::optional<int> m = take_number(text);
  if (!m || !take_prefix(text, ".")) return false;
  const std::optional<int> n = take_number(text);
  if (!n || !text.empty()) return false;
  whole = *m;
  fraction = *n;
  return true;
}

/// Names that start like Qm.n: q15, and the block types q4_0, q4_k_m of llama.cpp.
void refuse_other_q_names(std::string_view name, std::string_view text, int column) {
  std::string_view rest = name;
  const std::optional<int> bits = take_prefix(rest, "q") ? take_number(rest) : std::nullopt;
  if (!bits) return;
  const std::string start = "'" + shortened(text) + "' at column " + std::to_string(column);
  const std::string n = std::to_string(*bits);
  if (rest.empty()) {
    throw SpecError(start + " has two readings; write q0." + n + " (a sign and " + n +
                        " fraction bits) or int" + n,
                    column);
  }
  if (rest.size() <= 5 && rest[0] == '_') {
    throw SpecError(start +
                        " is a block type of llama.cpp, with scales; a fixed-point format has a "
                        "point, as in q1.6, and an integer is int" +
                        n,
                    column);
  }
}

/// MATLAB's sfix8_En6 and ufix16_En8, sfix8_E2 for steps of 4.
std::optional<Format> read_matlab_name(std::string_view name) {
  IntegerFormat format;
  format.is_signed = name.starts_with("sfix");
  if (!take_prefix(name, "sfix") && !take_prefix(name, "ufix")) return std::nullopt;
  const std::optional<int> bits = take_number(name);
  if (!bits) return std::nullopt;
  format.bits = *bits;
  if (name.empty()) return format;
  if (!take_prefix(name, "_e")) return std::nullopt;
  const bool negative = take_prefix(name, "n");
  const std::optional<int> exponent = take_number(name);
  if (!exponent || !name.empty()) return std::nullopt;
  format.fraction_bits = negative ? *exponent : -*exponent;
  return format;
}

}  // namespace

std::optional<Format> read_integer_name(std::string_view key) {
  IntegerFormat format;
  if (take_prefix(key, "uint") || take_prefix(key, "u")) {
    format.is_signed = false;
  } else if (!take_prefix(key, "int") && !take_prefix(key, "i") && !take_prefix(key, "s")) {
    return std::nullopt;
  }
  const std::optional<int> bits = take_number(key);
  if (!bits) return std::nullopt;
  format.bits = *bits;
  if (key == "sym" || key == "symmetric") {
    format.symmetric = true;
  } else if (!key.empty()) {
    return std::nullopt;
  }
  return format;
}

std::optional<Format> read_fixed_name(std::string_view text, int column, std::string& note) {
  const std::string name = lower_case(text);
  if (const std::optional<Format> format = read_matlab_name(name)) return format;
  std::string_view rest = name;
  const bool is_unsigned = take_prefix(rest, "u");
  IntegerFormat format{0, !is_unsigned};
  int whole = 0;
  if (!take_prefix(rest, "q") || !take_point_sizes(rest, whole, format.fraction_bits)) {
    refuse_other_q_names(name, text, column);
    return std::nullopt;
  }
  format.bits = whole + format.fraction_bits + (is_unsigned ? 0 : 1);
  if (!is_unsigned) {
    note = name + " read as a sign, " + std::to_string(whole) + " integer and " +
           std::to_string(format.fraction_bits) +
           " fraction bits (as TI counts): " + integer_spec(format);
    if (whole > 0) {
      --format.bits;
      note +=
          "; with the sign among the integer bits (as Arm counts) it is " + integer_spec(format);
      ++format.bits;
    }
  }
  return format;
}

bool is_fixed_call(std::string_view word) {
  return std::find(kFixedCalls.begin(), kFixedCalls.end(), word) != kFixedCalls.end();
}

Format read_fixed_call(TextCursor& cursor, std::string_view word, std::string& note) {
  const bool is_own = word == "fixed" || word == "ufixed";
  const IntegerFormat format =
      is_own ? read_fixed(cursor, word == "fixed", note) : read_template(cursor, word, note);
  cursor.expect_end();
  return format;
}

std::string integer_spec(const IntegerFormat& f) {
  if (f.fraction_bits == 0) {
    return (f.is_signed ? "int" : "uint") + std::to_string(f.bits) + (f.symmetric ? "sym" : "");
  }
  return (f.is_signed ? "fixed(" : "ufixed(") + std::to_string(f.bits) + "," +
         std::to_string(f.fraction_bits) + (f.symmetric ? ",sym)" : ")");
}

}  // namespace halfulp::spec_forms
