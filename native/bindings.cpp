// The only file that knows Python. Each kernel gets its arrays as pointers and sizes, with the interpreter lock released.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <string>

#include "em.hpp"
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

// -- em: the arrays of one mixture, in the order the kernels want them; the last ones are written ------------------

namespace {

template <class T, class... Shape>
using EmArray = nb::ndarray<T, Shape..., nb::c_contig, nb::device::cpu>;
using EmVector = EmArray<const double, nb::ndim<1>>;
using EmMatrix = EmArray<const double, nb::ndim<2>>;

mixot::Structure em_structure(const std::string& name) {
  return name == "full" ? mixot::Structure::full
         : name == "tied" ? mixot::Structure::tied
                          : mixot::Structure::diagonal;
}

template <class T>
mixot::EmProblem<T> em_problem(const EmArray<const T, nb::ndim<2>>& points, const double* weights, const EmVector& center,
                               const EmVector& inv_scale, const EmMatrix& means, const EmArray<const double>& factors,
                               const EmVector& log_const, const std::string& structure) {
  return {points.data(),      weights,          points.shape(0), points.shape(1),  means.shape(0),         center.data(),
          inv_scale.data(),   means.data(),     factors.data(),  log_const.data(), em_structure(structure)};
}

template <class T>
void bind_em(nb::module_& m) {
  m.def(
      "em_pass",
      [](EmArray<const T, nb::ndim<2>> points, EmVector weights, EmVector center, EmVector inv_scale, EmMatrix means,
         EmArray<const double> factors, EmVector log_const, const std::string& structure, std::size_t threads,
         EmArray<double, nb::ndim<1>> mass, EmArray<double, nb::ndim<2>> first, EmArray<double> second) {
        const auto problem =
            em_problem<T>(points, weights.data(), center, inv_scale, means, factors, log_const, structure);
        nb::gil_scoped_release release;
        return mixot::em_pass(problem, threads, mass.data(), first.data(), second.data());
      },
      "E step and sums of the M step; fills mass, first and second, returns the weighted log-likelihood.");
  m.def(
      "em_log_joint",
      [](EmArray<const T, nb::ndim<2>> points, EmVector center, EmVector inv_scale, EmMatrix means, EmArray<const double> factors,
         EmVector log_const, const std::string& structure, std::size_t threads, EmArray<double, nb::ndim<2>> out) {
        const auto problem =
            em_problem<T>(points, nullptr, center, inv_scale, means, factors, log_const, structure);
        nb::gil_scoped_release release;
        mixot::em_log_joint(problem, threads, out.data());
      },
      "Log-joint densities of points and components, (n, k), into `out`.");
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

  // -- em
  bind_em<double>(m);
  bind_em<float>(m);

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
