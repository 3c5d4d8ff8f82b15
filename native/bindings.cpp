// The only file that knows Python. Each kernel gets its arrays as pointers and sizes, with the interpreter lock released.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include "bures.hpp"
#include "psd_factor.hpp"
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

  // ---- costs between Gaussian laws ----
  using CostMatrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
  using CostMatrices = nb::ndarray<const double, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
  using CostRanks = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
  using NewArray = nb::ndarray<nb::numpy, double>;
  const auto cost_array = [](std::vector<std::size_t> shape) -> NewArray {
    std::size_t size = 1;
    for (std::size_t extent : shape) size *= extent;
    // Zeros that cost nothing until they are touched: most of a low-rank factor never is.
    auto* data = static_cast<double*>(std::calloc(size ? size : 1, sizeof(double)));
    if (!data) throw std::bad_alloc();
    nb::capsule owner(data, [](void* p) noexcept { std::free(p); });
    return NewArray(data, shape.size(), shape.data(), owner);
  };

  m.def("squared_distances", [cost_array](CostMatrix x, CostMatrix y, std::size_t threads) -> NewArray {
    auto out = cost_array({x.shape(0), y.shape(0)});
    {
      nb::gil_scoped_release release;
      mixot::squared_distances(x.data(), x.shape(0), y.data(), y.shape(0), x.shape(1), out.data(), threads);
    }
    return out;
  });

  m.def("psd_factors", [cost_array](CostMatrices covs, std::size_t threads) -> nb::tuple {
    const std::size_t count = covs.shape(0), dim = covs.shape(1);
    auto factors = cost_array({count, dim, dim});
    auto* ranks = new std::int64_t[count];
    nb::capsule owner(ranks, [](void* p) noexcept { delete[] static_cast<std::int64_t*>(p); });
    {
      nb::gil_scoped_release release;
      mixot::psd_factors(covs.data(), count, dim, factors.data(), ranks, threads);
    }
    return nb::make_tuple(factors, nb::ndarray<nb::numpy, std::int64_t>(ranks, {count}, owner));
  });

  const auto pairwise = [cost_array](auto kernel) {
    return [cost_array, kernel](CostMatrices a, CostRanks a_ranks, CostMatrices b, CostRanks b_ranks,
                                std::size_t threads) -> NewArray {
      auto out = cost_array({a.shape(0), b.shape(0)});
      {
        nb::gil_scoped_release release;
        kernel({a.data(), a_ranks.data(), a.shape(0), a.shape(1), a.shape(2)},
               {b.data(), b_ranks.data(), b.shape(0), b.shape(1), b.shape(2)}, out.data(), threads);
      }
      return out;
    };
  };
  m.def("plane_bures", pairwise(&mixot::plane_bures));
  m.def("nuclear_norms", pairwise(&mixot::nuclear_norms));
}
