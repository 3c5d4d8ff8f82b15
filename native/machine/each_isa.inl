// Compiles the file named by MIXOT_KERNEL once for each instruction set, in namespaces mixot::{baseline,avx2,avx512},
// with kBytes the width of a register and the vocabulary of vec.inl. For kernels that keep registers by hand; a plain
// loop that the compiler vectorises is better off with MIXOT_MULTIVERSION. The file may include others of its kind only.
namespace mixot {
namespace baseline {
namespace {
constexpr int kBytes = 16;
#include "machine/vec.inl"
#include MIXOT_KERNEL
}  // namespace
}  // namespace baseline
#ifdef MIXOT_X86

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
namespace avx2 {
namespace {
constexpr int kBytes = 32;
#include "machine/vec.inl"
#include MIXOT_KERNEL
}  // namespace
}  // namespace avx2
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
#endif
namespace avx512 {
namespace {
constexpr int kBytes = 64;
#include "machine/vec.inl"
#include MIXOT_KERNEL
}  // namespace
}  // namespace avx512
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

// Ends a function with what the widest of the kernels that this processor runs returns of this call.
#define MIXOT_DISPATCH(call)               \
  switch (isa()) {                         \
    case Isa::avx512: return avx512::call; \
    case Isa::avx2: return avx2::call;     \
    default: return baseline::call;        \
  }
#else
#define MIXOT_DISPATCH(call) return baseline::call;
#endif
}  // namespace mixot
