// Storage aligned for the widest vector unit (64 bytes).
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace halfulp {

template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;

  template <class U>
  AlignedAllocator(const AlignedAllocator<U>& /*other*/) {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64}));
  }

  void deallocate(T* p, std::size_t /*n*/) { ::operator delete (p, std::align_val_t{64}); }

  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace halfulp
