// Weighted points against densities, for Python: pixels, voxels and sums of Gaussians.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "python/bindings.hpp"
#include "densities/gaussian_cells.hpp"
#include "densities/gaussian_density.hpp"
#include "densities/gaussian_walls.hpp"
#include "semidiscrete/plane_transport.hpp"
#include "densities/solid_gaussians.hpp"
#include "semidiscrete/solid_transport.hpp"
#include "densities/voxel_density.hpp"

namespace {

// ---- semi-discrete transport: cells of weighted points, integrals over them, weights that give them their masses ----

template <class T>
auto to_python(std::vector<T>&& values, std::vector<std::size_t> shape) {
  auto* kept = new std::vector<T>(std::move(values));
  nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return nb::ndarray<nb::numpy, T>(kept->data(), shape.size(), shape.data(), owner);
}

mixot::Rectangle as_rectangle(const Dense<const double, 2>& bounds) {
  const double* b = bounds.data();  // rows: lower and upper end of an axis
  return {{b[0], b[2]}, {b[1], b[3]}};
}

mixot::Pixels as_pixels(const Dense<const double, 2>& values, const Dense<const double, 2>& bounds, int degree) {
  return {values.data(), values.shape(0), values.shape(1), as_rectangle(bounds), degree};
}

mixot::WeightedPoints as_cloud(const Dense<const double, 2>& points, const Dense<const double, 1>& weights) {
  return {points.data(), weights.data(), points.shape(0)};
}

void bind_semidiscrete(nb::module_& m) {
  using Vector = Dense<const double, 1>;
  using Matrix = Dense<const double, 2>;
  m.def("plane_cells", [](Matrix points, Vector weights, Matrix bounds, std::size_t threads) {
    mixot::PlaneCells cells;
    {
      nb::gil_scoped_release release;
      cells = mixot::plane_cells(as_cloud(points, weights), as_rectangle(bounds), threads);
    }
    const std::size_t corners = cells.neighbor.size();
    return std::make_tuple(to_python(std::move(cells.first), {points.shape(0) + 1}),
                           to_python(std::move(cells.corners), {corners, 2}),
                           to_python(std::move(cells.neighbor), {corners}));
  });
  m.def("pixel_moments", [](Matrix points, Vector weights, Matrix values, Matrix bounds, int degree,
                            std::size_t threads, Dense<double, 2> out) {
    nb::gil_scoped_release release;
    mixot::PixelDensity density(as_pixels(values, bounds, degree));
    mixot::plane_moments(as_cloud(points, weights), as_rectangle(bounds), density, threads, out.data());
  });
  m.def("pixel_graph", [](Matrix points, Vector weights, Matrix values, Matrix bounds, int degree,
                          std::size_t threads) {
    mixot::PlaneGraph graph;
    {
      nb::gil_scoped_release release;
      mixot::PixelDensity density(as_pixels(values, bounds, degree));
      graph = mixot::plane_graph(as_cloud(points, weights), as_rectangle(bounds), density, threads);
    }
    const std::size_t entries = graph.to.size();
    return std::make_tuple(to_python(std::move(graph.first), {points.shape(0) + 1}),
                           to_python(std::move(graph.to), {entries}), to_python(std::move(graph.weight), {entries}));
  });
  m.def("pixel_potentials", [](Matrix points, Vector weights, Matrix bounds, int degree, std::size_t threads,
                               Dense<double, 2> out) {
    nb::gil_scoped_release release;
    const mixot::Pixels shape{nullptr, out.shape(0), out.shape(1), as_rectangle(bounds), degree};
    mixot::pixel_potentials(as_cloud(points, weights), shape, threads, out.data());
  });
  m.def(
      "pixel_transport",
      [](Matrix points, Vector target, Matrix values, Matrix bounds, int degree, std::optional<Vector> start,
         double tol, int max_updates, std::size_t threads, Dense<double, 1> weights, Dense<double, 2> moments) {
        nb::gil_scoped_release release;
        const mixot::Pixels pixels = as_pixels(values, bounds, degree);
        mixot::PixelDensity density(pixels);
        std::vector<double> marginals[2];
        mixot::pixel_marginals(pixels, marginals);
        const auto report = mixot::plane_transport(
            {points.data(), target.data(), points.shape(0), start ? start->data() : nullptr, tol, max_updates, threads},
            pixels.box, density, marginals, weights.data(), moments.data());
        return std::make_tuple(int(report.outcome), report.gap, report.spent.iterations, report.spent.updates,
                               report.spent.linear_iterations);
      },
      nb::arg("points"), nb::arg("target"), nb::arg("values"), nb::arg("bounds"), nb::arg("degree"),
      nb::arg("start").none(), nb::arg("tol"), nb::arg("max_updates"), nb::arg("threads"),
      nb::arg("weights").noconvert(), nb::arg("moments").noconvert());
}

mixot::Cuboid as_cuboid(const Dense<const double, 2>& bounds) {
  const double* b = bounds.data();
  return {{b[0], b[2], b[4]}, {b[1], b[3], b[5]}};
}

mixot::Voxels as_voxels(const Dense<const double, 3>& values, const Dense<const double, 2>& bounds, int degree) {
  return {values.data(), {values.shape(0), values.shape(1), values.shape(2)}, as_cuboid(bounds), degree};
}

void bind_semidiscrete_in_space(nb::module_& m) {
  using Vector = Dense<const double, 1>;
  using Matrix = Dense<const double, 2>;
  m.def("solid_volumes", [](Matrix points, Vector weights, Matrix bounds, std::size_t threads, Dense<double, 1> out) {
    nb::gil_scoped_release release;
    mixot::solid_volumes(as_cloud(points, weights), as_cuboid(bounds), threads, out.data());
  });
  m.def("solid_corners", [](Matrix points, Vector weights, Matrix bounds, std::size_t threads) {
    mixot::SolidCorners found;
    {
      nb::gil_scoped_release release;
      found = mixot::solid_corners(as_cloud(points, weights), as_cuboid(bounds), threads);
    }
    const std::size_t count = found.owner.size();
    return std::make_tuple(to_python(std::move(found.corners), {count, 3}),
                           to_python(std::move(found.owner), {count}));
  });
  m.def("voxel_moments", [](Matrix points, Vector weights, Dense<const double, 3> values, Matrix bounds,
                            int degree, std::size_t threads, Dense<double, 2> out) {
    nb::gil_scoped_release release;
    mixot::VoxelDensity density(as_voxels(values, bounds, degree));
    mixot::solid_moments(as_cloud(points, weights), as_cuboid(bounds), density, threads, out.data());
  });
  m.def("voxel_potentials", [](Matrix points, Vector weights, Matrix bounds, int degree, std::size_t threads,
                               Dense<double, 3> out) {
    nb::gil_scoped_release release;
    const mixot::Voxels shape{nullptr, {out.shape(0), out.shape(1), out.shape(2)}, as_cuboid(bounds), degree};
    mixot::voxel_potentials(as_cloud(points, weights), shape, threads, out.data());
  });
  m.def(
      "voxel_transport",
      [](Matrix points, Vector target, Dense<const double, 3> values, Matrix bounds, int degree,
         std::optional<Vector> start, double tol, int max_updates, std::size_t threads, Dense<double, 1> weights,
         Dense<double, 2> moments) {
        nb::gil_scoped_release release;
        const mixot::Voxels voxels = as_voxels(values, bounds, degree);
        mixot::VoxelDensity density(voxels);
        std::vector<double> marginals[3];
        mixot::voxel_marginals(voxels, marginals);
        const auto report = mixot::solid_transport(
            {points.data(), target.data(), points.shape(0), start ? start->data() : nullptr, tol, max_updates, threads},
            voxels.box, density, marginals, weights.data(), moments.data());
        return std::make_tuple(int(report.outcome), report.gap, report.spent.iterations, report.spent.updates,
                               report.spent.linear_iterations);
      },
      nb::arg("points"), nb::arg("target"), nb::arg("values"), nb::arg("bounds"), nb::arg("degree"),
      nb::arg("start").none(), nb::arg("tol"), nb::arg("max_updates"), nb::arg("threads"),
      nb::arg("weights").noconvert(), nb::arg("moments").noconvert());
}

// ---- sums of Gaussians over convex regions of the plane ----

mixot::PlaneRegions plane_regions(const Dense<const double, 2>& corners, const Dense<const std::int64_t, 1>& start) {
  return {corners.data(), start.data(), start.shape(0) - 1};
}

void bind_gaussian_cells(nb::module_& m) {
  using Weights = Dense<const double, 1>;
  using Rows = Dense<const double, 2>;
  using Covs = Dense<const double, 3>;
  using Starts = Dense<const std::int64_t, 1>;
  m.def(
      "integrate_gaussians",
      [](Rows corners, Starts start, Rows centers, Weights weights, Rows means, Covs covs, Dense<double, 2> total,
         std::optional<Dense<double, 3>> each, std::optional<Dense<double, 1>> lines,
         std::optional<Dense<double, 2>> lines_each, std::size_t threads) {
        nb::gil_scoped_release release;
        const mixot::GaussianSum law(weights.data(), means.data(), covs.data(), weights.shape(0));
        mixot::integrate_gaussians(plane_regions(corners, start), centers.data(), law,
                                   {total.data(), each ? each->data() : nullptr, lines ? lines->data() : nullptr,
                                    lines_each ? lines_each->data() : nullptr},
                                   threads);
      },
      nb::arg("corners"), nb::arg("start"), nb::arg("centers"), nb::arg("weights"), nb::arg("means"), nb::arg("covs"),
      nb::arg("total"), nb::arg("each").none(), nb::arg("lines").none(), nb::arg("lines_each").none(),
      nb::arg("threads"));
  m.def("gaussian_derivatives", [](Rows corners, Starts start, Rows points, Weights potentials, Weights weights,
                                   Rows means, Covs covs, Dense<double, 2> out, std::size_t threads) {
    nb::gil_scoped_release release;
    const mixot::GaussianSum law(weights.data(), means.data(), covs.data(), weights.shape(0));
    mixot::gaussian_derivatives(plane_regions(corners, start), points.data(), potentials.data(), law, out.data(),
                                threads);
  });
  m.def("gaussian_moments", [](Rows points, Weights potentials, Weights weights, Rows means, Covs covs, Rows bounds,
                               std::size_t threads, Dense<double, 2> out) {
    nb::gil_scoped_release release;
    mixot::GaussianDensity density({weights.data(), means.data(), covs.data(), weights.shape(0)});
    mixot::plane_moments(as_cloud(points, potentials), as_rectangle(bounds), density, threads, out.data());
  });
  m.def(
      "gaussian_transport",
      [](Rows points, Weights target, Weights weights, Rows means, Covs covs, Rows bounds,
         std::optional<Weights> start, double tol, int max_updates, std::size_t threads, Dense<double, 1> potentials,
         Dense<double, 2> moments) {
        nb::gil_scoped_release release;
        const mixot::GaussianLaws laws{weights.data(), means.data(), covs.data(), weights.shape(0)};
        const mixot::Rectangle box = as_rectangle(bounds);
        mixot::GaussianDensity density(laws);
        std::vector<double> marginals[2];
        mixot::gaussian_marginals<2>(laws, box.lo, box.hi, 4096, marginals);
        const auto report = mixot::plane_transport(
            {points.data(), target.data(), points.shape(0), start ? start->data() : nullptr, tol, max_updates, threads},
            box, density, marginals, potentials.data(), moments.data());
        return std::make_tuple(int(report.outcome), report.gap, report.spent.iterations, report.spent.updates,
                               report.spent.linear_iterations);
      },
      nb::arg("points"), nb::arg("target"), nb::arg("weights"), nb::arg("means"), nb::arg("covs"), nb::arg("bounds"),
      nb::arg("start").none(), nb::arg("tol"), nb::arg("max_updates"), nb::arg("threads"),
      nb::arg("potentials").noconvert(), nb::arg("moments").noconvert());
}

// ---- sums of Gaussians over polyhedra ----

void bind_solid_gaussians(nb::module_& m) {
  using Weights = Dense<const double, 1>;
  using Rows = Dense<const double, 2>;
  using Covs = Dense<const double, 3>;
  m.def("integrate_faces", [](Rows corners, Dense<const std::int64_t, 1> start, Weights weights, Rows means, Covs covs,
                              Dense<double, 2> moments, Dense<double, 1> areas) {
    nb::gil_scoped_release release;
    mixot::integrate_faces({corners.data(), start.data(), start.shape(0) - 1},
                           {weights.data(), means.data(), covs.data(), weights.shape(0)}, moments.data(), areas.data());
  });
  m.def("solid_gaussian_derivatives", [](Rows points, Weights potentials, Weights weights, Rows means, Covs covs,
                                         Rows bounds, std::size_t threads, Dense<double, 2> out) {
    nb::gil_scoped_release release;
    mixot::solid_gaussian_derivatives(as_cloud(points, potentials),
                                      {weights.data(), means.data(), covs.data(), weights.shape(0)},
                                      as_cuboid(bounds), threads, out.data());
  });
  m.def("solid_gaussian_moments", [](Rows points, Weights potentials, Weights weights, Rows means, Covs covs,
                                     Rows bounds, std::size_t threads, Dense<double, 2> out) {
    nb::gil_scoped_release release;
    mixot::SolidGaussians density({weights.data(), means.data(), covs.data(), weights.shape(0)});
    mixot::solid_moments(as_cloud(points, potentials), as_cuboid(bounds), density, threads, out.data());
  });
  m.def(
      "solid_gaussian_transport",
      [](Rows points, Weights target, Weights weights, Rows means, Covs covs, Rows bounds,
         std::optional<Weights> start, double tol, int max_updates, std::size_t threads, Dense<double, 1> potentials,
         Dense<double, 2> moments) {
        nb::gil_scoped_release release;
        const mixot::GaussianLaws laws{weights.data(), means.data(), covs.data(), weights.shape(0)};
        const mixot::Cuboid box = as_cuboid(bounds);
        mixot::SolidGaussians density(laws);
        std::vector<double> marginals[3];
        mixot::gaussian_marginals<3>(laws, box.lo, box.hi, 4096, marginals);
        const auto report = mixot::solid_transport(
            {points.data(), target.data(), points.shape(0), start ? start->data() : nullptr, tol, max_updates, threads},
            box, density, marginals, potentials.data(), moments.data());
        return std::make_tuple(int(report.outcome), report.gap, report.spent.iterations, report.spent.updates,
                               report.spent.linear_iterations);
      },
      nb::arg("points"), nb::arg("target"), nb::arg("weights"), nb::arg("means"), nb::arg("covs"), nb::arg("bounds"),
      nb::arg("start").none(), nb::arg("tol"), nb::arg("max_updates"), nb::arg("threads"),
      nb::arg("potentials").noconvert(), nb::arg("moments").noconvert());
}

// ---- walls between cells, for fits by transport in space ----

void bind_gaussian_walls(nb::module_& m) {
  using Vector = Dense<const double, 1>;
  using Rows = Dense<const double, 2>;
  m.def("gaussian_walls", [](Rows points, Vector potentials, Vector weights, Rows means, Dense<const double, 3> covs,
                             Rows bounds, std::size_t threads) {
    mixot::GaussianWalls walls;
    const std::size_t n = points.shape(0), k = weights.shape(0);
    {
      nb::gil_scoped_release release;
      walls = mixot::gaussian_walls(as_cloud(points, potentials), {weights.data(), means.data(), covs.data(), k},
                                    as_cuboid(bounds), threads);
    }
    const std::size_t count = walls.below.size();
    return std::make_tuple(to_python(std::move(walls.below), {count}), to_python(std::move(walls.above), {count}),
                           to_python(std::move(walls.zeroth), {count, k}),
                           to_python(std::move(walls.first), {count, k, 3}),
                           to_python(std::move(walls.second), {count, k, 6}),
                           to_python(std::move(walls.shares), {n, k}));
  });
}

}  // namespace

void bind_transport(nb::module_& m) {
  bind_semidiscrete(m);
  bind_semidiscrete_in_space(m);
  bind_gaussian_cells(m);
  bind_solid_gaussians(m);
  bind_gaussian_walls(m);
}
