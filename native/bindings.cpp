// The only file that knows Python. Each kernel gets its arrays as pointers and sizes, with the interpreter lock released.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "png.hpp"
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

  // For tests: the exponential that the kernels inline, over a vector.
  m.def("fast_exp", [](nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu> x,
                       nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu> out) {
    mixot::exp_all(x.data(), x.shape(0), out.data());
  });
  m.def("fast_exp", [](nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu> x,
                       nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu> out) {
    mixot::exp_all(x.data(), x.shape(0), out.data());
  });

  // Pictures: line filters of 16-bit PNG.
  m.def("png_unfilter", [](nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu> lines,
                           std::size_t step) {
    const std::size_t height = lines.shape(0), stride = lines.shape(1) - 1;
    auto* out = new std::uint8_t[height * stride];
    nb::capsule owner(out, [](void* p) noexcept { delete[] static_cast<std::uint8_t*>(p); });
    {
      nb::gil_scoped_release release;
      mixot::png_unfilter(lines.data(), height, stride, step, out);
    }
    return nb::ndarray<nb::numpy, std::uint8_t>(out, {height, stride}, owner);
  });
}
