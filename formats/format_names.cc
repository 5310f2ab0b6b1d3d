#include "formats/format_names.h"

#include <algorithm>

#include "formats/spelling.h"

namespace halfulp {

namespace {

/// What people read in two ways, and the reading taken. `spelling` is an alias of named_formats.
struct Reading {
  std::string_view spelling;
  std::string_view note;
};

constexpr std::string_view kE4M3Note =
    " read as e4m3fn (OCP, max 448, no infinity); the IEEE-like type is e4m3ieee";
constexpr std::string_view kE4M3IeeeNote =
    " read as e4m3ieee (as ml_dtypes, XLA and MLIR: max 240, infinities); the OCP type is e4m3fn";

constexpr Reading kReadings[] = {
    {"e4m3", kE4M3Note},
    {"fp8_e4m3", kE4M3Note},
    {"f8_e4m3", kE4M3Note},
    {"hf8", kE4M3Note},
    {"float8_e4m3", kE4M3IeeeNote},
    {"f8e4m3", kE4M3IeeeNote},
    {"e3m2", " read as e3m2fn (OCP, every code finite, max 28); the IEEE-like type is e3m2ieee"},
    {"e2m3", " read as e2m3fn (OCP, every code finite, max 7.5); the IEEE-like type is e2m3ieee"},
    {"e2m1", " read as e2m1fn (OCP, every code finite, max 6); the IEEE-like type is e2m1ieee"},
    {"bf8", " read as e5m2 (OCP, infinities); the bf8 of AMD MI300 is e5m2fnuz"},
    {"fp8_fnuz", " read as e4m3fnuz; the other fnuz type of 8 bits is e5m2fnuz"},
    {"e8m0",
     " read as e8m0fnu (OCP scale: unsigned, no zero, NaN 0xff); the IEEE-like type is e8m0ieee"},
};

/// Names that fit several formats equally well, without separators.
struct Refusal {
  std::string_view key;
  std::string_view reason;
};

constexpr std::string_view kFp8 =
    "names several formats; write e4m3fn, e5m2, e4m3ieee, e4m3fnuz or e5m2fnuz";
constexpr std::string_view kFp6 = "names two formats; write e3m2fn or e2m3fn";
constexpr std::string_view kFp4 =
    "names several formats; write e2m1fn (the element of MXFP4 and NVFP4), bnb_fp4 (bitsandbytes) "
    "or "
    "e3m0finite";
constexpr std::string_view kMxFp8 =
    "is a block format (elements e4m3fn or e5m2, scales e8m0fnu), for quantizers and `ulp block`";
constexpr std::string_view kMxFp6 =
    "is a block format (elements e3m2fn or e2m3fn, scales e8m0fnu), for quantizers and `ulp block`";
constexpr std::string_view kMxFp4 =
    "is a block format (elements e2m1fn, scales e8m0fnu), for quantizers and `ulp block`";
constexpr std::string_view kMxInt8 =
    "is a block format (elements fixed(8,6), scales e8m0fnu), for quantizers and `ulp block`";
constexpr std::string_view kNvFp4 =
    "is a block format (elements e2m1fn, scales ue4m3), for quantizers and `ulp block`";

constexpr std::string_view kSharedMicroexponents =
    "is a block format of shared microexponents (arXiv 2302.08007), not of OCP MX";
constexpr std::string_view kRecipe =
    "is a recipe of several formats; write one format for each operand";
constexpr std::string_view kTwoInOne =
    "names a format and a rounding; write the format and, beside it, nearest_even";
constexpr std::string_view kE3M0 =
    "names two formats; write e3m0finite (every code a number) or e3m0ieee";
constexpr std::string_view kTooWide =
    "has 112 trailing bits and the widest format here 63: e15m63 has its exponents";

constexpr Refusal kRefusals[] = {
    {"mxint8", kMxInt8},
    {"mx4", kSharedMicroexponents},
    {"mx6", kSharedMicroexponents},
    {"mx9", kSharedMicroexponents},
    {"mxfp8e4m3", kMxFp8},
    {"mxfp8e5m2", kMxFp8},
    {"mxfp6e3m2", kMxFp6},
    {"mxfp6e2m3", kMxFp6},
    {"mxfp4e2m1", kMxFp4},
    {"hybrid", kRecipe},
    {"w8a8", kRecipe},
    {"w4a16", kRecipe},
    {"w4a8", kRecipe},
    {"e4m3rne", kTwoInOne},
    {"e5m2rne", kTwoInOne},
    {"fp4e3m0", kE3M0},
    {"binary128", kTooWide},
    {"float128", kTooWide},
    {"fp128", kTooWide},
    {"quad", kTooWide},
    {"fp8", kFp8},
    {"f8", kFp8},
    {"float8", kFp8},
    {"fp6", kFp6},
    {"f6", kFp6},
    {"float6", kFp6},
    {"fp4", kFp4},
    {"f4", kFp4},
    {"float4", kFp4},
    {"mxfp8", kMxFp8},
    {"mxfp6", kMxFp6},
    {"mxfp4", kMxFp4},
    {"nvfp4", kNvFp4},
};

}  // namespace

NameMatch find_name(std::string_view name) {
  const std::string key = without_separators(name);
  NameMatch loose;
  for (const NamedFormat& row : named_formats()) {
    std::vector<std::string_view> spellings = row.aliases;
    spellings.push_back(row.name);
    for (const std::string_view spelling : spellings) {
      if (spelling == name) return {&row, spelling};
      if (without_separators(spelling) == key) loose = {&row, spelling};
    }
  }
  return loose;
}

std::string reading_note(std::string_view spelling) {
  for (const Reading& reading : kReadings) {
    if (reading.spelling == spelling) return std::string(spelling) + std::string(reading.note);
  }
  return {};
}

std::string normalized_name(std::string_view text) {
  std::string name = lower_case(text);
  for (const std::string_view prefix :
       {"torch.", "jnp.", "jax.numpy.", "ml_dtypes.", "np.", "numpy.", "tf."}) {
    if (name.starts_with(prefix)) {
      name.erase(0, prefix.size());
      break;
    }
  }
  while (!name.empty() && is_separator(name.front())) name.erase(0, 1);
  while (!name.empty() && is_separator(name.back())) name.pop_back();
  std::replace_if(name.begin(), name.end(), is_separator, '_');
  return name;
}

std::string_view refusal_reason(std::string_view key) {
  for (const Refusal& refusal : kRefusals) {
    if (refusal.key == key) return refusal.reason;
  }
  return {};
}

}  // namespace halfulp
