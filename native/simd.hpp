// One source, three machines: a hot loop is written once as plain C++ in an always-inlined body; MIXOT_MULTIVERSION
// compiles it for the baseline, for AVX2 + FMA and for AVX-512, and the first call that asks picks the widest
// the processor has. Everything the body calls must be always-inlined too (MIXOT_INLINE), or it stays baseline code.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#if defined(__GNUC__) || defined(__clang__)
#define MIXOT_INLINE inline __attribute__((always_inline))
#define MIXOT_RESTRICT __restrict__
#else
#define MIXOT_INLINE inline
#define MIXOT_RESTRICT __restrict
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

// Four doubles that are computed with at once, for loops whose lanes are different problems. A pointer to Lanes may be
// read and written as a pointer to four times as many doubles.
#if defined(__GNUC__) || defined(__clang__)
typedef double Lanes __attribute__((vector_size(32), aligned(32)));
MIXOT_INLINE Lanes where_positive(Lanes x, Lanes yes, Lanes no) { return x > 0.0 ? yes : no; }
#else
struct alignas(32) Lanes {
  double lane[4];
  double operator[](int l) const { return lane[l]; }
  double& operator[](int l) { return lane[l]; }
};
#define MIXOT_LANES_OPERATOR(op)                                                                           \
  MIXOT_INLINE Lanes operator op(const Lanes& x, const Lanes& y) {                                         \
    return {{x[0] op y[0], x[1] op y[1], x[2] op y[2], x[3] op y[3]}};                                     \
  }                                                                                                        \
  MIXOT_INLINE Lanes operator op(double x, const Lanes& y) { return Lanes{{x, x, x, x}} op y; }            \
  MIXOT_INLINE Lanes operator op(const Lanes& x, double y) { return x op Lanes{{y, y, y, y}}; }            \
  MIXOT_INLINE Lanes& operator op##=(Lanes& x, const Lanes& y) { return x = x op y; }
MIXOT_LANES_OPERATOR(+)
MIXOT_LANES_OPERATOR(-)
MIXOT_LANES_OPERATOR(*)
MIXOT_LANES_OPERATOR(/)
#undef MIXOT_LANES_OPERATOR
MIXOT_INLINE Lanes where_positive(const Lanes& x, const Lanes& yes, const Lanes& no) {
  Lanes out;
  for (int l = 0; l < 4; ++l) out[l] = x[l] > 0.0 ? yes[l] : no[l];
  return out;
}
#endif
constexpr std::size_t lane_count = 4;

MIXOT_INLINE double* scalars(Lanes* x) { return reinterpret_cast<double*>(x); }

// Scratch space that only grows. (A std::vector<Lanes> would be aligned for the baseline, not for what the loops load.)
class LaneBuffer {
 public:
  void fit(std::size_t lanes) {
    if (lanes * lane_count + slack > store_.size()) store_.resize(lanes * lane_count + slack);
  }
  Lanes* data() {
    const auto address = reinterpret_cast<std::uintptr_t>(store_.data());
    return reinterpret_cast<Lanes*>((address + 63) & ~std::uintptr_t{63});
  }
  double* scalars() { return mixot::scalars(data()); }

 private:
  static constexpr std::size_t slack = 8;
  std::vector<double> store_;
};

MIXOT_INLINE Lanes sqrt(Lanes x) {
  Lanes out{};
  for (int l = 0; l < 4; ++l) out[l] = std::sqrt(x[l]);
  return out;
}

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
