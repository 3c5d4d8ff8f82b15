// EM: the arrays of one mixture in the order the kernels want them; the last ones are written.
#include <nanobind/stl/string.h>

#include <cstddef>
#include <string>

#include "mixtures/em.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

namespace {

using Vector = Dense<const double, 1>;
using Matrix = Dense<const double, 2>;
template <class T>
using AnyShape = nb::ndarray<T, nb::c_contig, nb::device::cpu>;

mixot::Structure em_structure(const std::string& name) {
  return name == "full" ? mixot::Structure::full
         : name == "tied" ? mixot::Structure::tied
                          : mixot::Structure::diagonal;
}

template <class T>
mixot::EmProblem<T> em_problem(const Dense<const T, 2>& points, const double* weights, const Vector& center,
                               const Vector& inv_scale, const Matrix& means, const AnyShape<const double>& factors,
                               const Vector& log_const, const std::string& structure) {
  return {points.data(),      weights,          points.shape(0), points.shape(1),  means.shape(0),         center.data(),
          inv_scale.data(),   means.data(),     factors.data(),  log_const.data(), em_structure(structure)};
}

template <class T>
void bind_passes(nb::module_& m) {
  m.def(
      "em_pass",
      [](Dense<const T, 2> points, Vector weights, Vector center, Vector inv_scale, Matrix means,
         AnyShape<const double> factors, Vector log_const, const std::string& structure, std::size_t threads,
         Dense<double, 1> mass, Dense<double, 2> first, AnyShape<double> second) {
        const auto problem =
            em_problem<T>(points, weights.data(), center, inv_scale, means, factors, log_const, structure);
        nb::gil_scoped_release release;
        return mixot::em_pass(problem, threads, mass.data(), first.data(), second.data());
      },
      "E step and sums of the M step; fills mass, first and second, returns the weighted log-likelihood.");
  m.def(
      "em_log_joint",
      [](Dense<const T, 2> points, Vector center, Vector inv_scale, Matrix means, AnyShape<const double> factors,
         Vector log_const, const std::string& structure, std::size_t threads, Dense<double, 2> out) {
        const auto problem =
            em_problem<T>(points, nullptr, center, inv_scale, means, factors, log_const, structure);
        nb::gil_scoped_release release;
        mixot::em_log_joint(problem, threads, out.data());
      },
      "Log-joint densities of points and components, (n, k), into `out`.");
}

}  // namespace

void bind_em(nb::module_& m) {
  bind_passes<float>(m);
  bind_passes<double>(m);
}
