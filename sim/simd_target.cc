#include "sim/simd_target.h"

#include <algorithm>
#include <cctype>
#include <cfloat>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/simd_target.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();

namespace halfulp {
namespace HWY_NAMESPACE {

std::int64_t running_target() { return HWY_TARGET; }

}  // namespace HWY_NAMESPACE
}  // namespace halfulp

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace halfulp {
namespace {

HWY_EXPORT(running_target);

// Highway's portable fallback has two implementations, chosen by compiler; their bits are the same,
// and one name lets one script force it in either build.
std::string name_of(std::int64_t target) {
  if (target == HWY_SCALAR || target == HWY_EMU128) return "scalar";
  std::string name = hwy::TargetName(target);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

// What the CPU runs, whatever was forced before.
std::int64_t targets_of_cpu() {
  static const std::int64_t targets = [] {
    hwy::SetSupportedTargetsForTest(0);
    return hwy::SupportedTargets();
  }();
  // The fallback runs everywhere, but Highway reports the one that its own library was built with.
  return (targets & HWY_TARGETS) | (HWY_TARGETS & (HWY_SCALAR | HWY_EMU128));
}

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// Computes rather than reads a control register: what matters is what the arithmetic does.
void check_floating_point_environment() {
  volatile float smallest_normal = FLT_MIN;
  volatile float half = smallest_normal * 0.5F;
  if (half == 0.0F) {
    throw std::runtime_error(
        "the CPU flushes subnormal results to zero (FTZ); results would differ from every other "
        "machine: relink without -ffast-math (also not in a preloaded library)");
  }
  volatile float subnormal = FLT_TRUE_MIN;
  volatile float raised = subnormal * 0x1p126F;
  if (raised == 0.0F) {
    throw std::runtime_error(
        "the CPU reads subnormal operands as zero (DAZ); results would differ from every other "
        "machine: relink without -ffast-math (also not in a preloaded library)");
  }
  volatile double one = 1.0;
  volatile double quarter_ulp = DBL_EPSILON / 4;
  volatile double up = one + 3 * quarter_ulp;
  volatile double down = one + quarter_ulp;
  volatile double negative = -one - quarter_ulp;
  if (up != 1.0 + DBL_EPSILON || down != 1.0 || negative != -1.0) {
    throw std::runtime_error(
        "the floating-point rounding mode is not round to nearest: remove the call that changes it "
        "(fesetround, or the control register set by a parent library)");
  }
}

}  // namespace

std::vector<std::string> simd_targets() {
  std::vector<std::string> names;
  // Lower bits are better targets.
  for (std::int64_t rest = targets_of_cpu(); rest != 0; rest &= rest - 1) {
    names.push_back(name_of(rest & -rest));
  }
  return names;
}

std::string simd_target() { return name_of(HWY_DYNAMIC_DISPATCH(running_target)()); }

void force_simd_target(std::string_view name) {
  const std::int64_t available = targets_of_cpu();
  std::int64_t chosen = name.empty() ? available : 0;
  for (std::int64_t rest = available; rest != 0; rest &= rest - 1) {
    if (name_of(rest & -rest) == name) chosen = rest & -rest;
  }
  if (chosen == 0) {
    throw std::invalid_argument("no SIMD target '" + std::string(name) +
                                "' here; choose one of: " + join(simd_targets()));
  }
  // Some kernels exist once more for AVX-512 with newer extensions; others do not see this bit.
  if ((chosen & HWY_AVX3) != 0) chosen |= hwy::SupportedTargets() & HWY_AVX3_DL;
  // One call serves every kernel of the program: all dispatch tables share this choice.
  hwy::GetChosenTarget().Update(chosen);
}

void initialize_numerics() {
  if (const char* name = std::getenv("HALFULP_SIMD"); name != nullptr && *name != '\0') {
    try {
      force_simd_target(name);
    } catch (const std::invalid_argument& error) {
      throw std::runtime_error(std::string("HALFULP_SIMD: ") + error.what());
    }
  }
  check_floating_point_environment();
}

}  // namespace halfulp

#endif  // HWY_ONCE
