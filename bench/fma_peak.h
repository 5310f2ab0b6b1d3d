// The most that any product of this kind can reach: fused multiply-adds without memory.
#pragma once

#include <cstddef>

namespace halfulp::bench {

/// Does at least `terms` fused multiply-adds of binary32 numbers in registers, enough of them
/// independent to keep every unit busy. Returns what they add up to, which depends on all.
float multiply_in_registers(std::size_t terms);

}  // namespace halfulp::bench
