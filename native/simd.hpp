// One source, three machines: a hot loop is written once as plain C++ in an always-inlined body; MIXOT_MULTIVERSION
// compiles it for the baseline, for AVX2 + FMA and for AVX-512, and the first call that asks picks the widest
// the processor has. Everything the body calls must be always-inlined too (MIXOT_INLINE), or it stays baseline code.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(__GNUC__) || defined(__clang__)
#define MIXOT_INLINE inline __attribute__((always_inline))
#else
#define MIXOT_INLINE inline
#endif

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define MIXOT_X86 1
#define MIXOT_AVX2 __attribute__((target("avx2,fma")))
#if defined(__clang__)
#define MIXOT_AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")))
#else
#define MIXOT_AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,prefer-vector-width=512")))
#endif
#endif

namespace mixot {

enum class Isa { baseline, avx2, avx512 };

// The widest instruction set this processor has, or a narrower one where the environment variable MIXOT_ISA asks for it
// (baseline, avx2 or avx512; read once, other values are ignored). Results on two sets agree up to rounding.
inline Isa isa() {
#ifdef MIXOT_X86
  static const Isa chosen = [] {
    Isa widest = Isa::baseline;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      widest = Isa::avx2;
      if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        widest = Isa::avx512;
    }
    const char* asked = std::getenv("MIXOT_ISA");
    if (asked && !std::strcmp(asked, "baseline")) return Isa::baseline;
    if (asked && !std::strcmp(asked, "avx2") && widest == Isa::avx512) return Isa::avx2;
    return widest;
  }();
  return chosen;
#else
  return Isa::baseline;
#endif
}

// MIXOT_MULTIVERSION(name, (parameters), (arguments)) defines `void name(parameters)` that runs `name_body(arguments)`
// compiled for the processor at hand. `name_body` must be MIXOT_INLINE.
#ifdef MIXOT_X86
#define MIXOT_MULTIVERSION(name, parameters, arguments)           \
  static void name##_baseline parameters { name##_body arguments; }           \
  MIXOT_AVX2 static void name##_avx2 parameters { name##_body arguments; }     \
  MIXOT_AVX512 static void name##_avx512 parameters { name##_body arguments; } \
  void name parameters {                                                       \
    switch (::mixot::isa()) {                                                  \
      case ::mixot::Isa::avx512: return name##_avx512 arguments;               \
      case ::mixot::Isa::avx2: return name##_avx2 arguments;                   \
      default: return name##_baseline arguments;                               \
    }                                                                          \
  }
#else
#define MIXOT_MULTIVERSION(name, parameters, arguments) \
  void name parameters { name##_body arguments; }
#endif

// exp(x), branch-free so that a loop over it vectorises. Relative error below 2e-16 for doubles (1 ulp) and 1e-7 for
// floats; arguments below the underflow threshold give 0. x = n log 2 + r, |r| <= log(2)/2, Taylor in r, exponent bits
// from n.
MIXOT_INLINE double fast_exp(double x) {
  const double clipped = x < -708.0 ? -708.0 : (x > 709.0 ? 709.0 : x);
  const double shifted = clipped * 1.4426950408889634074 + 6755399441055744.0;  // round to nearest: n in the low bits
  const double n = shifted - 6755399441055744.0;
  const double r = (clipped - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  std::uint64_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023u) << 52;
  double scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return x < -708.0 ? 0.0 : p * scale;
}

MIXOT_INLINE float fast_exp(float x) {
  const float clipped = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
  const float shifted = clipped * 1.44269504088896341f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  const float r = (clipped - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  std::uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 127u) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return x < -87.0f ? 0.0f : p * scale;
}

}  // namespace mixot
