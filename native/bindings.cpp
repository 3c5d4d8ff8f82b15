// The only file that knows Python. Each kernel gets its arrays as pointers and sizes, with the interpreter lock released.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <string>

#include "em.hpp"
#include "simd.hpp"

namespace nb = nanobind;

namespace {

template <class T, class... Shape>
using Array = nb::ndarray<T, Shape..., nb::c_contig, nb::device::cpu>;
using Vector = Array<const double, nb::ndim<1>>;
using Matrix = Array<const double, nb::ndim<2>>;

// -- em: the arrays of one mixture, in the order the kernels want them; `out` arrays are written ----------------------

mixot::Structure em_structure(const std::string& name) {
  return name == "full" ? mixot::Structure::full
         : name == "tied" ? mixot::Structure::tied
                          : mixot::Structure::diagonal;
}

template <class T>
mixot::EmProblem<T> em_problem(const Array<const T, nb::ndim<2>>& points, const double* weights, const Vector& center,
                               const Vector& inv_scale, const Matrix& means, const Array<const double>& factors,
                               const Vector& log_const, const std::string& structure) {
  return {points.data(),      weights,          points.shape(0), points.shape(1),  means.shape(0),         center.data(),
          inv_scale.data(),   means.data(),     factors.data(),  log_const.data(), em_structure(structure)};
}

template <class T>
void bind_em(nb::module_& m) {
  m.def(
      "em_pass",
      [](Array<const T, nb::ndim<2>> points, Vector weights, Vector center, Vector inv_scale, Matrix means,
         Array<const double> factors, Vector log_const, const std::string& structure, std::size_t threads,
         Array<double, nb::ndim<1>> mass, Array<double, nb::ndim<2>> first, Array<double> second) {
        const auto problem =
            em_problem<T>(points, weights.data(), center, inv_scale, means, factors, log_const, structure);
        nb::gil_scoped_release release;
        return mixot::em_pass(problem, threads, mass.data(), first.data(), second.data());
      },
      "E step and sums of the M step; fills mass, first and second, returns the weighted log-likelihood.");
  m.def(
      "em_log_joint",
      [](Array<const T, nb::ndim<2>> points, Vector center, Vector inv_scale, Matrix means, Array<const double> factors,
         Vector log_const, const std::string& structure, std::size_t threads, Array<double, nb::ndim<2>> out) {
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

  bind_em<double>(m);
  bind_em<float>(m);
}
