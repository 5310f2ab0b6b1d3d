// Oracle for logarithmic formats of up to 10 bits: their values and the boundaries between them at
// 2000 bits of MPFR, and operations on these values, rounded by searching the table. What 1600
// leading bits do not tell apart counts as equal. Shares no code with formats/*.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/format.h"
#include "formats/rounding.h"

namespace halfulp::oracle {

class PowerTable {
 public:
  /// lns(n,f) or takum_logN.
  explicit PowerTable(const Format& format);
  ~PowerTable();

  struct Result {
    std::uint64_t code = 0;
    Flags flags;
  };

  /// The result of an operation before rounding.
  struct Exact;
  std::shared_ptr<const Exact> exact(std::string_view operation,
                                     const std::vector<std::uint64_t>& codes) const;

  /// For the policies saturate and nan.
  Result round(const Exact& x, const RoundSpec& spec, std::uint64_t random) const;

 private:
  struct Numbers;
  std::uint64_t code_of(std::size_t index, bool negative) const;
  Result out_of_range(const RoundSpec& spec, bool negative, Flags flags) const;
  bool goes_out(const Exact& x, const RoundSpec& spec, std::size_t inner,
                std::uint64_t random) const;

  bool is_takum_ = false;
  int width_ = 0;
  int fraction_bits_ = 0;
  std::uint64_t nan_code_ = 0;
  std::unique_ptr<Numbers> numbers_;
};

}  // namespace halfulp::oracle
