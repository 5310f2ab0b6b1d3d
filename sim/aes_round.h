// One round of AES encryption without its round key: SubBytes, ShiftRows, MixColumns. Here it mixes
// random bits; nothing is encrypted. Source: NIST FIPS 197, sections 5.1.1 to 5.1.3.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace halfulp {

using AesBlock = std::array<std::uint8_t, 16>;

/// Multiplication by x in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
constexpr std::uint8_t aes_times_x(std::uint8_t a) {
  return static_cast<std::uint8_t>(a << 1 ^ (a >> 7) * 0x1B);
}

/// The S-box, from its definition: the inverse in GF(2^8), then an affine map.
constexpr std::array<std::uint8_t, 256> make_aes_box() {
  std::array<std::uint8_t, 256> box{};
  // p runs through all powers of the generator x + 1, q through those of its inverse.
  std::uint8_t p = 1;
  std::uint8_t q = 1;
  do {
    p = static_cast<std::uint8_t>(p ^ aes_times_x(p));
    q = static_cast<std::uint8_t>(q ^ q << 1);
    q = static_cast<std::uint8_t>(q ^ q << 2);
    q = static_cast<std::uint8_t>(q ^ q << 4);
    if ((q & 0x80) != 0) q ^= 0x09;
    const auto turned = [&](int n) { return std::rotl(q, n); };
    box[p] = static_cast<std::uint8_t>(q ^ turned(1) ^ turned(2) ^ turned(3) ^ turned(4) ^ 0x63);
  } while (p != 1);
  box[0] = 0x63;
  return box;
}

inline constexpr std::array<std::uint8_t, 256> kAesBox = make_aes_box();

/// Byte 4 c + r of the block is row r, column c of the state.
constexpr AesBlock aes_round(const AesBlock& in) {
  AesBlock out{};
  for (std::size_t c = 0; c < 4; ++c) {
    std::array<std::uint8_t, 4> s{};
    for (std::size_t r = 0; r < 4; ++r) s[r] = kAesBox[in[4 * ((c + r) % 4) + r]];
    const auto all = static_cast<std::uint8_t>(s[0] ^ s[1] ^ s[2] ^ s[3]);
    for (std::size_t r = 0; r < 4; ++r) {
      const auto pair = static_cast<std::uint8_t>(s[r] ^ s[(r + 1) % 4]);
      out[4 * c + r] = static_cast<std::uint8_t>(s[r] ^ all ^ aes_times_x(pair));
    }
  }
  return out;
}

}  // namespace halfulp
