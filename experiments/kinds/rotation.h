// Hadamard rotation of the rows of a matrix, in blocks.
#pragma once

#include <cstddef>

namespace halfulp {

/// Multiplies every run of `size` consecutive numbers by the Sylvester-Hadamard matrix over
/// sqrt(size), in place; n is a multiple of size, a power of two. Additions in binary32, in the
/// order of the fast transform (strides 1, 2, 4, ...), then one product: the same bits everywhere.
/// The transform is its own inverse and keeps sums of squares.
void rotate_blocks(float* x, std::size_t n, std::size_t size);

}  // namespace halfulp
