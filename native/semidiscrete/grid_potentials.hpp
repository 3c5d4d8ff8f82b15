// Integrals of the transport potential over pixels and voxels: the gradient of the cost with respect to their values.
#pragma once
#include <cstddef>

#include "cells/ordered_points.hpp"
#include "densities/grid.hpp"

namespace mixot {

// out[p] = mean over the mass that values[p] carries of min_i |x - y_i|^2 - w_i, shape of grid (whose values are not
// looked at).
template <int D>
void grid_potentials(const WeightedPoints& cloud, const Grid<D>& grid, std::size_t threads, double* out);
template <>
void grid_potentials<2>(const WeightedPoints& cloud, const Grid<2>& pixels, std::size_t threads, double* out);
template <>
void grid_potentials<3>(const WeightedPoints& cloud, const Grid<3>& voxels, std::size_t threads, double* out);

}  // namespace mixot
