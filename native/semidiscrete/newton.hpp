// Damped Newton's method on the dual of semi-discrete transport.
#pragma once
#include <cstddef>
#include <vector>

#include "cells/cell_system.hpp"

namespace mixot {

// Weights of the points, the masses their cells should have, and those that they have.
struct DualState {
  std::vector<double> weights, target;
  CellIntegrals cells;
  double residual() const;  // max |mass - target|
};

enum class Outcome { converged, max_iter, stalled, empty_cells };

// What may still be spent, and what has been: shared by all levels and stages of a solve.
struct Budget {
  int max_updates;
  std::size_t threads;
  int updates = 0, iterations = 0, linear_iterations = 0, raised = 0;
};

// From state.weights, whose cells were the last that the system was asked for: weights at which all masses are within
// tol of their targets. The state always holds the best accepted weights. few_empty says that the start is good but for
// a few cells, whose weights may be raised.
Outcome newton(CellSystem& system, DualState& state, double tol, bool few_empty, Budget& budget);

}  // namespace mixot
