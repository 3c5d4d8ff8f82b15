// One source, three machines: a hot loop is written once as plain C++ in an always-inlined body; MIXOT_MULTIVERSION
// compiles it for the baseline, for AVX2 + FMA and for AVX-512, and the first call that asks picks the widest
// the processor has. Everything the body calls must be always-inlined too (MIXOT_INLINE), or it stays baseline code.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#if defined(__GNUC__) || defined(__clang__)
#define MIXOT_INLINE inline __attribute__((always_inline))
#define MIXOT_RESTRICT __restrict__
#if defined(__clang__)
#define MIXOT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MIXOT_UNROLL _Pragma("GCC unroll 16")
#endif
#else
#define MIXOT_INLINE inline
#define MIXOT_RESTRICT __restrict
#define MIXOT_UNROLL
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

// Memory that starts on a cache line, so that no vector straddles two.
template <class T>
struct CacheLine {
  using value_type = T;
  CacheLine() = default;
  template <class U>
  CacheLine(const CacheLine<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64))); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(64)); }
  friend bool operator==(const CacheLine&, const CacheLine&) { return true; }
  friend bool operator!=(const CacheLine&, const CacheLine&) { return false; }
};
template <class T>
using AlignedVector = std::vector<T, CacheLine<T>>;

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

// Scratch space that only grows.
class LaneBuffer {
 public:
  void fit(std::size_t lanes) {
    if (lanes * lane_count > store_.size()) store_.resize(lanes * lane_count);
  }
  Lanes* data() { return reinterpret_cast<Lanes*>(store_.data()); }
  double* scalars() { return store_.data(); }

 private:
  AlignedVector<double> store_;
};

MIXOT_INLINE Lanes sqrt(Lanes x) {
  Lanes out{};
  for (int l = 0; l < 4; ++l) out[l] = std::sqrt(x[l]);
  return out;
}


#include "machine/exp_log.inl"

MIXOT_INLINE double fast_exp(double x) { return exp64<double, std::uint64_t>(x); }
MIXOT_INLINE float fast_exp(float x) { return exp32<float, std::uint32_t>(x); }
MIXOT_INLINE double fast_log(double x) { return log64<double, std::uint64_t>(x); }
MIXOT_INLINE float fast_log(float x) { return log32<float, std::uint32_t>(x); }

}  // namespace mixot
