// Semi-discrete optimal transport: from weighted points to a density, from coarse to fine.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "cells/box.hpp"
#include "cells/cell_system.hpp"
#include "cells/density.hpp"
#include "semidiscrete/newton.hpp"

namespace mixot {

// Points of positive mass, no two of them equal, and a density of the same mass in a box, whose longest side is about
// one and whose middle is about zero.
template <int D>
struct TransportProblem {
  const double* points;  // (n, D)
  const double* target;  // (n), masses
  std::size_t n;
  Box<D> box;
  std::vector<double> marginals[D];  // of the density, the masses of equal slabs along each axis
  std::function<std::unique_ptr<CellSystem>(const double* points, std::size_t n)> cells;
  const Density<D>* density;  // what the cells integrate
  const double* start;  // (n), weights from an earlier solution nearby; null: from coarse to fine
  // Appends points that were neighbors of a point in that solution, a hint where its cells are; empty: not known.
  std::function<void(std::size_t point, std::vector<int>& out)> neighbors;
  double tol;           // on max |mass - target|
};

struct TransportAnswer {
  std::vector<int> order;             // point order[i] of the problem is point i of the cells
  std::vector<double> weights;        // in this order, as all below
  std::vector<double> points;         // (n, D)
  CellIntegrals cells;
  std::unique_ptr<CellSystem> system;  // its last cells are those of the weights
  Outcome outcome;
  bool warm;         // the start led to it, without a way from coarse to fine
  bool from_blocks;  // the weights come from a transport to blocks of the density
  double residual;
  double gap;  // the dual value is proven to be no further than this from the optimum
  Budget spent;
};

template <int D>
TransportAnswer transport(const TransportProblem<D>& problem, Budget budget);

}  // namespace mixot
