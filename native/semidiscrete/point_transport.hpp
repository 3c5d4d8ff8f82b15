// Weighted points against a density in a box, as Python asks for it; points come and go in the caller's order.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cells/box.hpp"
#include "cells/density.hpp"
#include "cells/ordered_points.hpp"
#include "semidiscrete/newton.hpp"

namespace mixot {

// Moments of the density over each cell, rows (n, 6) or (n, 10) as in Moments.
template <int D>
void cell_moments(const WeightedPoints& cloud, const Box<D>& box, Density<D>& density, std::size_t threads,
                  double* out);

// The Hessian of the dual, less its sign: a Laplacian in compressed rows, off-diagonal weights only.
struct CellGraph {
  std::vector<std::int64_t> first, to;
  std::vector<double> weight;
};
template <int D>
CellGraph cell_graph(const WeightedPoints& cloud, const Box<D>& box, Density<D>& density, std::size_t threads);

struct TransportTask {
  const double* points;  // (n, D)
  const double* target;  // (n)
  std::size_t n;
  const double* start;  // (n) or null
  double tol;
  int max_updates;
  std::size_t threads;
  // Not null: who was a neighbor of whom in the solution that the start is from, a hint that may be empty or wrong; and
  // then in this one.
  CellGraph* neighbors = nullptr;
};
struct TransportReport {
  Outcome outcome;
  bool warm;         // the start led to it
  bool from_blocks;  // the weights come from a transport to blocks of the density
  double residual, gap;
  Budget spent;
};

// Fills weights (n) and moments as above; marginals holds the masses of equal slabs along each axis.
template <int D>
TransportReport point_transport(const TransportTask& task, const Box<D>& box, Density<D>& density,
                                const std::vector<double> (&marginals)[D], double* weights, double* moments);

}  // namespace mixot
