// Integrals of sums of Gaussians over regions of the plane, over polyhedra and over the walls between cells.
#include <utility>

#include "densities/gaussian_cells.hpp"
#include "densities/gaussian_polyhedra.hpp"
#include "densities/gaussian_walls.hpp"
#include "python/bindings.hpp"
#include "python/transport.hpp"

namespace {

using Covs = Dense<const double, 3>;
using Starts = Dense<const std::int64_t, 1>;

mixot::PlaneRegions plane_regions(const Rows& corners, const Starts& start) {
  return {corners.data(), start.data(), start.shape(0) - 1};
}

mixot::GaussianLaws as_laws(const Vector& weights, const Rows& means, const Covs& covs) {
  return {weights.data(), means.data(), covs.data(), weights.shape(0)};
}

void bind_plane(nb::module_& m) {
  m.def(
      "integrate_gaussians",
      [](Rows corners, Starts start, Rows centers, Vector weights, Rows means, Covs covs, Dense<double, 2> total,
         std::optional<Dense<double, 3>> each, std::optional<Dense<double, 1>> lines,
         std::optional<Dense<double, 2>> lines_each, std::size_t threads) {
        nb::gil_scoped_release release;
        const mixot::GaussianGroups<2> law(as_laws(weights, means, covs));
        mixot::integrate_gaussians(plane_regions(corners, start), centers.data(), law,
                                   {total.data(), each ? each->data() : nullptr, lines ? lines->data() : nullptr,
                                    lines_each ? lines_each->data() : nullptr},
                                   threads);
      },
      nb::arg("corners"), nb::arg("start"), nb::arg("centers"), nb::arg("weights"), nb::arg("means"), nb::arg("covs"),
      nb::arg("total"), nb::arg("each").none(), nb::arg("lines").none(), nb::arg("lines_each").none(),
      nb::arg("threads"));
  m.def("gaussian_derivatives", [](Rows corners, Starts start, Rows points, Vector potentials, Vector weights,
                                   Rows means, Covs covs, Dense<double, 2> out, std::size_t threads) {
    nb::gil_scoped_release release;
    const mixot::GaussianGroups<2> law(as_laws(weights, means, covs));
    mixot::gaussian_derivatives(plane_regions(corners, start), points.data(), potentials.data(), law, out.data(),
                                threads);
  });
}

void bind_space(nb::module_& m) {
  m.def("integrate_faces", [](Rows corners, Starts start, Vector weights, Rows means, Covs covs,
                              Dense<double, 2> moments, Dense<double, 1> areas) {
    nb::gil_scoped_release release;
    mixot::integrate_faces({corners.data(), start.data(), start.shape(0) - 1}, as_laws(weights, means, covs),
                           moments.data(), areas.data());
  });
  m.def("solid_gaussian_derivatives", [](Rows points, Vector potentials, Vector weights, Rows means, Covs covs,
                                         Rows bounds, std::size_t threads, Dense<double, 2> out) {
    nb::gil_scoped_release release;
    mixot::solid_gaussian_derivatives(as_cloud(points, potentials), as_laws(weights, means, covs), as_box<3>(bounds),
                                      threads, out.data());
  });
  m.def("gaussian_walls", [](Rows points, Vector potentials, Vector weights, Rows means, Covs covs, Rows bounds,
                             std::size_t threads) {
    mixot::GaussianWalls walls;
    {
      nb::gil_scoped_release release;
      walls = mixot::gaussian_walls(as_cloud(points, potentials), as_laws(weights, means, covs), as_box<3>(bounds),
                                    threads);
    }
    const std::size_t n = points.shape(0), k = weights.shape(0), count = walls.below.size();
    return std::make_tuple(to_python(std::move(walls.below), {count}), to_python(std::move(walls.above), {count}),
                           to_python(std::move(walls.zeroth), {count, k}),
                           to_python(std::move(walls.first), {count, k, 3}),
                           to_python(std::move(walls.second), {count, k, 6}),
                           to_python(std::move(walls.shares), {n, k}));
  });
}

}  // namespace

void bind_gaussian_cells(nb::module_& m) {
  bind_plane(m);
  bind_space(m);
}
