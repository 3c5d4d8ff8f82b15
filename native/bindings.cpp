// The only file that knows Python. Each kernel gets its arrays as pointers and sizes, with the interpreter lock released.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include <tuple>

#include "gaussian_barycenter.hpp"
#include "simd.hpp"
#include "tuple_pricing.hpp"

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

  // -- barycenters: Gaussian laws in the plane, and the pricing of tuples for the multi-marginal linear program.
  {
    using F64 = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;
    using F64Out = nb::ndarray<double, nb::c_contig, nb::device::cpu>;
    using I32 = nb::ndarray<const std::int32_t, nb::c_contig, nb::device::cpu>;
    using I32Out = nb::ndarray<std::int32_t, nb::c_contig, nb::device::cpu>;
    m.def("planar_barycenters", [](F64 covs, F64 weights, double tol, std::size_t max_iter, std::size_t threads,
                                   F64Out out, F64Out costs, F64Out residuals) {
      nb::gil_scoped_release release;
      return mixot::planar_barycenters(covs.data(), weights.data(), covs.shape(0), covs.shape(1), tol, max_iter,
                                       threads, out.data(), costs.data(), residuals.data());
    });
    m.def("price_tuples", [](I32 sizes, F64 pairs, F64 potentials, I32 known, double threshold, std::size_t max_nodes,
                             std::size_t threads, I32Out rows, F64Out values) {
      nb::gil_scoped_release release;
      const auto answer = mixot::price_tuples({sizes.shape(0), sizes.data(), pairs.data(), potentials.data()},
                                              known.data(), known.shape(0),
                                              {threshold, values.shape(0), max_nodes, threads}, rows.data(),
                                              values.data());
      return std::make_tuple(answer.found, answer.lower, answer.nodes, answer.complete);
    });
  }
}
