// Walls between Laguerre cells in space, and integrals of a density on voxels over them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cells/ordered_points.hpp"
#include "densities/grid.hpp"

namespace mixot {

// Walls f between the points below[f] and above[f]; sums (f, 10): integrals by area of the density times the monomials
// of Moments<3>.
struct VoxelWalls {
  std::vector<std::int64_t> below, above;
  std::vector<double> sums;
};

VoxelWalls voxel_walls(const WeightedPoints& cloud, const Grid<3>& voxels, std::size_t threads);

}  // namespace mixot
