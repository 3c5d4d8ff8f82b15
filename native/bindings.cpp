// The only file that knows Python. Each kernel gets its arrays as pointers and sizes, with the interpreter lock released.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "integer_laws.hpp"
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

// -- integer laws ----------------------------------------------------------------------------------------------------

namespace {

using Reals = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Integers = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void comonotone_cost(Reals p_below, Reals p_above, Integers p_first, Integers p_start, Reals q_below, Reals q_above,
                     Integers q_first, Integers q_start,
                     nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu> out, std::size_t threads) {
  const mixot::IntegerLaws p{p_below.data(), p_above.data(), p_first.data(), p_start.data(), p_first.shape(0)};
  const mixot::IntegerLaws q{q_below.data(), q_above.data(), q_first.data(), q_start.data(), q_first.shape(0)};
  nb::gil_scoped_release release;
  mixot::comonotone_cost(p, q, out.data(), threads);
}

}  // namespace

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

  // -- integer laws
  m.def("comonotone_cost", &comonotone_cost, "Squared W2 between laws on the integers, (k, l), into `out`.");
}
