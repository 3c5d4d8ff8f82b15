// The only file that knows Python. Each kernel gets its arrays as pointers and sizes, with the interpreter lock released.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>

#include "parallel.hpp"
#include "simd.hpp"

namespace nb = nanobind;

namespace mixot {
template <class Real>
MIXOT_INLINE void exp_all_body(const Real* x, std::size_t n, Real* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = fast_exp(x[i]);
}
MIXOT_MULTIVERSION(exp_all, (const double* x, std::size_t n, double* out), (x, n, out))
MIXOT_MULTIVERSION(exp_all, (const float* x, std::size_t n, float* out), (x, n, out))
}  // namespace mixot

NB_MODULE(_native, m) {
  m.doc() = "Compiled loops of mixot. Trusted inputs: everything is checked by the Python that calls them.";

  // The instruction set the multiversioned loops run on.
  m.def("isa", [] {
    switch (mixot::isa()) {
      case mixot::Isa::avx512: return "avx512";
      case mixot::Isa::avx2: return "avx2";
      default: return "baseline";
    }
  });

  // For tests: hands out the blocks 0 .. n - 1, adds one to hits[block], and throws in block `fail`.
  m.def("parallel_hits", [](nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu> hits, std::size_t threads,
                            std::size_t fail) {
    nb::gil_scoped_release unlocked;
    double* count = hits.data();
    mixot::parallel_blocks(hits.shape(0), threads, [=](std::size_t block, std::size_t worker) {
      if (block == fail || worker >= threads) throw std::runtime_error("this block fails");
      count[block] += 1;
    });
  });

  // For tests: the exponential that the kernels inline, over a vector.
  m.def("fast_exp", [](nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu> x,
                       nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu> out) {
    mixot::exp_all(x.data(), x.shape(0), out.data());
  });
  m.def("fast_exp", [](nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu> x,
                       nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu> out) {
    mixot::exp_all(x.data(), x.shape(0), out.data());
  });
}
