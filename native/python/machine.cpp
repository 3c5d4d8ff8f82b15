// The machine: its instruction set, the exponential of arrays, and for tests the hand-out of blocks.
#include <cstddef>
#include <stdexcept>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

namespace mixot {
template <class Real>
MIXOT_INLINE void exp_all_body(const Real* x, std::size_t n, Real* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = fast_exp(x[i]);
}
MIXOT_MULTIVERSION(exp_all, (const double* x, std::size_t n, double* out), (x, n, out))
MIXOT_MULTIVERSION(exp_all, (const float* x, std::size_t n, float* out), (x, n, out))
}  // namespace mixot

namespace {

template <class Real>
void bind_exponential(nb::module_& m) {
  m.def("fast_exp", [](Dense<const Real, 1> x, Dense<Real, 1> out) { mixot::exp_all(x.data(), x.shape(0), out.data()); },
        nb::arg("x").noconvert(), nb::arg("out").noconvert());
}

}  // namespace

void bind_machine(nb::module_& m) {
  // The instruction set the multiversioned loops run on.
  m.def("isa", [] {
    switch (mixot::isa()) {
      case mixot::Isa::avx512: return "avx512";
      case mixot::Isa::avx2: return "avx2";
      default: return "baseline";
    }
  });
  bind_exponential<float>(m);
  bind_exponential<double>(m);
  // Hands out the blocks 0 .. n - 1, adds one to hits[block], and throws in block `fail`.
  m.def("parallel_hits", [](Dense<double, 1> hits, std::size_t threads, std::size_t fail) {
    nb::gil_scoped_release release;
    double* count = hits.data();
    mixot::parallel_blocks(hits.shape(0), threads, [=](std::size_t block, std::size_t worker) {
      if (block == fail || worker >= threads) throw std::runtime_error("this block fails");
      count[block] += 1;
    });
  });
}
