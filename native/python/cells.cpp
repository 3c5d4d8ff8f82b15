// Laguerre cells of weighted points, as they are.
#include <nanobind/stl/tuple.h>

#include <tuple>
#include <utility>

#include "cells/cell_geometry.hpp"
#include "python/bindings.hpp"
#include "python/transport.hpp"

void bind_cells(nb::module_& m) {
  m.def("plane_cells", [](Rows points, Vector weights, Rows bounds, std::size_t threads) {
    mixot::PlaneCells cells;
    {
      nb::gil_scoped_release release;
      cells = mixot::plane_cells(as_cloud(points, weights), as_box<2>(bounds), threads);
    }
    const std::size_t corners = cells.neighbor.size();
    return std::make_tuple(to_python(std::move(cells.first), {points.shape(0) + 1}),
                           to_python(std::move(cells.corners), {corners, 2}),
                           to_python(std::move(cells.neighbor), {corners}));
  });
  m.def("solid_volumes", [](Rows points, Vector weights, Rows bounds, std::size_t threads, Dense<double, 1> out) {
    nb::gil_scoped_release release;
    mixot::solid_volumes(as_cloud(points, weights), as_box<3>(bounds), threads, out.data());
  });
  m.def("solid_corners", [](Rows points, Vector weights, Rows bounds, std::size_t threads) {
    mixot::SolidCorners found;
    {
      nb::gil_scoped_release release;
      found = mixot::solid_corners(as_cloud(points, weights), as_box<3>(bounds), threads);
    }
    const std::size_t count = found.owner.size();
    return std::make_tuple(to_python(std::move(found.corners), {count, 3}),
                           to_python(std::move(found.owner), {count}));
  });
}
