// Fits of Gaussian mixtures to Chebyshev moments, and barycenters of Gaussian laws in the plane.
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>

#include "mixtures/gaussian_barycenter.hpp"
#include "mixtures/moment_fit.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

namespace {

mixot::CovShape cov_shape(const std::string& structure) {
  if (structure == "spherical") return mixot::CovShape::spherical;
  return structure == "diagonal" ? mixot::CovShape::diagonal : mixot::CovShape::full;
}

// Variances between which the covariances stay, and how far from zero the means go.
using Box = std::tuple<double, double, double>;

mixot::MomentTarget moment_target(const Dense<const std::int64_t, 2>& powers, const Dense<const double, 3>& operators,
                                  const Dense<const double, 1>& target, const std::string& structure, const Box& box) {
  const auto [floor, ceiling, reach] = box;
  return {powers.data(), operators.data(), target.data(), powers.shape(1), powers.shape(0), target.shape(0),
          cov_shape(structure), floor, ceiling, reach};
}

void bind_moment_fits(nb::module_& m) {
  using namespace nb::literals;
  m.def(
      "moment_fit",
      [](Dense<const std::int64_t, 2> powers, Dense<const double, 3> operators, Dense<const double, 1> target,
         const std::string& structure, Box box, Dense<double, 2> weights, Dense<double, 3> means,
         Dense<double, 3> covs, Dense<double, 1> objectives, Dense<std::int64_t, 1> iterations, std::size_t max_iter,
         double tol, bool relative, std::size_t threads) {
        nb::gil_scoped_release release;
        const mixot::MomentStarts starts{weights.data(), means.data(), covs.data(), weights.shape(0), weights.shape(1),
                                         objectives.data(), iterations.data()};
        mixot::moment_fit(moment_target(powers, operators, target, structure, box), starts, {max_iter, tol, relative},
                          threads);
      },
      "Levenberg-Marquardt from each start, in place.");
  m.def(
      "moment_residuals",
      [](Dense<const std::int64_t, 2> powers, Dense<const double, 3> operators, Dense<const double, 1> target,
         const std::string& structure, Box box, Dense<const double, 1> weights, Dense<const double, 2> means,
         Dense<const double, 2> covs, Dense<double, 1> residuals, Dense<double, 2> jacobian) {
        nb::gil_scoped_release release;
        mixot::moment_residuals(moment_target(powers, operators, target, structure, box), weights.data(), means.data(),
                                covs.data(), weights.shape(0), residuals.data(), jacobian.data());
      },
      "Whitened residuals (m) and their derivatives (m, q) by logits, means and shapes.");
  m.def(
      "chebyshev_moments",
      [](Dense<const std::int64_t, 2> powers, const std::string& structure, Dense<const double, 2> means,
         Dense<const double, 2> covs, Dense<double, 2> out) {
        nb::gil_scoped_release release;
        mixot::chebyshev_moments(powers.data(), powers.shape(0), powers.shape(1), cov_shape(structure), means.data(),
                                 covs.data(), means.shape(0), out.data());
      },
      "Expectations of the Chebyshev products under Gaussian laws, (k, s).");
}

}  // namespace

void bind_gaussian_mixtures(nb::module_& m) {
  bind_moment_fits(m);
  m.def("planar_barycenters",
        [](Dense<const double, 4> covs, Dense<const double, 1> weights, double tol, std::size_t max_iter,
           std::size_t threads, Dense<double, 3> out, Dense<double, 1> costs, Dense<double, 1> residuals) {
          nb::gil_scoped_release release;
          return mixot::planar_barycenters(covs.data(), weights.data(), covs.shape(0), covs.shape(1), tol, max_iter,
                                           threads, out.data(), costs.data(), residuals.data());
        });
}
