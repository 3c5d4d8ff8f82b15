// What Python asks of cells in the plane; points come and go in the caller's order.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cells/ordered_points.hpp"
#include "densities/pixel_density.hpp"
#include "cells/plane_density.hpp"
#include "semidiscrete/semidiscrete.hpp"

namespace mixot {

// Polygons one after the other: cell i has the corners first[i] .. first[i+1]-1, counterclockwise; neighbor[k] is
// beyond the edge from corner k to the next, a point or -1 .. -4 for the lower, right, upper and left side of the box.
struct PlaneCells {
  std::vector<std::int64_t> first, neighbor;
  std::vector<double> corners;
};
PlaneCells plane_cells(const WeightedPoints& cloud, const Rectangle& box, std::size_t threads);

// Moments (n, 6) of the density over each cell, rows as in PlaneMoments.
void plane_moments(const WeightedPoints& cloud, const Rectangle& box, PlaneDensity& density, std::size_t threads,
                   double* out);

// The Hessian of the dual, less its sign: a Laplacian in compressed rows, off-diagonal weights only.
struct PlaneGraph {
  std::vector<std::int64_t> first, to;
  std::vector<double> weight;
};
PlaneGraph plane_graph(const WeightedPoints& cloud, const Rectangle& box, PlaneDensity& density, std::size_t threads);

// out[p] = mean over the mass that values[p] carries of min_i |x - y_i|^2 - w_i, shape of pixels: the gradient of the
// cost with respect to the values.
void pixel_potentials(const WeightedPoints& cloud, const Pixels& pixels, std::size_t threads, double* out);

// Fills weights (n) and moments (n, 6); marginals holds the masses of equal slabs along each axis.
TransportReport plane_transport(const TransportTask& task, const Rectangle& box, PlaneDensity& density,
                               const std::vector<double> (&marginals)[2], double* weights, double* moments);

// Masses of the columns and of the rows of pixels.
void pixel_marginals(const Pixels& pixels, std::vector<double> (&out)[2]);

}  // namespace mixot
