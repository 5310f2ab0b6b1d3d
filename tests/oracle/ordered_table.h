// Oracle for posits, takums, logarithmic numbers and codebooks: every code decoded from its bits as
// text by the formulas of the definitions, sorted, and rounding by comparing large integers. Shares
// no code with formats/*.cc.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/format.h"
#include "formats/rounding.h"
#include "tests/oracle/value_table.h"

namespace halfulp::oracle {

/// A real number times 2^1400; irrational ones are cut there.
using Scaled = boost::multiprecision::cpp_int;

Scaled to_scaled(double x);
/// Correctly rounded where |x| is a normal binary64 number.
double to_binary64(const Scaled& x);

/// Value of a posit's bit string ((1 - 3 s) + f) 2^((1 - 2 s)(2^es r + e + s)), Standard for Posit
/// Arithmetic (2022) 3.4, for any es. Not for 0 and NaR.
Scaled posit_value(const std::string& bits, int es);
/// Value of a takum's bit string, arXiv 2404.18603 definitions 2 and 8. Not for 0 and NaR.
Scaled takum_value(const std::string& bits, bool logarithmic);
/// Value of a code of Universal's lns. Not for 0 and NaN.
Scaled lns_value(const std::string& bits, int fraction_bits);

/// The code as text, most significant bit first.
std::string bits_of(std::uint64_t code, int width);

class OrderedTable {
 public:
  explicit OrderedTable(const Format& format);

  Rounded round(const RoundSpec& spec, double x, std::uint64_t random) const;

  struct Entry {
    Scaled value;
    std::uint64_t code;
    bool odd;
    Scaled boundary;  ///< of nearest rounding, up to the next entry
  };

  /// Ascending; one zero.
  const std::vector<Entry>& entries() const { return entries_; }

  /// Every stride-th value, boundary and three points of the gap, each with its two binary64
  /// neighbours; and numbers beyond the ends.
  std::vector<double> deciding_inputs(std::size_t stride) const;

 private:
  void fill_symmetric(int width);
  void fill_codebook(const std::vector<double>& values);
  Scaled value_of(const std::string& bits) const;
  bool takes_upper(const RoundSpec& spec, std::size_t lower, const Scaled& x, bool negative,
                   std::uint64_t random) const;
  bool takes_upper_by_chance(const RoundSpec& spec, std::size_t lower, const Scaled& x,
                             bool negative, std::uint64_t random) const;

  Format format_;
  std::vector<Entry> entries_;
  bool is_posit_like_ = false;  ///< nearest never gives zero; infinity is NaR
  bool has_nan_ = true;
  bool has_negative_zero_ = false;
  Scaled min_positive_;
};

}  // namespace halfulp::oracle
