// Laguerre cells themselves, whatever density they are for; points come and go in the caller's order.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cells/box.hpp"
#include "cells/ordered_points.hpp"

namespace mixot {

// Polygons one after the other: cell i has the corners first[i] .. first[i+1]-1, counterclockwise; neighbor[k] is
// beyond the edge from corner k to the next, a point or -1 .. -4 for the lower, right, upper and left side of the box.
struct PlaneCells {
  std::vector<std::int64_t> first, neighbor;
  std::vector<double> corners;
};
PlaneCells plane_cells(const WeightedPoints& cloud, const Box<2>& box, std::size_t threads);

// Volumes (n) of the cells in space.
void solid_volumes(const WeightedPoints& cloud, const Box<3>& box, std::size_t threads, double* out);

// Corners of all cells in space, (m, 3), and the point whose cell each belongs to, (m).
struct SolidCorners {
  std::vector<double> corners;
  std::vector<std::int64_t> owner;
};
SolidCorners solid_corners(const WeightedPoints& cloud, const Box<3>& box, std::size_t threads);

}  // namespace mixot
