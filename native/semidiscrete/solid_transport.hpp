// What Python asks of cells in three dimensions; points come and go in the caller's order.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cells/ordered_points.hpp"
#include "cells/polyhedron.hpp"
#include "semidiscrete/semidiscrete.hpp"
#include "cells/solid_density.hpp"

namespace mixot {

// Moments (n, 10) of the density over each cell, rows as in SolidMoments.
void solid_moments(const WeightedPoints& cloud, const Cuboid& box, SolidDensity& density, std::size_t threads,
                   double* out);

// Volumes (n) of the cells.
void solid_volumes(const WeightedPoints& cloud, const Cuboid& box, std::size_t threads, double* out);

// Corners of all cells, (m, 3), once for each face, and the point whose cell each belongs to, (m).
struct SolidCorners {
  std::vector<double> corners;
  std::vector<std::int64_t> owner;
};
SolidCorners solid_corners(const WeightedPoints& cloud, const Cuboid& box, std::size_t threads);

// Fills weights (n) and moments (n, 10); marginals holds the masses of equal slabs along each axis.
TransportReport solid_transport(const TransportTask& task, const Cuboid& box, SolidDensity& density,
                                const std::vector<double> (&marginals)[3], double* weights, double* moments);

}  // namespace mixot
