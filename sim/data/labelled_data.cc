#include "sim/data/labelled_data.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <memory>

namespace halfulp {

std::string checksum_of(const LabelledData& data) {
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                              XXH3_freeState);
  XXH3_128bits_reset(state.get());
  for (const Examples* part : {&data.train, &data.held_out}) {
    XXH3_128bits_update(state.get(), part->values.data(), part->values.size() * sizeof(float));
    XXH3_128bits_update(state.get(), part->labels.data(), part->labels.size());
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace halfulp
