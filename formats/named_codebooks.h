// Codebooks with a definition: the values of NF4, bitsandbytes' types and generated lists.
#pragma once

#include "formats/format.h"

namespace halfulp {

/// The 16 binary32 constants of QLoRA (Dettmers et al., arXiv 2305.14314, appendix E) as
/// bitsandbytes ships them. Computing the definition exactly gives numbers up to 2e-7 away: the
/// constants were generated in binary32 from the offset 0.9677083.
CodebookFormat nf4_codebook();

/// bitsandbytes' FP4: sign and magnitude {0, 1/16, 8, 12, 4, 6, 2, 3} / 12 in binary32. Code 8 is
/// -0.
CodebookFormat bnb_fp4_codebook();

/// Dynamic exponent type of 8 bits (Dettmers, arXiv 1511.04561; bitsandbytes create_dynamic_map):
/// for i = 0..6 the midpoints of 2^i (unsigned: 2^(i+1)) equal parts of [0.1, 1], times 10^(i - 6),
/// with both signs; 0 and 1. Each is the exact number rounded once to binary32. Ascending.
CodebookFormat bnb_dynamic_codebook(bool is_signed);

/// The signed dynamic exponent type of 2 to 8 bits: for i = 0..bits - 2 the midpoints of 2^i equal
/// parts of [0.1, 1], times 10^(i - bits + 2), with both signs; 0 and 1. 8 bits: as above.
CodebookFormat dynamic_codebook(int bits);

CodebookFormat ternary_codebook();  ///< {-1, 0, 1}
CodebookFormat binary_codebook();   ///< {-1, 1}

/// Sign and exponent: 0 and +-2^-k for k from 2^(bits - 1) - 2 down to 0; code 10..0 is -0. Source:
/// Li, Dong and Wang, Additive Powers-of-Two Quantization, arXiv 1909.13144, equation 3. 2 to 8
/// bits.
CodebookFormat power_of_two_codebook(int bits);

/// The medians of 2^bits cells of equal probability under N(0, 1): the inverse normal distribution
/// at (2 i + 1) / 2^(bits + 1), rounded to binary32. Ascending. 1 to 10 bits.
CodebookFormat quantile_codebook(int bits);

}  // namespace halfulp
