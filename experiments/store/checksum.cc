#include "experiments/store/checksum.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace halfulp {

std::string xxh3_128_hex(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace halfulp
