// Weighted points against densities on pixels and voxels.
#include <mutex>
#include <type_traits>
#include <utility>

#include "densities/grid.hpp"
#include "densities/pixel_density.hpp"
#include "densities/voxel_density.hpp"
#include "densities/voxel_walls.hpp"
#include "python/bindings.hpp"
#include "python/transport.hpp"
#include "semidiscrete/grid_potentials.hpp"

namespace {

template <int D>
using GridDensity = std::conditional_t<D == 2, mixot::PixelDensity, mixot::VoxelDensity>;

template <int D, class T>
mixot::Grid<D> as_grid(const Dense<T, D>& values, const Rows& bounds, int degree) {
  mixot::Grid<D> out{values.data(), {}, as_box<D>(bounds), degree};
  for (int a = 0; a < D; ++a) out.count[a] = values.shape(std::size_t(a));
  return out;
}

// A grid that many clouds of points are transported to, one after the other: its sums are made once.
template <int D>
class KeptGrid {
 public:
  KeptGrid(Dense<const double, D> values, Rows bounds, int degree)
      : values_(std::move(values)), grid_(as_grid<D>(values_, bounds, degree)), density_(grid_) {
    mixot::grid_marginals<D>(grid_, marginals_);
  }

  auto transport(Rows points, Vector target, Start start, double tol, int max_updates, std::size_t threads,
                 Dense<double, 1> weights, Dense<double, 2> moments) {
    nb::gil_scoped_release release;
    const std::lock_guard<std::mutex> alone(busy_);  // a solve may blend the density on its way
    density_.blend(0);
    mixot::TransportTask task = as_task(points, target, start, tol, max_updates, threads);
    task.neighbors = &neighbors_;
    return solve<D>(task, grid_.box, density_, marginals_, weights.data(), moments.data());
  }

 private:
  Dense<const double, D> values_;  // kept alive: the density reads them
  mixot::Grid<D> grid_;
  GridDensity<D> density_;
  std::vector<double> marginals_[D];
  mixot::CellGraph neighbors_;  // of the last solution
  std::mutex busy_;
};

struct Names {
  const char *moments, *potentials, *transport, *kept;
};

template <int D>
void bind_grid(nb::module_& m, const Names& names) {
  using Values = Dense<const double, D>;
  m.def(names.moments, [](Rows points, Vector weights, Values values, Rows bounds, int degree, std::size_t threads,
                          Dense<double, 2> out) {
    nb::gil_scoped_release release;
    GridDensity<D> density(as_grid<D>(values, bounds, degree));
    mixot::cell_moments<D>(as_cloud(points, weights), as_box<D>(bounds), density, threads, out.data());
  });
  m.def(names.potentials, [](Rows points, Vector weights, Rows bounds, int degree, std::size_t threads,
                             Dense<double, D> out) {
    nb::gil_scoped_release release;
    mixot::grid_potentials<D>(as_cloud(points, weights), as_grid<D>(out, bounds, degree), threads, out.data());
  });
  m.def(
      names.transport,
      [](Rows points, Vector target, Values values, Rows bounds, int degree, Start start, double tol, int max_updates,
         std::size_t threads, Dense<double, 1> weights, Dense<double, 2> moments) {
        nb::gil_scoped_release release;
        const mixot::Grid<D> grid = as_grid<D>(values, bounds, degree);
        GridDensity<D> density(grid);
        std::vector<double> marginals[D];
        mixot::grid_marginals<D>(grid, marginals);
        return solve<D>(as_task(points, target, start, tol, max_updates, threads), grid.box, density, marginals,
                        weights.data(), moments.data());
      },
      nb::arg("points"), nb::arg("target"), nb::arg("values"), nb::arg("bounds"), nb::arg("degree"),
      nb::arg("start").none(), nb::arg("tol"), nb::arg("max_updates"), nb::arg("threads"),
      nb::arg("weights").noconvert(), nb::arg("moments").noconvert());
  nb::class_<KeptGrid<D>>(m, names.kept)
      .def(nb::init<Values, Rows, int>(), nb::arg("values").noconvert(), nb::arg("bounds").noconvert(),
           nb::arg("degree"))
      .def("transport", &KeptGrid<D>::transport, nb::arg("points"), nb::arg("target"), nb::arg("start").none(),
           nb::arg("tol"), nb::arg("max_updates"), nb::arg("threads"), nb::arg("weights").noconvert(),
           nb::arg("moments").noconvert());
}

}  // namespace

void bind_grids(nb::module_& m) {
  bind_grid<2>(m, {"pixel_moments", "pixel_potentials", "pixel_transport", "KeptPixels"});
  bind_grid<3>(m, {"voxel_moments", "voxel_potentials", "voxel_transport", "KeptVoxels"});
  m.def("pixel_graph", [](Rows points, Vector weights, Rows values, Rows bounds, int degree, std::size_t threads) {
    mixot::CellGraph graph;
    {
      nb::gil_scoped_release release;
      mixot::PixelDensity density(as_grid<2>(values, bounds, degree));
      graph = mixot::cell_graph<2>(as_cloud(points, weights), as_box<2>(bounds), density, threads);
    }
    const std::size_t entries = graph.to.size();
    return std::make_tuple(to_python(std::move(graph.first), {points.shape(0) + 1}),
                           to_python(std::move(graph.to), {entries}), to_python(std::move(graph.weight), {entries}));
  });
  m.def("voxel_walls", [](Rows points, Vector weights, Dense<const double, 3> values, Rows bounds, int degree,
                          std::size_t threads) {
    mixot::VoxelWalls walls;
    {
      nb::gil_scoped_release release;
      walls = mixot::voxel_walls(as_cloud(points, weights), as_grid<3>(values, bounds, degree), threads);
    }
    const std::size_t count = walls.below.size();
    return std::make_tuple(to_python(std::move(walls.below), {count}), to_python(std::move(walls.above), {count}),
                           to_python(std::move(walls.sums), {count, 10}));
  });
}
